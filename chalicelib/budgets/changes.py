"""Conditional writes of one item that reserve, settle, release, expire and correct."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from chalicelib.budgets.ledger import (
    CLOSED,
    COMMITTED,
    CORRECTED,
    EXPIRED,
    IMAGES,
    IN_MONTH,
    OPEN,
    OPENED,
    REQUESTS,
    RESERVED,
    SPENT,
    TOKENS,
    TOKENS_IN,
    TOKENS_OUT,
    LedgerChange,
    LedgerItem,
    Measure,
    ReservationEntry,
    correction_number,
    counter_name,
    counter_value,
    iter_counters,
    scopes_of_call,
)
from chalicelib.budgets.limits import (
    TENANT_SCOPE,
    LimitScope,
    TenantLimits,
    after_day,
    after_minute,
)

if TYPE_CHECKING:
    from chalicelib.budgets.spender import ActualCost
    from chalicelib.contracts.budgets import Reservation

DAY = "SPENDING#"
MINUTE = "MINUTE#"
COLLECTION_DAY = "COLLECTED#"
MAX_OPEN = 1_000
"""The most open reservations of a tenant; each is some 70 bytes of the day's item, and a write is
billed by the size of the item."""
RETENTION = timedelta(days=400)
"""How long a day is stored: a year and a month, so that months can be compared."""
_MINUTE_KEPT = timedelta(hours=1)


def day_item(day: date) -> str:
    """Return the name of a day's item."""
    return f"{DAY}{day.isoformat()}"


def ledger_entry(reservation: Reservation) -> ReservationEntry:
    """Return a reservation as the entry that its day's item stores."""
    expires = int(reservation.expires_at.timestamp())
    return ReservationEntry(reservation.nanodollars, expires, reservation.key, reservation.model)


def reservation_scopes(reservation: Reservation) -> tuple[LimitScope, ...]:
    """Return the scopes whose limits a reservation counts against."""
    return scopes_of_call(reservation.key, reservation.model)


def reservation_change(reservation: Reservation, limits: TenantLimits) -> LedgerChange:
    """Return the write that enters a reservation in its day unless it exceeds a dollar limit.

    A reservation that can cost nothing exceeds no limit.
    """
    amount, name = reservation.nanodollars, RESERVED + reservation.reservation_id
    at_most = {counter_name(OPEN): MAX_OPEN - 1}
    for scope in reservation_scopes(reservation) if amount else ():
        of = limits.for_scope(scope)
        if of.nanodollars_a_day is not None:
            at_most[counter_name(COMMITTED, scope)] = of.nanodollars_a_day - amount
        if of.nanodollars_a_month is not None:
            at_most[counter_name(IN_MONTH, scope)] = of.nanodollars_a_month - amount
    return LedgerChange(
        day_item(reservation.day),
        add={**_committed(reservation_scopes(reservation), amount), counter_name(OPEN): 1},
        max_before=at_most,
        write={name: ledger_entry(reservation).dump()},
        required=(OPENED,),
        absent=(CLOSED, name, EXPIRED + reservation.reservation_id),
    )


def settlement_change(
    reservation: Reservation, used: ActualCost, *, was_expired: bool = False
) -> LedgerChange:
    """Return the write that replaces the reserved amount by what was used.

    If the reservation had expired, and so was given back already, the whole amount is added.
    """
    name = (EXPIRED if was_expired else RESERVED) + reservation.reservation_id
    more = used.nanodollars - (0 if was_expired else reservation.nanodollars)
    ended = {} if was_expired else {counter_name(OPEN): -1}
    usage = _usage(reservation, used, reservation_scopes(reservation))
    return LedgerChange(
        day_item(reservation.day),
        add={**_committed(reservation_scopes(reservation), more), **usage, **ended},
        remove=(name,),
        required=(name,),
    )


def collection_change(reservation: Reservation, used: ActualCost) -> LedgerChange:
    """Return the write that counts what was used for a collection and day, in its own item.

    A tenant may have so many collections that they would make the day's item expensive to write.
    """
    return LedgerChange(
        f"{COLLECTION_DAY}{reservation.day.isoformat()}#{reservation.collection}",
        add=_usage(reservation, used, (TENANT_SCOPE,)),
        keep_until=int((after_day(reservation.day) + RETENTION).timestamp()),
    )


def release_change(reservation: Reservation) -> LedgerChange:
    """Return the write that gives a whole reservation back."""
    name = RESERVED + reservation.reservation_id
    back = _committed(reservation_scopes(reservation), -reservation.nanodollars)
    return LedgerChange(
        day_item(reservation.day),
        add={**back, counter_name(OPEN): -1},
        remove=(name,),
        required=(name,),
    )


