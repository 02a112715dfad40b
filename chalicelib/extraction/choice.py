"""The choice among the candidates of all fields, so that no span is the value of two.

Fields are served in the order of their surest candidates. One whose span is taken falls back to
its next, and to none where that is likelier; the probability of the span goes to these. Lines of
one block make many candidates that overlap, of which each has a part of the probability: they
stand for their place together.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from chalicelib.extraction.leaves import BLOCK_KINDS, Leaf
from chalicelib.extraction.ranker import RankedCandidates

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.feature_names import FeatureRows, Features
    from chalicelib.extraction.field_candidates import FieldCandidate

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class RankedField:
    """A field with its candidates, their features, and the probability of each and of none."""

    leaf: Leaf
    candidates: tuple[FieldCandidate, ...]
    features: Sequence[Features] | FeatureRows
    field_features: Features
    ranked: RankedCandidates


@dataclass(frozen=True, slots=True)
class ChosenValue:
    """The candidate that was chosen for a field, or none.

    Attributes:
        at: The number of the chosen candidate, -1 for none.
        share: Its probability, or that of none.
        runner_up: The largest probability of a candidate with another value at another place.
        agreeing: Probability of other candidates with the same value.
        overlapping: Probability of candidates with other values at its place.
    """

    field: RankedField
    at: int
    share: float
    runner_up: float
    agreeing: float
    overlapping: float = 0.0

    @property
    def together(self) -> float:
        """Return the probability of its value and of its place."""
        return min(1.0, self.share + self.agreeing + self.overlapping)

    @property
    def candidate(self) -> FieldCandidate | None:
        """Return the chosen candidate, or None."""
        return self.field.candidates[self.at] if self.at >= 0 else None


def choose(fields: Sequence[RankedField], floor: float) -> list[ChosenValue]:
    """Return the choice for each field, in their order.

    Args:
        fields: the fields with their ranked candidates.
        floor: the least probability of all candidates of the chosen value or place together; below
            it, and below that of none, the field has no value.
    """
    free = _FreeCandidates(fields)
    queue = [(-free.top(number)[1], number) for number in range(len(fields))]
    heapq.heapify(queue)
    chosen: list[ChosenValue | None] = [None] * len(fields)
    while queue:
        key, number = heapq.heappop(queue)
        if chosen[number] is not None:
            continue
        at, share = free.top(number)
        if share < -key:  # The span was given to another field meanwhile.
            heapq.heappush(queue, (-share, number))
            continue
        field = free.field(number)
        value = value_at(field, at) if at >= 0 else no_value(field)
        if at < 0 or value.together < max(floor, field.ranked.none):
            chosen[number] = no_value(field)
            continue
        chosen[number] = value
        for other in free.take(field.candidates[at].spans, value.together):
            heapq.heappush(queue, (-free.top(other)[1], other))
    return [
        each if each is not None else no_value(field)
        for each, field in zip(chosen, fields, strict=True)
    ]


class _FreeCandidates:
    """Probabilities of the candidates of all fields, given what was chosen so far.

    A span that is surely one field's value is no other's: the probability that it was goes to the
    other candidates of the others, and to none.
    """

    def __init__(self, fields: Sequence[RankedField]) -> None:
        self._fields = fields
        self._shares = [np.array(each.ranked.shares) for each in fields]
        self._none = [each.ranked.none for each in fields]
        self._free = [np.ones(len(each.candidates), np.bool_) for each in fields]
        places = [
            (span.page, span.start, span.end, number, at)
            for number, each in enumerate(fields)
            for at, candidate in enumerate(each.candidates)
            for span in candidate.spans
        ]
        self._places = np.array(places, np.int64).reshape(-1, 5)

    def top(self, number: int) -> tuple[int, float]:
        """Return the likeliest free candidate of a field, -1 for none, and its probability."""
        shares = np.where(self._free[number], self._shares[number], -1.0)
        if not len(shares) or shares.max() < 0:
            return -1, 0.0
        at = int(shares.argmax())
        return at, float(shares[at])

    def field(self, number: int) -> RankedField:
        """Return a field with the probabilities that its candidates have now."""
        ranked = RankedCandidates(tuple(self._shares[number].tolist()), self._none[number])
        return replace(self._fields[number], ranked=ranked)

    def take(self, spans: Sequence[Span], sure: float) -> set[int]:
        """Give spans to a field that has them as surely; return the fields that this changes."""
        page, start, end, number, at = self._places.T
        changed: set[int] = set()
        for span in spans:
            over = (page == span.page) & (start < span.end) & (end > span.start)
            for field, candidate in zip(number[over].tolist(), at[over].tolist(), strict=True):
                if self._free[field][candidate]:
                    self._free[field][candidate] = False
                    self._shares[field][candidate] *= 1 - sure
                    changed.add(field)
        for field in changed:
            total = self._none[field] + float(self._shares[field].sum())
            self._shares[field] /= max(total, _TINY)
            self._none[field] /= max(total, _TINY)
        return changed


def value_at(field: RankedField, at: int) -> ChosenValue:
    """Return the choice of the candidate numbered `at` for a field."""
    chosen = field.candidates[at]
    same = near = other = 0.0
    for number, (each, share) in enumerate(zip(field.candidates, field.ranked.shares, strict=True)):
        if number == at:
            continue
        if each.match.value == chosen.match.value:
            same += share
        elif field.leaf.kind in BLOCK_KINDS and _share_a_place(chosen, each):
            near += share
        else:
            other = max(other, share)
    return ChosenValue(field, at, field.ranked.shares[at], other, same, near)


def _share_a_place(one: FieldCandidate, other: FieldCandidate) -> bool:
    return any(
        span.page == another.page and span.start < another.end and another.start < span.end
        for span in one.spans
        for another in other.spans
    )


def no_value(field: RankedField) -> ChosenValue:
    """Return the choice of none for a field."""
    return ChosenValue(field, -1, field.ranked.none, max(field.ranked.shares, default=0.0), 0.0)
