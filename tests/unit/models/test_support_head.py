from __future__ import annotations

import json

import numpy as np
import pytest

from chalicelib.retrieval.answer.support.head import parse_support_head
from models.support_head import (
    ClaimExample,
    choose_threshold,
    cross_validate,
    learn_head,
    learn_weights,
)
from models.support_pairs import labelled_claims, tuning_claims


def examples(count: int = 60) -> list[ClaimExample]:
    """Return claims whose label the first dimension gives; the second says nothing."""
    drawn = np.random.default_rng(5).normal(size=(count, 1, 2))
    return [
        ClaimExample(row, refused=False, supported=bool(row[0, 0] > 0), group=str(at // 3))
        for at, row in enumerate(drawn)
    ]


def test_what_tells_support_apart_should_weigh_and_the_same_each_time() -> None:
    learned = learn_weights(examples())
    assert learned.weights[0] > 5 * abs(learned.weights[1])
    assert learn_weights(examples()).weights.tolist() == learned.weights.tolist()


def test_a_dimension_that_never_changes_should_weigh_nothing() -> None:
    constant = [
        ClaimExample(np.hstack([each.vectors, [[1.0]]]), each.refused, each.supported, each.group)
        for each in examples()
    ]
    assert learn_weights(constant).weights[2] == 0


def test_unseen_passages_should_be_told_apart() -> None:
    made = examples()
    odds = cross_validate(made)
    right = [
        bool(found > 0) is example.supported for found, example in zip(odds, made, strict=True)
    ]
    assert sum(right) > 0.7 * len(made)


def test_a_head_should_tell_how_it_fares_on_unseen_groups() -> None:
    written, made = examples(), examples(30)
    head = learn_head(written, made)
    assert parse_support_head(json.dumps(head), 2).weights[0] > 0
    figures = head["cross_validation"]
    assert isinstance(figures, dict)
    assert figures["of these supported, accepted"] > 0.6
    assert figures["of these unsupported, accepted"] < 0.2


def test_the_threshold_should_keep_claims_out_that_are_not_supported() -> None:
    made = [
        ClaimExample(np.zeros((1, 2)), refused, supported, "a")
        for supported, refused in ((True, False), (True, True), (False, False), (True, False))
    ]
    threshold, recall = choose_threshold(made, np.array([3.0, 4.0, 2.0, 1.0]))
    assert threshold == 3
    assert recall == pytest.approx(1 / 3)


def test_no_threshold_should_be_chosen_where_none_is_precise() -> None:
    made = [ClaimExample(np.zeros((1, 2)), False, supported, "a") for supported in (True, False)]
    with pytest.raises(ValueError, match="No threshold"):
        choose_threshold(made, np.array([1.0, 2.0]))


def test_no_passage_that_is_measured_should_be_learned_from() -> None:
    measured = {claim.passage for claim in labelled_claims() if claim.held_out}
    assert not measured & {claim.passage for claim in tuning_claims()}
