"""Budgets for many like calls: what a slice of them can cost is reserved in one write, and settled
in one.

A slice is for one key and one model, for a few dozen calls and a few seconds. Each call takes what
it can cost from its slice, in memory, and no limit is passed: all of a slice is committed before
its first call. Where a whole slice does not fit into what is left of a budget or a minute, smaller
ones are tried, down to a single call; where not even that fits, the slice before goes on, if calls
under way keep it open and it has room. A slice is settled once all of its calls have ended and
what they were charged is written down. What a killed process had not settled expires, as any
reservation does, until it is settled by what was written: `chalicelib.budgets.settlement`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from chalicelib.budgets.lease import BudgetLease, lease_seconds, multiply_cost
from chalicelib.budgets.spending import CALL_SECONDS, ActualCost, Bill, MaxCost, Spender
from chalicelib.errors import HeadraceError, QuotaExceeded, Throttled

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Reservation

MAX_CALLS = 32
"""Calls of a slice: four turns of the eight that a child of a batch makes at once."""
MAX_SECONDS = 15.0
"""How long calls are taken from a slice: what was spent is to be seen soon."""
MAX_SETTLE_TRIES = 3
_SHRINKS_BY = 4

_Whose = tuple[Spender, str]


class LeasableBudgets(Protocol):
    """The budgets that slices are taken off."""

    def reserve(
        self,
        spender: Spender,
        model: str,
        most: MaxCost,
        seconds: int = CALL_SECONDS,
        *,
        quietly: bool = False,
    ) -> Reservation:
        """Reserve as `Budgets` does; `quietly` tells nobody of a limit that is reached."""

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Count what was used; may be repeated."""

    def release(self, reservation: Reservation) -> None:
        """Give all of it back; may be repeated."""


