"""Budgets for many like calls, by leases: one write reserves for several calls.

Another write settles them. A lease is for one key and one model, for a few dozen calls and a few
seconds. Each call takes its maximum cost from the lease, in memory, and no limit is exceeded: the
whole lease is committed before its first call. If a whole lease does not fit into what is left of a
budget or a minute, smaller ones are tried, down to a single call; if not even that fits, the
previous lease is extended, provided that calls under way keep it open and it has room. A lease is
settled once all of its calls have ended and their charges are written. What a killed process had
not settled expires as any reservation does, until a recount settles it:
`chalicelib.budgets.settlement`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from chalicelib.budgets.lease import BudgetLease, lease_seconds, multiply_cost
from chalicelib.budgets.spender import CALL_SECONDS, ActualCost, Bill, MaxCost, Spender
from chalicelib.errors import HeadraceError, QuotaExceeded, Throttled

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Reservation

MAX_CALLS = 32
"""Calls of a lease: four rounds of the eight that a batch worker makes at once."""
MAX_SECONDS = 15.0
"""How long a lease gives out parts, in seconds: spending should be visible soon."""
MAX_SETTLE_TRIES = 3
_SHRINKS_BY = 4

_LeaseKey = tuple[Spender, str]


class LeasableBudgets(Protocol):
    """The budgets that leases reserve from."""

    def reserve(
        self,
        spender: Spender,
        model: str,
        most: MaxCost,
        seconds: int = CALL_SECONDS,
        *,
        quietly: bool = False,
    ) -> Reservation:
        """Reserve as `Budgets` does; `quietly` announces no reached limit."""

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Charge what was used; idempotent."""

    def release(self, reservation: Reservation) -> None:
        """Give a whole reservation back; idempotent."""


