"""Clocks that services are given, so that tests can move them, and their conversions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Returns seconds since the epoch, as `time.time` does."""


def utc(moment: float) -> datetime:
    """Return `moment`, in seconds since the epoch, as an aware datetime."""
    return datetime.fromtimestamp(moment, UTC)


def iso(moment: float) -> str:
    """Return `moment`, in seconds since the epoch, as AWS events write it, to the second."""
    return utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
