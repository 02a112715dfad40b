"""Arrivals that wait for a seat, in the order in which those of one tenant get theirs.

A seat is one of the ingests that a stage runs at once. A file's time comes later the larger it is,
by three minutes for each doubling beyond 4 KiB, 24 minutes for a mebibyte: small files pass, and
after that time no file that is newer passes any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log2
from typing import TYPE_CHECKING, Protocol

from chalicelib.jobs.ingest_claims import execution_name
from chalicelib.jobs.ingest_seats import is_large

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import IngestInput

SMALL_BYTES = 4096
"""Up to here a file lets no other pass."""
DOUBLING = timedelta(minutes=3)
"""The time by which a file lets smaller ones pass, for each doubling of its size."""


@dataclass(frozen=True, slots=True)
class WaitingArrival:
    """A message of the inbox queue that waits for a seat; `due` orders those of a tenant.

    A tenant has two lines, of large files and of others: those pass where a large one may not.
    """

    name: str
    tenant: str
    due: datetime
    arrived_at: datetime
    body: str
    large: bool = False
    failing_since: datetime | None = None
    """When it could not be processed for the first time, for a reason that lasts."""


class Waitlist(Protocol):
    """The arrivals that wait."""

    def is_any(self) -> bool:
        """Return whether any arrival waits."""

    def add(self, arrival: WaitingArrival) -> None:
        """Let an arrival wait; the same one once."""

    def remove(self, arrival: WaitingArrival) -> None:
        """Forget an arrival; it is no error if it is gone."""

    def first(self, tenant: str, *, large: bool) -> WaitingArrival | None:
        """Return the arrival of a tenant's line that is due first, or None."""

    def firsts(self, behind: str, *, large: bool) -> Iterator[WaitingArrival]:
        """Yield the first of each tenant's line, of those behind `behind` before the others."""


def waiting_arrival(work: IngestInput, attempt: int, now: datetime, body: str) -> WaitingArrival:
    """Return the arrival of an attempt that finds no seat; the same one for each delivery."""
    arrived_at = now if attempt > 1 else work.uploaded_at or now
    return WaitingArrival(
        name=execution_name(work.version, attempt),
        tenant=work.tenant,
        due=arrived_at + courtesy(work.bytes),
        arrived_at=arrived_at,
        body=body,
        large=is_large(work.bytes),
    )


def courtesy(size: int) -> timedelta:
    """Return how long a file of `size` bytes lets smaller ones pass that arrive after it."""
    return DOUBLING * log2(max(size, SMALL_BYTES) / SMALL_BYTES)
