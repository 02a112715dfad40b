"""What is counted of a tenant in a day and in a minute, and how it may be changed.

One item holds a day: a counter for each measure of each scope, and an entry for each reservation
that is open. It is changed by `Change`s only, each of which happens whole or not at all, so what
is counted and which reservations make it up never disagree.

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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from chalicelib.budgets.limits import TENANT, Scope

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

Item = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one item, which is made if all conditions hold as it is made.

    `add` to counters, of which one that is not there is 0; `at_most` is what one may hold before.
    `write` and `remove` what is no counter; `needs` is what must be there and `lacks` what must
    not. `keep_until`, in seconds since 1970, is when the item may be dropped.
    """

    item: str
    add: Mapping[str, int] = field(default_factory=dict)
    at_most: Mapping[str, int] = field(default_factory=dict)
    write: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    keep_until: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of a change, and the item: as it is since, or as it was when it was refused."""

    made: bool
    item: Item


@dataclass(frozen=True, slots=True)
class Entry:
    """A reservation as its day's item holds it; `expires` is in seconds since 1970."""

    nanodollars: int
    expires: int
    key: str
    model: str

    def text(self) -> str:
        """Return it as it is kept."""
        content = (self.nanodollars, self.expires, self.key, self.model)
        return json.dumps(content, separators=(",", ":"))

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Return whose limits it is taken off."""
        return scopes_of(self.key, self.model)


def scopes_of(key: str, model: str) -> tuple[Scope, ...]:
    """Return whose limits a call of `model` by `key` is taken off."""
    return TENANT, Scope("key", key), Scope("model", model)


def counter(measure: Measure, scope: Scope = TENANT) -> str:
    """Return the name of a counter."""
    return f"{measure}:{scope.kind[0]}/{scope.name}"


def counters(item: Item, measure: Measure) -> Iterator[tuple[Scope, int]]:
    """Yield each scope that has a counter of `measure`, and what it holds."""
    for name, value in item.items():
        if name.startswith(f"{measure}:") and isinstance(value, int):
            kind, _, of = name[2:].partition("/")
            yield Scope(_KINDS[kind], of), value


def held(item: Item, measure: Measure, scope: Scope = TENANT) -> int:
    """Return what a counter holds."""
    return int(item.get(counter(measure, scope), 0))


def entries(item: Item) -> Iterator[tuple[str, Entry]]:
    """Yield the reservations that are open, by their ids."""
    for name, value in item.items():
        if name.startswith(RESERVED):
            yield name.removeprefix(RESERVED), Entry(*json.loads(str(value)))


def left_open(item: Item) -> Iterator[tuple[str, Entry]]:
    """Yield the reservations that nobody has settled, those that expired among them."""
    for name, value in item.items():
        for kind in (RESERVED, EXPIRED):
            if name.startswith(kind):
                yield name.removeprefix(kind), Entry(*json.loads(str(value)))


def expired(item: Item, now: float) -> list[tuple[str, Entry]]:
    """Return the open reservations that have expired by `now`, in seconds since 1970."""
    return [(each, entry) for each, entry in entries(item) if entry.expires <= now]


def is_open(item: Item) -> bool:
    """Tell whether a day takes reservations."""
    return OPENED in item and CLOSED not in item


def version(item: Item) -> int:
    """Return how often the counters of the month were corrected."""
    made = (int(name.removeprefix(CORRECTED)) for name in item if name.startswith(CORRECTED))
    return max(made, default=0)
