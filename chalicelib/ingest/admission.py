"""Admission of waiting arrivals to seats that are free, fair between tenants, small files first.

No more ingests run than there are seats, so that a stage does not ask for more functions than its
account may run at once, and none fails for want of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import HeadraceError, Throttled, Transient
from chalicelib.ingest.arrivals import ArrivalResult
from chalicelib.jobs.ingest_seats import SeatUse

if TYPE_CHECKING:
    from chalicelib.jobs.ingest_settlement import IngestSlot
    from chalicelib.jobs.ingest_waitlist import WaitingArrival, Waitlist

POSTPONEMENT = timedelta(minutes=5)
"""The time after which an arrival that could not be processed is tried again."""
MAX_FAILING = timedelta(hours=1)
"""The time after which an arrival that still cannot be processed waits no longer."""


class RunningIngests(Protocol):
    """The seats that are taken."""

    def running(self) -> Iterator[IngestSlot]:
        """Yield the slots that are held."""


class FailedArrivals(Protocol):
    """The queue from which an arrival that cannot be processed goes to the dead letters."""

    def send_failed(self, body: str, error: HeadraceError) -> None:
        """Send the message of an arrival with the error that it keeps failing with."""


class WaitingProcessor(Protocol):
    """Processes arrivals that waited."""

    def admit(self, body: str) -> ArrivalResult | None:
        """Process a message of the inbox queue; None if there is no seat for it."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Gives free seats to arrivals that wait. Any number of processes may do so at once."""

    waiting: Waitlist
    records: RunningIngests
    arrivals: WaitingProcessor
    failed: FailedArrivals
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
        seats = SeatUse(self.seats)
        for slot in running:
            seats.take(slot.work.tenant, large=slot.large)
        last = running[-1].work.tenant if running else ""
        firsts = {
            (first.tenant, first.large): first
            for large in (False, True)
            for first in islice(self.waiting.firsts(last, large=large), self.max_tenants)
        }
        oldest = min((first.arrived_at for first in firsts.values()), default=now)
        round_ = _Round(self, firsts, seats, now)
        while most != 0 and round_.has_seat():
            most = None if most is None else most - 1
        if round_.problem is not None:
            raise round_.problem
        return max(timedelta(), now - oldest)


@dataclass(slots=True)
class _Round:
    """One look at the waiting arrivals: the first of each tenant's lines, and who holds seats."""

    admission: Admission
    firsts: dict[tuple[str, bool], WaitingArrival]
    seats: SeatUse
    now: datetime
    problem: HeadraceError | None = None

    def has_seat(self) -> bool:
        """Process the arrival whose turn it is; return False if none has a seat."""
        arrival = self.seats.next_admitted(self.firsts.values())
        if arrival is None:
            return False
        try:
            result = self.admission.arrivals.admit(arrival.body)
        except HeadraceError as error:
            self.problem = error
            self._postpone(arrival, error)
            return True
        if result is None:
            return self._passes_by(arrival)
        if result is ArrivalResult.UNSETTLED:
            del self.firsts[arrival.tenant, arrival.large]
            return True
        if result is ArrivalResult.STARTED:
            self.seats.take(arrival.tenant, large=arrival.large)
        self._forget(arrival)
        return True

    def _passes_by(self, arrival: WaitingArrival) -> bool:
        """Leave large files out where others took their seats meanwhile; False if all are taken."""
        if arrival.large:
            self.firsts = {line: first for line, first in self.firsts.items() if not first.large}
        return arrival.large

    def _forget(self, arrival: WaitingArrival) -> None:
        del self.firsts[arrival.tenant, arrival.large]
        self.admission.waiting.remove(arrival)
        following = self.admission.waiting.first(arrival.tenant, large=arrival.large)
        if following is not None:
            self.firsts[following.tenant, following.large] = following

    def _postpone(self, arrival: WaitingArrival, error: HeadraceError) -> None:
        """Leave the line out; let its others pass an arrival that may go on failing."""
        del self.firsts[arrival.tenant, arrival.large]
        if isinstance(error, Throttled | Transient):
            return
        since = arrival.failing_since or self.now
        if self.now - since >= MAX_FAILING:
            self._give_up(arrival, error)
            return
        postponed = replace(arrival, due=self.now + POSTPONEMENT, failing_since=since)
        self.admission.waiting.add(postponed)
        if postponed.due != arrival.due:
            self.admission.waiting.remove(arrival)

    def _give_up(self, arrival: WaitingArrival, error: HeadraceError) -> None:
        """Let the queue have the last tries, and the dead letters what is left of them."""
        with suppress(HeadraceError):  # it stays, and the next admission sends it
            self.admission.failed.send_failed(arrival.body, error)
            self.admission.waiting.remove(arrival)
