"""Admission of waiting arrivals to seats that are free, fair between tenants, small files first.

No more ingests run than there are seats, so that a stage does not ask for more functions than its
account may run at once, and none fails for want of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import HeadraceError, Throttled, Transient
from chalicelib.ingest.arrivals import ArrivalResult

if TYPE_CHECKING:
    from chalicelib.jobs.ingest_settlement import IngestSlot
    from chalicelib.jobs.ingest_waitlist import WaitingArrival, Waitlist

POSTPONEMENT = timedelta(minutes=5)
"""The time after which an arrival that could not be processed is tried again."""


class RunningIngests(Protocol):
    """The seats that are taken."""

    def running(self) -> Iterator[IngestSlot]:
        """Yield the slots that are held."""


class WaitingProcessor(Protocol):
    """Processes arrivals that waited."""

    def admit(self, body: str) -> ArrivalResult | None:
        """Process a message of the inbox queue; None if there is no seat for it."""


def next_admitted(firsts: Iterable[WaitingArrival], held: Mapping[str, int]) -> WaitingArrival:
    """Return which of the tenants' first arrivals gets the next seat.

    That is one of the tenant that holds the fewest seats; between equals, the one due first.

    Args:
        firsts: the first arrival of each tenant, at least one.
        held: how many seats each tenant holds; 0 where it is missing.
    """
    return min(firsts, key=lambda each: (held.get(each.tenant, 0), each.due, each.name))


@dataclass(frozen=True, slots=True)
class Admission:
    """Gives free seats to arrivals that wait. Any number of processes may do so at once."""

    waiting: Waitlist
    records: RunningIngests
    arrivals: WaitingProcessor
    seats: int
    max_tenants: int = 200
    """The most tenants that are compared at once; the turn of others comes with the next seats."""

    def admit(self, now: datetime, most: int | None = None) -> timedelta:
        """Start waiting ingests while seats are free; return how long the oldest has waited.

        Args:
            now: the current time.
            most: how many arrivals are processed at most, None for any number.

        Raises:
            HeadraceError: an arrival could not be processed; those of other tenants were.
        """
        running = sorted(self.records.running(), key=lambda slot: slot.started_at)
        most = 0 if len(running) >= self.seats else most
        last = running[-1].work.tenant if running else ""
        found = islice(self.waiting.firsts(last), self.max_tenants)
        firsts = {first.tenant: first for first in found}
        oldest = min((first.arrived_at for first in firsts.values()), default=now)
        round_ = _Round(self, firsts, Counter(slot.work.tenant for slot in running), now)
        while firsts and most != 0 and round_.has_seat():
            most = None if most is None else most - 1
        if round_.problem is not None:
            raise round_.problem
        return max(timedelta(), now - oldest)


@dataclass(slots=True)
class _Round:
    """One look at the waiting arrivals: the first of each tenant, and the seats that it holds."""

    admission: Admission
    firsts: dict[str, WaitingArrival]
    held: Counter[str]
    now: datetime
    problem: HeadraceError | None = None

    def has_seat(self) -> bool:
        """Process the arrival whose turn it is; return False if there is no seat for it."""
        arrival = next_admitted(self.firsts.values(), self.held)
        try:
            result = self.admission.arrivals.admit(arrival.body)
        except HeadraceError as error:
            self.problem = error
            self._postpone(arrival, error)
            return True
        if result is ArrivalResult.UNSETTLED:
            del self.firsts[arrival.tenant]
        elif result is not None:
            self.held[arrival.tenant] += result is ArrivalResult.STARTED
            self._forget(arrival)
        return result is not None

    def _forget(self, arrival: WaitingArrival) -> None:
        del self.firsts[arrival.tenant]
        self.admission.waiting.remove(arrival)
        following = self.admission.waiting.first(arrival.tenant)
        if following is not None:
            self.firsts[arrival.tenant] = following

    def _postpone(self, arrival: WaitingArrival, error: HeadraceError) -> None:
        """Leave the tenant out; let its others pass an arrival that may go on failing."""
        del self.firsts[arrival.tenant]
        postponed = replace(arrival, due=self.now + POSTPONEMENT)
        if postponed != arrival and not isinstance(error, Throttled | Transient):
            self.admission.waiting.add(postponed)
            self.admission.waiting.remove(arrival)
