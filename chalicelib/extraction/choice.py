"""The choice among the candidates of all fields, so that no span is the value of two.

Fields are served in the order of their surest candidates. One whose span is taken falls back to
its next, and to none where that is likelier.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.extraction.candidates import FieldCandidate
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.feature_names import Features
    from chalicelib.extraction.leaves import Leaf
    from chalicelib.extraction.ranker import RankedCandidates


@dataclass(frozen=True, slots=True)
class RankedField:
    """A field with its candidates, their features, and the probability of each and of none."""

    leaf: Leaf
    candidates: tuple[FieldCandidate, ...]
    features: tuple[Features, ...]
    field_features: Features
    ranked: RankedCandidates


@dataclass(frozen=True, slots=True)
class ChosenValue:
    """The candidate that was chosen for a field, or none.

    Attributes:
        at: The number of the chosen candidate, -1 for none.
        share: Its probability, or that of none.
        runner_up: The largest probability of a candidate with another value.
        agreeing: Probability of other candidates with the same value.
    """

    field: RankedField
    at: int
    share: float
    runner_up: float
    agreeing: float

    @property
    def candidate(self) -> FieldCandidate | None:
        """Return the chosen candidate, or None."""
        return self.field.candidates[self.at] if self.at >= 0 else None


def choose(fields: Sequence[RankedField], floor: float) -> list[ChosenValue]:
    """Return the choice for each field, in their order.

    Args:
        fields: the fields with their ranked candidates.
        floor: the least probability of all candidates of the chosen value together; below it, and
            below that of none, the field has no value.
    """
    orders = [
        sorted(range(len(each.candidates)), key=lambda at: (-each.ranked.shares[at], at))
        for each in fields
    ]
    queue = [
        (-_share(each, order, 0), at, 0)
        for at, (each, order) in enumerate(zip(fields, orders, strict=True))
    ]
    heapq.heapify(queue)
    chosen: list[ChosenValue | None] = [None] * len(fields)
    taken: set[Span] = set()
    while queue:
        _, number, rank = heapq.heappop(queue)
        field, order = fields[number], orders[number]
        if rank >= len(order):
            chosen[number] = _none(field)
            continue
        spans = field.candidates[order[rank]].spans
        if any(_overlaps(span, other) for span in spans for other in taken):
            heapq.heappush(queue, (-_share(field, order, rank + 1), number, rank + 1))
            continue
        value = _value(field, order[rank])
        if value.share + value.agreeing < floor or value.share + value.agreeing < field.ranked.none:
            chosen[number] = _none(field)
            continue
        chosen[number] = value
        taken.update(spans)
    return [
        each if each is not None else _none(field)
        for each, field in zip(chosen, fields, strict=True)
    ]


def _share(field: RankedField, order: Sequence[int], rank: int) -> float:
    return field.ranked.shares[order[rank]] if rank < len(order) else 0.0


def _overlaps(one: Span, other: Span) -> bool:
    return one.page == other.page and one.start < other.end and other.start < one.end


def _value(field: RankedField, at: int) -> ChosenValue:
    value = field.candidates[at].match.value
    same = other = 0.0
    for number, (each, share) in enumerate(zip(field.candidates, field.ranked.shares, strict=True)):
        if number != at:
            if each.match.value == value:
                same += share
            else:
                other = max(other, share)
    return ChosenValue(field, at, field.ranked.shares[at], other, same)


def _none(field: RankedField) -> ChosenValue:
    return ChosenValue(field, -1, field.ranked.none, max(field.ranked.shares, default=0.0), 0.0)
