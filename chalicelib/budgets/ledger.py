"""The counters of a tenant for a day and for a minute, and the changes of them.

One item holds a day: a counter for each measure of each scope, and an entry for each reservation
that is open. It is changed by `LedgerChange`s only, each of which happens whole or not at all, so
what is counted and which reservations make it up never disagree.

    opened            the day takes reservations
    closed            it takes no more: another day has begun that counts it in
    c:k/ab12          committed in the day, by key ab12: nano-dollars spent and reserved
    m:k/ab12          committed in the month up to this day, as far as it was known
    s: r: i: o: g:    spent nano-dollars, requests, tokens in, tokens out, images
    n:t/              open reservations
    R:<id>            an open reservation; X:<id> one that expired and was given back
    V:<n>             how often `m:` was corrected

A minute's item has r: and k:, requests and tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal, Protocol

from chalicelib.budgets.limits import TENANT_SCOPE, LimitScope

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import TenantLimitsGiven


Measure = Literal["c", "m", "s", "r", "i", "o", "g", "k", "n"]
COMMITTED: Measure = "c"
IN_MONTH: Measure = "m"
SPENT: Measure = "s"
REQUESTS: Measure = "r"
TOKENS_IN: Measure = "i"
TOKENS_OUT: Measure = "o"
IMAGES: Measure = "g"
TOKENS: Measure = "k"
OPEN: Measure = "n"

OPENED = "opened"
CLOSED = "closed"
RESERVED = "R:"
EXPIRED = "X:"
CORRECTED = "V:"

_KINDS: Mapping[str, Literal["tenant", "key", "model"]] = {"t": "tenant", "k": "key", "m": "model"}

LedgerItem = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class LedgerChange:
    """One conditional change of one item, applied whole or not at all.

    `add` adds to counters, a missing one being 0; `max_before` is the highest value that a counter
    may have before. `write` and `remove` change attributes that are no counters; `required` must
    exist, `absent` must not. `keep_until`, in seconds since 1970, is when the item may be dropped.
    """

    item: str
    add: Mapping[str, int] = field(default_factory=dict)
    max_before: Mapping[str, int] = field(default_factory=dict)
    write: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    keep_until: int = 0


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """The outcome of a change: if it was applied, and the item after it, or at the refusal."""

    applied: bool
    item: LedgerItem


@dataclass(frozen=True, slots=True)
class ReservationEntry:
    """A reservation in the item of its day; `expires_at` is in seconds since 1970."""

    nanodollars: int
    expires_at: int
    key: str
    model: str

    def dump(self) -> str:
        """Return the entry as it is stored."""
        content = (self.nanodollars, self.expires_at, self.key, self.model)
        return json.dumps(content, separators=(",", ":"))

    @property
    def scopes(self) -> tuple[LimitScope, ...]:
        """Return the scopes whose limits it counts against."""
        return scopes_of_call(self.key, self.model)


def scopes_of_call(key: str, model: str) -> tuple[LimitScope, ...]:
    """Return the scopes whose limits a call of `model` by `key` counts against."""
    return TENANT_SCOPE, LimitScope("key", key), LimitScope("model", model)


def counter_name(measure: Measure, scope: LimitScope = TENANT_SCOPE) -> str:
    """Return the name of a counter."""
    return f"{measure}:{scope.kind[0]}/{scope.name}"


def iter_counters(item: LedgerItem, measure: Measure) -> Iterator[tuple[LimitScope, int]]:
    """Yield each scope that has a counter of `measure`, and its value."""
    for name, value in item.items():
        if name.startswith(f"{measure}:") and isinstance(value, int):
            kind, _, of = name[2:].partition("/")
            yield LimitScope(_KINDS[kind], of), value


def counter_value(item: LedgerItem, measure: Measure, scope: LimitScope = TENANT_SCOPE) -> int:
    """Return the value of a counter."""
    return int(item.get(counter_name(measure, scope), 0))


def open_entries(item: LedgerItem) -> Iterator[tuple[str, ReservationEntry]]:
    """Yield the reservations that are open, by their ids."""
    for name, value in item.items():
        if name.startswith(RESERVED):
            yield name.removeprefix(RESERVED), ReservationEntry(*json.loads(str(value)))


def unsettled_entries(item: LedgerItem) -> Iterator[tuple[str, ReservationEntry]]:
    """Yield the reservations that nobody has settled, including those that expired."""
    for name, value in item.items():
        for kind in (RESERVED, EXPIRED):
            if name.startswith(kind):
                yield name.removeprefix(kind), ReservationEntry(*json.loads(str(value)))


def expired_entries(item: LedgerItem, now: float) -> list[tuple[str, ReservationEntry]]:
    """Return the open reservations that have expired by `now`, in seconds since 1970."""
    return [
        (reservation_id, entry)
        for reservation_id, entry in open_entries(item)
        if entry.expires_at <= now
    ]


def takes_reservations(item: LedgerItem) -> bool:
    """Return whether a day is open for reservations."""
    return OPENED in item and CLOSED not in item


def correction_number(item: LedgerItem) -> int:
    """Return how often the counters of the month were corrected."""
    numbers = (int(name.removeprefix(CORRECTED)) for name in item if name.startswith(CORRECTED))
    return max(numbers, default=0)


class LedgerStore(Protocol):
    """The counters of all tenants, and the limits that operators gave them."""

    def limits(self, tenant: str) -> TenantLimitsGiven:
        """Return the limits that an operator gave the tenant."""

    def apply(self, tenant: str, change: LedgerChange) -> ChangeResult:
        """Apply a change, or none of it if one of its conditions does not hold."""

    def item(self, tenant: str, name: str) -> LedgerItem:
        """Return an item as it is, empty if it does not exist."""

    def days(self, tenant: str, first: date, last: date) -> Iterator[tuple[date, LedgerItem]]:
        """Yield the tenant's stored days from `first` to `last`, in order."""

    def open_day(self, tenant: str, day: date, content: Mapping[str, int | str]) -> None:
        """Let a day take reservations and begin with `content`, unless it was opened before."""

    def drop_days(self, tenant: str, days: Iterable[date]) -> None:
        """Remove the items of `days`; a missing one is no error."""

    def tenant_exists(self, tenant: str) -> bool:
        """Return whether the tenant exists and is not being removed."""

    def collections(
        self, tenant: str, first: date, last: date
    ) -> Iterator[tuple[date, str, LedgerItem]]:
        """Yield what was used for each collection and day, in order of the days."""

    def mark_announced(self, tenant: str, what: str, keep_until: int) -> bool:
        """Record that `what` was announced; return False if it was already."""

    def unmark_announced(self, tenant: str, what: str) -> None:
        """Forget that `what` was announced, as the announcement failed."""
