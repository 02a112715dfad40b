"""Tables that lines frame: which cells they make, joined where no line parts them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from functions.read_document.pdf_rules import Rule, Rules

MAX_CELLS = 5_000
MAX_MEETINGS = 100_000
"""Pairs of lines that are looked at for whether they meet."""

_SNAP = 3.0
"""Lines that are less than this many points apart are one line, drawn twice or in pieces."""

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """The lines of one table, and for each of its cells the first one that it is joined with."""

    downs: tuple[float, ...]
    acrosses: tuple[float, ...]
    owners: dict[Cell, Cell]

    @property
    def size(self) -> Cell:
        """Return how many rows and columns there are."""
        return len(self.acrosses) - 1, len(self.downs) - 1

    def cell(self, x: float, y: float) -> Cell | None:
        """Return the cell around a point, None outside of the frame."""
        column, row = bisect_right(self.downs, x) - 1, bisect_right(self.acrosses, y) - 1
        return self.owners.get((row, column))


def frames_of(rules: Rules) -> list[Frame]:
    """Return the frames of at least two rows and two columns that the lines of a page make."""
    across, down = _joined(rules.across), _joined(rules.down)
    if len(across) * len(down) > MAX_MEETINGS:
        return []
    found = [_frame(*lines) for lines in _connected(across, down)]
    return [frame for frame in found if frame is not None]


def _joined(rules: Sequence[Rule]) -> list[Rule]:
    """Return lines without their doubles, and with pieces of one line put together."""
    level: list[Rule] = []
    at = float("-inf")
    for rule in sorted(rules, key=lambda each: each.at):
        at = at if rule.at - at <= _SNAP else rule.at
        level.append(Rule(at, rule.start, rule.end))
    joined: list[Rule] = []
    for rule in sorted(level, key=lambda each: (each.at, each.start)):
        last = joined[-1] if joined else None
        if last and last.at == rule.at and rule.start - last.end <= _SNAP:
            joined[-1] = Rule(last.at, last.start, max(last.end, rule.end))
        else:
            joined.append(rule)
    return joined


def _connected(
    across: Sequence[Rule], down: Sequence[Rule]
) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Yield the lines that hang together: each meets another of its group."""
    groups = _Groups(len(across) + len(down))
    for row, level in enumerate(across):
        for column, upright in enumerate(down, len(across)):
            if _meet(level, upright):
                groups.join(row, column)
    for members in groups.members():
        levels = [across[at] for at in members if at < len(across)]
        uprights = [down[at - len(across)] for at in members if at >= len(across)]
        yield levels, uprights


def _meet(level: Rule, upright: Rule) -> bool:
    return (
        level.start - _SNAP <= upright.at <= level.end + _SNAP
        and upright.start - _SNAP <= level.at <= upright.end + _SNAP
    )


def _frame(across: Sequence[Rule], down: Sequence[Rule]) -> Frame | None:
    if not across or not down:
        return None
    # A table that is open to the sides ends where its lines end.
    ends = [min(rule.start for rule in across), max(rule.end for rule in across)]
    downs = _apart([*(rule.at for rule in down), *ends])
    acrosses = _apart([rule.at for rule in across])
    rows, columns = len(acrosses) - 1, len(downs) - 1
    if rows < 2 or columns < 2 or rows * columns > MAX_CELLS:
        return None
    groups = _Groups(rows * columns)
    for row, (top, bottom) in enumerate(pairwise(acrosses)):
        for column, (left, right) in enumerate(pairwise(downs)):
            here = row * columns + column
            if column + 1 < columns and not _parted(down, right, (top + bottom) / 2):
                groups.join(here, here + 1)
            if row + 1 < rows and not _parted(across, bottom, (left + right) / 2):
                groups.join(here, here + columns)
    owners = {
        divmod(at, columns): divmod(members[0], columns)
        for members in groups.members()
        for at in members
    }
    return Frame(downs, acrosses, owners)


def _apart(values: Sequence[float]) -> tuple[float, ...]:
    """Return places in ascending order, without those that are next to another."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value - kept[-1] > _SNAP:
            kept.append(value)
    return tuple(kept)


def _parted(rules: Sequence[Rule], at: float, middle: float) -> bool:
    """Tell whether a line at `at` passes `middle`."""
    return any(abs(rule.at - at) <= _SNAP and rule.start <= middle <= rule.end for rule in rules)


class _Groups:
    """Things that are joined pair by pair: a forest of disjoint sets."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self._top(one), self._top(other)))
        self._above[second] = first

    def members(self) -> list[list[int]]:
        """Return the members of each group in ascending order."""
        found: dict[int, list[int]] = {}
        for at in range(len(self._above)):
            found.setdefault(self._top(at), []).append(at)
        return list(found.values())

    def _top(self, at: int) -> int:
        while self._above[at] != at:
            self._above[at] = self._above[self._above[at]]
            at = self._above[at]
        return at
