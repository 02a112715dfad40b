"""The second look at candidates: what the fields that are surely read tell of the others. Pure.

A document mostly has its labels in one place, a span is the value of one field, and a label names
one. So the places, spans and labels of the first look's sure values are features of the second.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.feature_names import (
    AGREEMENT_FEATURES,
    CANDIDATE_FEATURES,
    RELATIONS,
    FeatureRows,
    Features,
)

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.ranker import RankedCandidates


class SeenCandidate(Protocol):
    """A candidate's words."""

    @property
    def spans(self) -> tuple[Span, ...]:
        """Return the characters of each line."""


class SeenField(Protocol):
    """A field's candidates with their `CANDIDATE_FEATURES` and the places of their best labels."""

    @property
    def candidates(self) -> Sequence[SeenCandidate]:
        """Return the candidates."""

    @property
    def features(self) -> FeatureRows:
        """Return their features, (candidates, features)."""

    @property
    def labels(self) -> tuple[Span | None, ...]:
        """Return where the best label of each stands."""


LIKE_A_LABEL = 0.5
"""Likeness of names and a label from which on its place says something."""
SURE = 0.02
"""Probability from which on a candidate claims its span and its label."""
_PRIOR = 0.3
"""Of sure values in the places of other documents, in fields."""
_TINY = 1e-4
_OVERALL = CANDIDATE_FEATURES.index("likeness")
_LIKENESS = [CANDIDATE_FEATURES.index(f"{each} likeness") for each in RELATIONS]

Array = NDArray[np.float64]
Claims = dict[int, list[tuple[int, int, float, int]]]
"""By page: start and end of characters, the probability, and the number of the field."""


def agreement(
    fields: Sequence[SeenField], first: Sequence[RankedCandidates]
) -> tuple[list[FeatureRows], list[Features]]:
    """Return the `AGREEMENT_FEATURES` of all candidates, and those of the fields."""
    alike = [_alike(each) for each in fields]
    votes = np.array(
        [_votes(each, ranked) for each, ranked in zip(alike, first, strict=True)]
    ).reshape(-1, len(RELATIONS))
    values, labels = _claims(fields, first)
    wanted = _WantedLabels(fields)
    candidates, of_fields = [], []
    for number, (field, ranked) in enumerate(zip(fields, first, strict=True)):
        others = votes.sum(axis=0) - votes[number] + _PRIOR / len(RELATIONS)
        places = others / others.sum()
        usual = int(places.argmax())
        none = math.log(ranked.none + _TINY)
        rows = []
        for at, share in enumerate(ranked.shares):
            found = alike[number][at]
            label = field.labels[at]
            of_label = (label,) if label is not None else ()
            spans = field.candidates[at].spans
            rows.append(
                (
                    math.log((share + _TINY) / (1 - share + _TINY)),
                    none,
                    float(places[found.argmax()]) if found.any() else 0.0,
                    float(places @ found),
                    float(found[usual]),
                    _claimed(values, spans, number),
                    _claimed(labels, of_label, number),
                    _claimed(values, of_label, number),
                    _claimed(labels, spans, number),
                    wanted.elsewhere(number, label),
                )
            )
        made = np.array(rows, np.float32).reshape(-1, len(AGREEMENT_FEATURES))
        candidates.append(made)
        of_fields.append(_of_field(none, rows))
    return candidates, of_fields


class _WantedLabels:
    """How alike each label of a document is to the names of each field."""

    def __init__(self, fields: Sequence[SeenField]) -> None:
        self._alike: list[dict[tuple[int, int], float]] = []
        for field in fields:
            alike: dict[tuple[int, int], float] = {}
            for label, likeness in zip(field.labels, field.features[:, _OVERALL], strict=True):
                if label is not None:
                    place = label.page, label.start
                    alike[place] = max(alike.get(place, 0.0), float(likeness))
            self._alike.append(alike)
        self._likest = [heapq.nlargest(2, (*each.values(), 0.0, 0.0)) for each in self._alike]

    def elsewhere(self, number: int, label: Span | None) -> float:
        """Return how much more alike a label is to another field's names than any other label is.

        -1 where no other field has the label.
        """
        if label is None:
            return -1.0
        place = label.page, label.start
        found = [-1.0]
        for other, alike in enumerate(self._alike):
            if other != number and place in alike:
                best, second = self._likest[other]
                found.append(alike[place] - (second if alike[place] >= best else best))
        return max(found)


def _of_field(none: float, rows: Sequence[Features]) -> Features:
    return (
        none,
        max((row[0] for row in rows), default=-10.0),
        max((row[3] for row in rows), default=0.0),
        max((row[3] * (1 - row[5]) for row in rows), default=0.0),
    )


def _alike(field: SeenField) -> Array:
    """Return the likeness of each candidate's labels in each relation, 0 if it is low."""
    found = field.features[:, _LIKENESS].astype(np.float64)
    return np.where(found >= LIKE_A_LABEL, found, 0.0)


def _votes(alike: Array, ranked: RankedCandidates) -> Array:
    """Return how sure the field's value has its label in each relation."""
    total = alike.sum(axis=1, keepdims=True)
    votes: Array = np.array(ranked.shares) @ (alike / np.maximum(total, LIKE_A_LABEL))
    return votes if len(alike) else np.zeros(len(RELATIONS))


def _claims(
    fields: Sequence[SeenField], first: Sequence[RankedCandidates]
) -> tuple[Claims, Claims]:
    """Return which spans are claimed as values and which as labels, and how surely."""
    values: Claims = defaultdict(list)
    labels: Claims = defaultdict(list)
    for number, (field, ranked) in enumerate(zip(fields, first, strict=True)):
        for candidate, label, share in zip(
            field.candidates, field.labels, ranked.shares, strict=True
        ):
            if share < SURE:
                continue
            for span in candidate.spans:
                values[span.page].append((span.start, span.end, share, number))
            if label is not None:
                labels[label.page].append((label.start, label.end, share, number))
    return values, labels


def _claimed(claims: Claims, spans: Iterable[Span], number: int) -> float:
    """Return the largest probability of another field's claim on any of the spans."""
    return max(
        (
            share
            for span in spans
            for start, end, share, other in claims.get(span.page, ())
            if other != number and start < span.end and span.start < end
        ),
        default=0.0,
    )
