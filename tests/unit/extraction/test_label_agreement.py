"""Features of a field told by the other fields: places of their labels, words they have taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chalicelib.extraction.document import Span
from chalicelib.extraction.feature_names import (
    AGREEMENT_FEATURES,
    AGREEMENT_FIELD_FEATURES,
    CANDIDATE_FEATURES,
    FeatureRows,
)
from chalicelib.extraction.label_agreement import agreement
from chalicelib.extraction.ranker import RankedCandidates


@dataclass(frozen=True)
class Words:
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Field:
    candidates: tuple[Words, ...]
    features: FeatureRows
    labels: tuple[Span | None, ...]


def span(start: int) -> Span:
    return Span(1, start, start + 5)


def field(*candidates: tuple[int, str, int]) -> Field:
    """Return a field whose candidates begin somewhere, with a label in a relation at a place."""
    rows = np.zeros((len(candidates), len(CANDIDATE_FEATURES)), np.float32)
    for row, (_, relation, _) in zip(rows, candidates, strict=True):
        row[CANDIDATE_FEATURES.index(f"{relation} likeness")] = 0.9
    words = tuple(Words((span(start),)) for start, _, _ in candidates)
    return Field(words, rows, tuple(span(label) for _, _, label in candidates))


def seen(fields: list[Field], shares: list[tuple[float, ...]]) -> list[dict[str, list[float]]]:
    ranked = [RankedCandidates(each, 1 - sum(each)) for each in shares]
    rows, of_fields = agreement(fields, ranked)
    assert all(len(each) == len(AGREEMENT_FIELD_FEATURES) for each in of_fields)
    return [
        {name: each[:, at].tolist() for at, name in enumerate(AGREEMENT_FEATURES)} for each in rows
    ]


def test_a_label_should_stand_where_those_of_the_sure_fields_do() -> None:
    sure = [field((20 * at, "below", 20 * at + 10)) for at in range(4)]
    unsure = field((200, "left", 210), (220, "below", 210))
    found = seen([*sure, unsure], [(0.95,)] * 4 + [(0.3, 0.3)])[-1]
    left, below = found["place"]
    assert below > 0.8 > 0.1 > left
    assert found["place likeness"][1] > found["place likeness"][0]
    assert found["usual place"] == [0.0, np.float32(0.9)]


def test_spans_and_labels_of_other_fields_should_be_claimed() -> None:
    sure = field((0, "left", 10))
    other = field((0, "left", 30), (50, "left", 10), (10, "left", 30), (70, "above", 0))
    found = seen([sure, other], [(0.9,), (0.1, 0.1, 0.1, 0.1)])[1]
    assert np.round(found["claimed"], 2).tolist() == [0.9, 0, 0, 0]
    assert np.round(found["label claimed"], 2).tolist() == [0, 0.9, 0, 0]
    assert np.round(found["is label"], 2).tolist() == [0, 0, 0.9, 0]
    assert np.round(found["label is value"], 2).tolist() == [0, 0, 0, 0.9]


def test_a_field_should_not_tell_itself_where_labels_stand() -> None:
    alone = seen([field((0, "above", 10))], [(0.99,)])[0]
    assert np.allclose(alone["place"], 1 / 8)
    assert alone["claimed"] == [0.0]
    empty = Field((), np.zeros((0, len(CANDIDATE_FEATURES)), np.float32), ())
    assert seen([empty], [()])[0]["place"] == []


def test_a_label_that_another_field_has_no_better_one_than_should_be_wanted_elsewhere() -> None:
    likeness = CANDIDATE_FEATURES.index("likeness")
    total = field((0, "left", 10), (30, "left", 40))
    total.features[:, likeness] = 0.7, 0.5
    subtotal = field((0, "left", 10), (50, "left", 60))
    subtotal.features[:, likeness] = 0.8, 1.0
    other = field((0, "left", 10), (70, "left", 80))
    found = seen([total, subtotal, other], [(0.4, 0.4)] * 3)
    assert np.round(found[0]["wanted elsewhere"], 2).tolist() == [0.0, -1.0]
    assert np.round(found[1]["wanted elsewhere"], 2).tolist() == [0.2, -1.0]
    assert np.round(found[2]["wanted elsewhere"], 2).tolist() == [0.2, -1.0]
