"""Shares of the seats of running ingests: large files and their tenants leave some to others.

A large file may hold its seat for hours, and no seat is taken back. So large files never hold the
last of several seats, nor those of one tenant the last two of three or more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.jobs.ingest_waitlist import WaitingArrival

LARGE_BYTES = 1024 * 1024
"""Beyond this a file is large: it may hold its seat for minutes or hours."""


def is_large(size: int) -> bool:
    """Tell whether a file of `size` bytes is large."""
    return size > LARGE_BYTES


def large_seats(seats: int) -> int:
    """Return how many of the seats large files may hold."""
    return max(1, seats - 1)


def large_seats_of_tenant(seats: int) -> int:
    """Return how many of the seats large files of one tenant may hold."""
    return max(1, seats - 2)


@dataclass(slots=True)
class SeatUse:
    """Seats taken, by tenant and by size of the file.

    Attributes:
        seats: how many there are.
        held: how many each tenant holds.
        held_large: how many each tenant's large files hold.
    """

    seats: int
    held: Counter[str] = field(default_factory=Counter)
    held_large: Counter[str] = field(default_factory=Counter)

    def take(self, tenant: str, *, large: bool) -> None:
        """Count a seat that a tenant's file got."""
        self.held[tenant] += 1
        self.held_large[tenant] += large

    def is_open_to(self, tenant: str, *, large: bool) -> bool:
        """Tell whether a file of a tenant may take a seat that is free."""
        if not large:
            return True
        of_tenant = self.held_large[tenant]
        is_within = of_tenant < large_seats_of_tenant(self.seats)
        return is_within and self.held_large.total() < large_seats(self.seats)

    def next_admitted(self, firsts: Iterable[WaitingArrival]) -> WaitingArrival | None:
        """Return which of the first arrivals of tenants' lines gets the next seat, None for none.

        That is one of the tenant that holds the fewest seats; between equals, the one due first.
        """
        return min(
            (each for each in firsts if self.is_open_to(each.tenant, large=each.large)),
            key=lambda each: (self.held[each.tenant], each.due, each.name),
            default=None,
        )
