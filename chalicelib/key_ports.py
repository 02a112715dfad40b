"""What the authorizer needs from outside, apart from what the API does: it starts before each
request that is the first for a while, and has no use for what the API reads and writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: by its hash, never itself."""

    key_hash: str
    tenant: str
    name: str = ""


class ApiKeyRecords(Protocol):
    """Where keys are kept."""

    def api_key(self, key_hash: str) -> ApiKey | None:
        """Return the key with this hash, or None once it is revoked or was never made."""
