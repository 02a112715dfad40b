"""Timestamps of the language: the profile of RFC 3339 with capital `T` and `Z`.

https://states-language.net/spec.html#timestamps
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)


def parse(text: str) -> datetime | None:
    """Return the aware time that `text` names, or None if it is no timestamp.

    Digits beyond microseconds are cut off.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    seconds, fraction, sign, hours, minutes = match.groups()
    try:
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        zone = timezone(-offset if sign == "-" else offset) if sign else UTC
        moment = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone)
    except ValueError:
        return None
    return moment.replace(microsecond=int((fraction or "0")[:6].ljust(6, "0")))


def write(moment: datetime) -> str:
    """Return `moment` as the context object writes it: UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
