"""Rounds of a batch: which items are missing, and how the next round asks for them. Pure.

Items, outcomes and failures come sorted by number, and one of each is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from chalicelib.contracts.jobs import JobError
    from chalicelib.errors import HeadraceError


MAX_IDLE_ROUNDS = 5
"""Rounds in a row without progress: with the waits between them, five minutes."""
_FIRST_WAIT_SECONDS = 5
_MAX_WAIT_SECONDS = 120

MAX_PAID_TRIES = 3
"""How often a call is made in a round that is paid for but returns nothing in time."""

ItemStatus = Literal["done", "failed", "missing"]


class NumberedItem(Protocol):
    """An item of a batch, or of an evaluation, by its number."""

    @property
    def n(self) -> int:
        """Return the number."""


Item = TypeVar("Item", bound=NumberedItem)


def was_paid(error: HeadraceError) -> bool:
    """Return whether a call that failed with `error` used a model or cost something."""
    return error.usage is not None or error.receipt is not None


def item_statuses(
    items: Iterable[Item], done: Iterable[int], failed: Iterable[int]
) -> Iterator[tuple[Item, ItemStatus]]:
    """Yield each item with its status; an item with an outcome and a failure is done."""
    outcomes, failures = _AscendingNumbers(done), _AscendingNumbers(failed)
    for item in items:
        if outcomes.has(item.n):
            yield item, "done"
        elif failures.has(item.n):
            yield item, "failed"
        else:
            yield item, "missing"


class _AscendingNumbers:
    """Ascending numbers, which are looked up in ascending order."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = iter(numbers)
        self._at: int | None = -1

    def has(self, number: int) -> bool:
        """Tell whether `number` is among them."""
        while self._at is not None and self._at < number:
            self._at = next(self._numbers, None)
        return self._at == number


@dataclass(frozen=True, slots=True)
class RetryRound:
    """The decision after a round: another one in `seconds`, or the end.

    `idle` counts the rounds in a row that brought no outcome.
    """

    another: bool
    idle: int
    seconds: int = 0


def next_round(before: int, missing: int, idle: int) -> RetryRound:
    """Return what follows a round that began with `before` and left `missing` items.

    Args:
        before: items that were missing before the round.
        missing: items that are missing now.
        idle: rounds in a row without progress before this one.
    """
    idle = 0 if missing < before else idle + 1
    if not missing or idle >= MAX_IDLE_ROUNDS:
        return RetryRound(False, idle)
    seconds = min(_MAX_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**idle)
    return RetryRound(True, idle, seconds)


_PASSING = frozenset({"Throttled", "Transient", "States.Timeout", "Runtime.ExitError"})


def may_pass(error: JobError) -> bool:
    """Return whether a child's error may be gone by the next round."""
    return error.type in _PASSING or error.type.startswith("Lambda.")


THREADS = 8
"""Concurrent calls of one child. They wait for answers nearly all of their time."""
WRITERS = 2
"""Further items that a child holds: their outcomes are written while calls are made."""
IN_FLIGHT = THREADS + WRITERS
"""Calls of a child that are made or not yet written: a kill repeats at most these."""
MAX_ITEMS_PER_CHILD = 26 * THREADS
"""A multiple of the threads, so that calls of equal length leave none to wait for alone."""
MAX_CHILDREN = 500
"""Children of a round: all their results form one state, which holds 256 KiB.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""


def items_per_child(items: int, concurrency: int) -> int:
    """Return how many of `items` one child is given while `concurrency` children run.

    Few enough that every child gets about four batches, so that one slow call holds up few
    others; but no fewer than its threads, and no more children than one state can describe. The
    number of children is a multiple of `concurrency`, so that none runs alone at the end.
    """
    share = -(-items // (concurrency * 4))
    size = min(max(share, THREADS), MAX_ITEMS_PER_CHILD)
    children = -(-items // size)
    if children > concurrency:
        children = -(-children // concurrency) * concurrency
    return max(1, -(-items // max(1, min(children, MAX_CHILDREN))))
