"""The second look learns from the other fields what a field alone does not tell."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from chalicelib.extraction.document import Span
from chalicelib.extraction.feature_names import CANDIDATE_FEATURES, FIELD_FEATURES
from chalicelib.extraction.ranker import parse_field_ranker
from models.failures import BelowGate
from models.field_ranker.looks import (
    LearnedDocument,
    LearnedField,
    SpannedText,
    learn_ranker,
    ranker_document,
)

FIELDS = 4
LEFT, BELOW, SURE = map(CANDIDATE_FEATURES.index, ("left likeness", "below likeness", "valid"))


def made_document(rng: random.Random, *, by_chance: bool = False) -> LearnedDocument:
    """Return fields with a candidate left of a label and one below it, all right in one place.

    Only the first field says which: a code there is valid.
    """
    is_below = rng.random() < 0.5
    fields = []
    for number in range(FIELDS):
        rows = np.zeros((2, len(CANDIDATE_FEATURES)), np.float32)
        rows[0, LEFT] = rows[1, BELOW] = 0.9
        right = np.array([not is_below, is_below])
        if by_chance:
            right = right[::-1] if rng.random() < 0.5 else right
        elif number == 0:
            rows[int(is_below), SURE] = 1.0
        spans = [Span(1, 100 * number + 10 * at, 100 * number + 10 * at + 5) for at in range(3)]
        words = (SpannedText((spans[0],)), SpannedText((spans[1],)))
        none = tuple(rng.random() for _ in FIELD_FEATURES)
        fields.append(LearnedField(words, rows, (spans[2], spans[2]), right, none, is_missed=False))
    return tuple(fields)


def test_the_second_look_should_learn_the_place_of_labels_from_the_sure_field() -> None:
    rng = random.Random(5)
    train = [made_document(rng) for _ in range(240)]
    ranker, figures = learn_ranker(train, [made_document(rng) for _ in range(40)], seed=1)
    first, second = figures["first look, nats"], figures["validation loss, nats"]
    assert isinstance(first, float)
    assert isinstance(second, float)
    assert second < 0.2 < 0.4 < first
    again = parse_field_ranker(json.dumps(ranker_document(ranker)))
    assert np.array_equal(again.second.hidden, ranker.second.hidden)


def test_places_by_chance_should_be_refused() -> None:
    rng = random.Random(6)
    train = [made_document(rng, by_chance=True) for _ in range(20)]
    wrong = [made_document(rng) for _ in range(20)]
    swapped = [
        tuple(
            LearnedField(
                each.candidates,
                each.features,
                each.labels,
                np.zeros(2, np.bool_),
                each.field_features,
                is_missed=False,
            )
            for each in document
        )
        for document in wrong
    ]
    with pytest.raises(BelowGate, match="equal shares"):
        learn_ranker(train, swapped, seed=1)