@dataclass(slots=True)
class LeasedBudgets:
    """The budgets of one process that makes many like calls; threads share it.

    `clock` gives seconds; `log` is told of a slice that could not be counted, which then expires.
    """

    budgets: LeasableBudgets
    monotonic: Callable[[], float]
    on_error: Callable[[HeadraceError], None]
    max_calls: int = MAX_CALLS
    max_seconds: float = MAX_SECONDS
    _sizes: dict[_Whose, int] = field(default_factory=dict)
    _open: dict[_Whose, BudgetLease] = field(default_factory=dict)
    _of_part: dict[str, BudgetLease] = field(default_factory=dict)
    _bills: dict[str, Bill] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reserving: threading.Lock = field(default_factory=threading.Lock)

    def reserve(
        self, spender: Spender, model: str, most: MaxCost, seconds: int = CALL_SECONDS
    ) -> Reservation:
        """Take the most that a call can cost; raises as `Budgets.reserve` does."""
        part = self._reserved((replace(spender, bill=None), model), most, seconds)
        if spender.bill is not None:
            with self._lock:
                self._bills[part.reservation_id] = spender.bill
        return part

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Count what a call used; the last of its slice counts them all. May be repeated."""
        with self._lock:
            of, bill = self._ended(reservation)
            if of is None:
                return
            charge = of.record_cost(reservation, used)
            if bill is not None:
                of.unwritten_charges += 1
                bill.add(charge, partial(self._written, of))
            is_over = self._is_over(of)
        if is_over:
            self._settle(of)

    def release(self, reservation: Reservation) -> None:
        """Give what a call took back to its slice, for another one. May be repeated."""
        with self._lock:
            of, _ = self._ended(reservation)
            if of is None:
                return
            of.return_part(reservation)
            is_over = self._is_over(of)
        if is_over:
            self._settle(of)

    def flush(self) -> None:
        """Count every slice whose calls have ended; no further call is taken from any, and the next
        slices begin whole again.
        """
        with self._reserving:
            for whose in list(self._open):
                self._close(whose, anyway=True)
            self._sizes.clear()

    def _reserved(self, whose: _Whose, most: MaxCost, seconds: int) -> Reservation:
        part = self._part(whose, most)
        if part is not None:
            return part
        with self._reserving:
            part = self._part(whose, most)
            if part is not None:
                return part
            part, ended = self._taken(whose, most, self._found(whose, most, seconds))
        if ended is not None:
            self._settle(ended)
        return part

    def _part(self, whose: _Whose, most: MaxCost) -> Reservation | None:
        """Return a part of the slice that is open, None where it has no room."""
        with self._lock:
            of = self._open.get(whose)
            if of is None or not of.has_room(most, self.monotonic()):
                return None
            part = of.take_part(most)
            self._of_part[part.reservation_id] = of
            return part

    def _found(self, whose: _Whose, most: MaxCost, seconds: int) -> BudgetLease:
        """Return a slice that is as large as there is room for. The one before is settled first
        where its room is needed and all of its calls have ended.
        """
        calls = self._sizes.get(whose, self.max_calls)
        while calls > 1:
            try:
                return self._made(whose, most, calls, seconds, quietly=True)
            except (QuotaExceeded, Throttled):
                if not self._close(whose, anyway=False):
                    calls = max(1, calls // _SHRINKS_BY)
        return self._for_one(whose, most, seconds)

    def _for_one(self, whose: _Whose, most: MaxCost, seconds: int) -> BudgetLease:
        """Return a slice of one call; where there is no room for it, the one before that has."""
        self._sizes[whose] = 1
        self._close(whose, anyway=False)
        before = self._with_room(whose, most)
        try:
            return self._made(whose, most, 1, seconds, quietly=before is not None)
        except (QuotaExceeded, Throttled):
            if before is None:
                self._close(whose, anyway=True)
                raise
            if self._close(whose, anyway=False):
                return self._made(whose, most, 1, seconds, quietly=False)
            return before

    def _made(
        self, whose: _Whose, most: MaxCost, calls: int, seconds: int, *, quietly: bool
    ) -> BudgetLease:
        began, whole = self.monotonic(), multiply_cost(most, calls)
        made = self.budgets.reserve(*whose, whole, seconds, quietly=quietly)
        self._sizes[whose] = min(self.max_calls, 2 * calls)
        ends_at, until = self.monotonic() + self.max_seconds, began + lease_seconds(made, seconds)
        return BudgetLease(made, ends_at, until, made.nanodollars, whole.tokens, whole.requests)

    def _with_room(self, whose: _Whose, most: MaxCost) -> BudgetLease | None:
        """Return the slice before, where it has room that nobody else can be given."""
        with self._lock:
            of = self._open.get(whose)
            return of if of is not None and of.may_be_extended(most, self.monotonic()) else None

    def _taken(
        self, whose: _Whose, most: MaxCost, of: BudgetLease
    ) -> tuple[Reservation, BudgetLease | None]:
        """Return the first part of a slice that is open from now on, and the slice before where it
        is to be settled: nobody waits for that.
        """
        with self._lock:
            before = self._open.get(whose)
            self._open[whose] = of
            part = of.take_part(most)
            self._of_part[part.reservation_id] = of
            if before is of:
                of.takes_until = min(self.monotonic() + self.max_seconds, of.extendable_until)
            return part, before if before is not None and not before.is_busy else None

    def _ended(self, part: Reservation) -> tuple[BudgetLease | None, Bill | None]:
        """Note that a call has ended; return its slice, None where it had ended before, and who is
        to be told what it was charged. The lock is held.
        """
        bill = self._bills.pop(part.reservation_id, None)
        of = self._of_part.pop(part.reservation_id, None)
        if of is not None:
            of.open_parts.discard(part.reservation_id)
        return of, bill

    def _written(self, of: BudgetLease) -> None:
        """Note that a charge of a slice was written down."""
        with self._lock:
            of.unwritten_charges -= 1
            is_over = self._is_over(of)
        if is_over:
            self._settle(of)

    def _is_over(self, of: BudgetLease) -> bool:
        """Tell whether a slice is to be settled; the lock is held."""
        return not of.is_busy and not any(of is each for each in self._open.values())

    def _close(self, whose: _Whose, *, anyway: bool) -> bool:
        """Take no more calls from the slice that is open, if all of its calls have ended and are
        written, or `anyway`. Settle it if so, and tell it; otherwise the last of them settles it.
        """
        with self._lock:
            of = self._open.get(whose)
            if of is None:
                return False
            if anyway or not of.is_busy:
                del self._open[whose]
            if of.is_busy:
                return False
        self._settle(of)
        return True

    def _settle(self, of: BudgetLease) -> None:
        """Count a slice; the answers are there, and are given even where it cannot be counted."""
        used = ActualCost(
            of.total_cost.nanodollars,
            of.total_cost.tokens_in,
            of.total_cost.tokens_out,
            of.total_cost.images,
            of.requests_made,
        )
        for left in reversed(range(MAX_SETTLE_TRIES)):
            try:
                if of.requests_made:
                    self.budgets.settle(of.reservation, used)
                else:
                    self.budgets.release(of.reservation)
            except HeadraceError as error:
                if not left:
                    self.on_error(error)
            else:
                return