def expiry_change(item: str, gone: Sequence[tuple[str, ReservationEntry]]) -> LedgerChange:
    """Return the write that gives back unsettled reservations that expired, all at once.

    It records them as expired, in case they are settled after all.
    """
    add: Counter[str] = Counter({counter_name(OPEN): -len(gone)})
    for _, entry in gone:
        add.update(_committed(entry.scopes, -entry.nanodollars))
    names = tuple(RESERVED + reservation_id for reservation_id, _ in gone)
    written = {EXPIRED + reservation_id: entry.dump() for reservation_id, entry in gone}
    return LedgerChange(item, add=add, write=written, remove=names, required=names)


def opening_content(day: date, before: Iterable[LedgerItem]) -> Mapping[str, int | str]:
    """Return the first content of a day's item: the month so far, summed over `before`."""
    month = {
        counter_name(IN_MONTH, scope): amount for scope, amount in sum_counters(before).items()
    }
    keep_until = int((after_day(day) + RETENTION).timestamp())
    return {OPENED: "1", f"{CORRECTED}0": "1", "expires_at": keep_until, **month}


def closing_change(day: date) -> LedgerChange:
    """Return the write that lets a day take no more reservations.

    What the day adds to the month is known then.
    """
    keep_until = int((after_day(day) + RETENTION).timestamp())
    return LedgerChange(day_item(day), write={CLOSED: "1"}, keep_until=keep_until)


def correction_change(
    day: date, item: LedgerItem, before: Iterable[LedgerItem]
) -> LedgerChange | None:
    """Return the write that makes the month's counters of `item` agree with `before`.

    `before` are the items of the month's earlier days.

    None if they agree. They differ if a reservation that was open at midnight has been settled
    since, or has expired. In one item, the month's counter exceeds the day's by what the days
    before had when they were last read, since every change adds the same to both.
    """
    month = sum_counters(before)
    known = {
        scope: amount - counter_value(item, COMMITTED, scope)
        for scope, amount in iter_counters(item, IN_MONTH)
    }
    add = {
        counter_name(IN_MONTH, scope): month.get(scope, 0) - known.get(scope, 0)
        for scope in month.keys() | known.keys()
        if month.get(scope, 0) != known.get(scope, 0)
    }
    if not add:
        return None
    number = correction_number(item)
    return LedgerChange(
        day_item(day),
        add=add,
        write={f"{CORRECTED}{number + 1}": "1"},
        remove=(f"{CORRECTED}{number}",),
        required=(f"{CORRECTED}{number}",),
    )


def sum_counters(days: Iterable[LedgerItem], measure: Measure = COMMITTED) -> dict[LimitScope, int]:
    """Return the sums of the counters of `measure` over all `days`, by scope."""
    sums: dict[LimitScope, int] = {}
    for item in days:
        for scope, amount in iter_counters(item, measure):
            sums[scope] = sums.get(scope, 0) + amount
    return sums


def minute_change(reservation: Reservation, limits: TenantLimits) -> LedgerChange:
    """Return the write that counts a reservation in its minute if no limit is exceeded."""
    at_most: dict[str, int] = {}
    for scope in reservation_scopes(reservation):
        of = limits.for_scope(scope)
        if of.requests_a_minute is not None:
            at_most[counter_name(REQUESTS, scope)] = of.requests_a_minute - reservation.requests
        if of.tokens_a_minute is not None and reservation.tokens:
            at_most[counter_name(TOKENS, scope)] = of.tokens_a_minute - reservation.tokens
    keep_until = int((after_minute(reservation.made_at) + _MINUTE_KEPT).timestamp())
    return LedgerChange(
        MINUTE + reservation.minute,
        add=_in_minute(reservation, reservation.requests, reservation.tokens),
        max_before=at_most,
        keep_until=keep_until,
    )


def minute_return_change(
    reservation: Reservation, requests: int, tokens: int
) -> LedgerChange | None:
    """Return the write that gives `requests` and `tokens` back to a reservation's minute.

    None if both are 0. Negative numbers are taken from the minute.
    """
    add = _in_minute(reservation, -requests, -tokens)
    if not add:
        return None
    return LedgerChange(MINUTE + reservation.minute, add=add, required=("expires_at",))


def _usage(reservation: Reservation, used: ActualCost, of: Iterable[LimitScope]) -> dict[str, int]:
    usage: Mapping[Measure, int] = {
        SPENT: used.nanodollars,
        REQUESTS: reservation.requests if used.requests is None else used.requests,
        TOKENS_IN: used.tokens_in,
        TOKENS_OUT: used.tokens_out,
        IMAGES: used.images,
    }
    return _counted(usage, of)


def _counted(amounts: Mapping[Measure, int], of: Iterable[LimitScope]) -> dict[str, int]:
    return {
        counter_name(measure, scope): amount
        for scope in of
        for measure, amount in amounts.items()
        if amount
    }


def _committed(of: Iterable[LimitScope], amount: int) -> dict[str, int]:
    return _counted({COMMITTED: amount, IN_MONTH: amount}, of)


def _in_minute(reservation: Reservation, requests: int, tokens: int) -> dict[str, int]:
    return _counted({REQUESTS: requests, TOKENS: tokens}, reservation_scopes(reservation))
