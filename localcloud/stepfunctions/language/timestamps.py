"""Timestamps of the language: the profile of RFC 3339 with capital `T` and `Z`.

https://states-language.net/spec.html#timestamps
"""

from __future__ import annotations

from datetime import datetime


def parse(text: str) -> datetime | None:
    """Return the aware time that `text` names, or None if it is no timestamp."""
    raise NotImplementedError


def write(moment: datetime) -> str:
    """Return `moment` as the context object writes it: UTC with milliseconds and `Z`."""
    raise NotImplementedError