@dataclass(slots=True)
class LeasedBudgets:
    """The budgets of one process that makes many like calls; threads share it.

    `on_error` is called if a lease could not be settled, which then expires.
    """

    budgets: LeasableBudgets
    monotonic: Callable[[], float]
    on_error: Callable[[HeadraceError], None]
    max_calls: int = MAX_CALLS
    max_seconds: float = MAX_SECONDS
    _sizes: dict[_LeaseKey, int] = field(default_factory=dict)
    _open_leases: dict[_LeaseKey, BudgetLease] = field(default_factory=dict)
    _lease_by_part: dict[str, BudgetLease] = field(default_factory=dict)
    _bills: dict[str, Bill] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reserving: threading.Lock = field(default_factory=threading.Lock)

    def reserve(
        self, spender: Spender, model: str, most: MaxCost, seconds: int = CALL_SECONDS
    ) -> Reservation:
        """Reserve the maximum cost of a call; raises as `Budgets.reserve` does."""
        part = self._reserve_part((replace(spender, bill=None), model), most, seconds)
        if spender.bill is not None:
            with self._lock:
                self._bills[part.reservation_id] = spender.bill
        return part

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Charge what a call used; the last of its lease settles them all. Idempotent."""
        with self._lock:
            lease, bill = self._end_part(reservation)
            if lease is None:
                return
            charge = lease.record_cost(reservation, used)
            if bill is not None:
                lease.unwritten_charges += 1
                bill.add(charge, partial(self._on_written, lease))
            is_finished = self._is_finished(lease)
        if is_finished:
            self._settle(lease)

    def release(self, reservation: Reservation) -> None:
        """Put the part of a call back into its lease, for another call. Idempotent."""
        with self._lock:
            lease, _ = self._end_part(reservation)
            if lease is None:
                return
            lease.return_part(reservation)
            is_finished = self._is_finished(lease)
        if is_finished:
            self._settle(lease)

    def flush(self) -> None:
        """Close every lease and settle those whose calls have ended.

        The next leases begin at full size again.
        """
        with self._reserving:
            for lease_key in list(self._open_leases):
                self._close(lease_key, anyway=True)
            self._sizes.clear()

    def _reserve_part(self, lease_key: _LeaseKey, most: MaxCost, seconds: int) -> Reservation:
        part = self._take_open_part(lease_key, most)
        if part is not None:
            return part
        with self._reserving:
            part = self._take_open_part(lease_key, most)
            if part is not None:
                return part
            part, ended = self._open_lease(
                lease_key, most, self._lease_with_room(lease_key, most, seconds)
            )
        if ended is not None:
            self._settle(ended)
        return part

    def _take_open_part(self, lease_key: _LeaseKey, most: MaxCost) -> Reservation | None:
        """Return a part of the open lease, None if it has no room."""
        with self._lock:
            lease = self._open_leases.get(lease_key)
            if lease is None or not lease.has_room(most, self.monotonic()):
                return None
            part = lease.take_part(most)
            self._lease_by_part[part.reservation_id] = lease
            return part

    def _lease_with_room(self, lease_key: _LeaseKey, most: MaxCost, seconds: int) -> BudgetLease:
        """Return a lease as large as there is room for.

        The previous one is settled first if its room is needed and all of its calls have ended.
        """
        calls = self._sizes.get(lease_key, self.max_calls)
        while calls > 1:
            try:
                return self._reserve_lease(lease_key, most, calls, seconds, quietly=True)
            except (QuotaExceeded, Throttled):
                if not self._close(lease_key, anyway=False):
                    calls = max(1, calls // _SHRINKS_BY)
        return self._lease_of_one(lease_key, most, seconds)

    def _lease_of_one(self, lease_key: _LeaseKey, most: MaxCost, seconds: int) -> BudgetLease:
        """Return a lease of one call, or the previous one if that has room and no budget has."""
        self._sizes[lease_key] = 1
        self._close(lease_key, anyway=False)
        before = self._previous_with_room(lease_key, most)
        try:
            return self._reserve_lease(lease_key, most, 1, seconds, quietly=before is not None)
        except (QuotaExceeded, Throttled):
            if before is None:
                self._close(lease_key, anyway=True)
                raise
            if self._close(lease_key, anyway=False):
                return self._reserve_lease(lease_key, most, 1, seconds, quietly=False)
            return before

    def _reserve_lease(
        self, lease_key: _LeaseKey, most: MaxCost, calls: int, seconds: int, *, quietly: bool
    ) -> BudgetLease:
        began, whole = self.monotonic(), multiply_cost(most, calls)
        reservation = self.budgets.reserve(*lease_key, whole, seconds, quietly=quietly)
        # There was room, so the next lease may be larger.
        self._sizes[lease_key] = min(self.max_calls, 2 * calls)
        ends_at = self.monotonic() + self.max_seconds
        until = began + lease_seconds(reservation, seconds)
        return BudgetLease(
            reservation, ends_at, until, reservation.nanodollars, whole.tokens, whole.requests
        )

    def _previous_with_room(self, lease_key: _LeaseKey, most: MaxCost) -> BudgetLease | None:
        """Return the previous lease if it has room."""
        with self._lock:
            lease = self._open_leases.get(lease_key)
            return (
                lease
                if lease is not None and lease.may_be_extended(most, self.monotonic())
                else None
            )

    def _open_lease(
        self, lease_key: _LeaseKey, most: MaxCost, lease: BudgetLease
    ) -> tuple[Reservation, BudgetLease | None]:
        """Open a lease; return its first part, and the previous lease if that must be settled."""
        with self._lock:
            before = self._open_leases.get(lease_key)
            self._open_leases[lease_key] = lease
            part = lease.take_part(most)
            self._lease_by_part[part.reservation_id] = lease
            if before is lease:
                lease.takes_until = min(self.monotonic() + self.max_seconds, lease.extendable_until)
            return part, before if before is not None and not before.is_busy else None

    def _end_part(self, part: Reservation) -> tuple[BudgetLease | None, Bill | None]:
        """Record that a call ended; return its lease, None if it had ended before, and its bill.

        The caller holds the lock.
        """
        bill = self._bills.pop(part.reservation_id, None)
        lease = self._lease_by_part.pop(part.reservation_id, None)
        if lease is not None:
            lease.open_parts.discard(part.reservation_id)
        return lease, bill

    def _on_written(self, lease: BudgetLease) -> None:
        """Record that a charge of a lease was written."""
        with self._lock:
            lease.unwritten_charges -= 1
            is_finished = self._is_finished(lease)
        if is_finished:
            self._settle(lease)

    def _is_finished(self, lease: BudgetLease) -> bool:
        """Return whether a lease is to be settled. The caller holds the lock."""
        return not lease.is_busy and not any(
            lease is open_lease for open_lease in self._open_leases.values()
        )

    def _close(self, lease_key: _LeaseKey, *, anyway: bool) -> bool:
        """Close the open lease if all its calls have ended and are written, or `anyway`.

        Return whether it was settled; otherwise the last of its calls settles it.
        """
        with self._lock:
            lease = self._open_leases.get(lease_key)
            if lease is None:
                return False
            if anyway or not lease.is_busy:
                del self._open_leases[lease_key]
            if lease.is_busy:
                return False
        self._settle(lease)
        return True

    def _settle(self, lease: BudgetLease) -> None:
        """Settle a lease; the answers are given even where it cannot be counted."""
        used = ActualCost(
            lease.total_cost.nanodollars,
            lease.total_cost.tokens_in,
            lease.total_cost.tokens_out,
            lease.total_cost.images,
            lease.requests_made,
        )
        for left in reversed(range(MAX_SETTLE_TRIES)):
            try:
                if lease.requests_made:
                    self.budgets.settle(lease.reservation, used)
                else:
                    self.budgets.release(lease.reservation)
            except HeadraceError as error:
                if not left:
                    self.on_error(error)
            else:
                return
