"""Which items have an outcome, which failed and which are missing, and what is done about it. Pure.

Items, outcomes and failures come sorted by number, and one of each is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from chalicelib.contracts.batches import ItemRef

MOST_IDLE_ROUNDS = 5
"""Rounds in a row that bring nothing: with the waits between them, five minutes."""
_FIRST_WAIT_SECONDS = 5
_LONGEST_WAIT_SECONDS = 120

Fate = Literal["done", "failed", "missing"]


def fates(
    items: Iterable[ItemRef], done: Iterable[int], failed: Iterable[int]
) -> Iterator[tuple[ItemRef, Fate]]:
    """Yield each item with what became of it; what is done is not failed, too."""
    has_outcome, has_failure = _Sorted(done), _Sorted(failed)
    for item in items:
        if has_outcome.has(item.n):
            yield item, "done"
        elif has_failure.has(item.n):
            yield item, "failed"
        else:
            yield item, "missing"


class _Sorted:
    """Numbers that ascend, asked for numbers that ascend."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = iter(numbers)
        self._at: int | None = -1

    def has(self, number: int) -> bool:
        """Tell whether `number` is among them."""
        while self._at is not None and self._at < number:
            self._at = next(self._numbers, None)
        return self._at == number


@dataclass(frozen=True, slots=True)
class Round:
    """What comes after a round: another one in `seconds`, or the end for what is missing."""

    another: bool
    idle: int
    seconds: int = 0


def after_round(before: int, missing: int, idle: int) -> Round:
    """Return what comes next, where `before` items were missing before the round and `missing` are
    now, and `idle` rounds in a row brought nothing before it.
    """
    idle = 0 if missing < before else idle + 1
    if not missing or idle >= MOST_IDLE_ROUNDS:
        return Round(False, idle)
    seconds = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**idle)
    return Round(True, idle, seconds)
