"""ULIDs: ids of 26 characters that sort by the time at which they were made.

https://github.com/ulid/spec
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26
_CHANCE_BITS = 80

ULID_PATTERN = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"


def ulid(now: datetime, chance: int | None = None) -> str:
    """Return a new ULID: 48 bits of milliseconds since 1970, then 80 random bits."""
    bits = secrets.randbits(_CHANCE_BITS) if chance is None else chance
    number = (int(now.timestamp() * 1000) << _CHANCE_BITS) | bits
    return "".join(_ALPHABET[(number >> (5 * n)) & 31] for n in reversed(range(_LENGTH)))


def ulid_of(moment: datetime, seed: str) -> str:
    """Return the ULID of `moment` and `seed`: the same one each time, so that a repeat is known."""
    digest = hashlib.sha256(seed.encode()).digest()
    return ulid(moment, int.from_bytes(digest[: _CHANCE_BITS // 8], "big"))
