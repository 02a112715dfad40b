"""How well vectors find each other, on vectors whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation import intervals, retrieval

EAST, NORTH, NORTHEAST = (
    np.array(each, np.float32) for each in ((1, 0), (0, 1), (np.sqrt(0.5), np.sqrt(0.5)))
)


def vectors(count: int, seed: int) -> retrieval.Vectors:
    drawn = np.random.default_rng(seed).standard_normal((count, 4)).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def test_a_rank_should_count_what_is_nearer() -> None:
    queries = np.stack([EAST, NORTHEAST])
    assert retrieval.ranks(queries, np.stack([EAST, NORTH])).tolist() == [0, 1]
    more = np.stack([EAST, NORTHEAST, NORTHEAST * 0.9, EAST * 0.5])
    assert retrieval.ranks(queries, more).tolist() == [0, 0]


def test_vectors_that_are_all_alike_should_find_nothing() -> None:
    same = np.stack([EAST] * 5)
    ranks = retrieval.ranks(same, same)
    assert ranks.tolist() == [4] * 5
    assert retrieval.recall(ranks, 4).sum() == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_not_finite_should_find_nothing_and_be_found_by_nothing(
    value: float,
) -> None:
    broken = np.full((5, 2), value, np.float32)
    sound = np.stack([EAST] * 5)
    alike, labels = np.ones((5, 5), np.bool_), np.zeros(5, np.int64)
    with np.errstate(invalid="ignore"):
        for queries, items in ((broken, sound), (sound, broken), (broken, broken)):
            assert retrieval.ranks(queries, items).tolist() == [4] * 5
            assert retrieval.precision(queries, items, alike, 2).sum() == 0
            assert retrieval.zero_shot(queries, items, labels).sum() == 0
        assert retrieval.neighbour_precision(broken, labels, 2).sum() == 0


@given(st.integers(2, 30), st.integers(0, 1000))
def test_recall_should_grow_with_k_up_to_all(count: int, seed: int) -> None:
    ranks = retrieval.ranks(vectors(count, seed), vectors(count, seed + 1))
    shares = [retrieval.recall(ranks, k).mean() for k in range(count + 1)]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_prompts_should_be_averaged_at_length_one() -> None:
    asked: list[Sequence[str]] = []

    def encode(texts: Sequence[str]) -> retrieval.Vectors:
        asked.append(texts)
        return np.stack([EAST, EAST] if texts[0] == "a cat" else [NORTH, EAST])

    found = retrieval.prompt_vectors(encode, ("cat", "dog"), ("a {}", "one {}"))
    assert asked == [["a cat", "a dog"], ["one cat", "one dog"]]
    assert found == pytest.approx(np.stack([NORTHEAST, EAST]))


def test_a_class_should_be_told_by_the_nearest_prompt() -> None:
    hits = retrieval.zero_shot(np.stack([EAST, NORTH]), np.stack([NORTH, EAST]), np.array([1, 1]))
    assert hits.tolist() == [1.0, 0.0]


def test_neighbours_should_leave_out_the_row_itself() -> None:
    rows = np.stack([EAST, EAST, NORTH])
    assert retrieval.neighbour_precision(rows, np.array([0, 1, 1]), 1).tolist() == [0.0, 0.0, 0.0]
    assert retrieval.neighbour_precision(rows, np.array([0, 0, 1]), 1).tolist() == [1.0, 1.0, 0.0]


def test_precision_should_be_of_the_nearest_items() -> None:
    items = np.stack([EAST, NORTHEAST, NORTH])
    same = np.array([[True, False, False], [True, True, False]])
    found = retrieval.precision(np.stack([EAST, NORTH]), items, same, 2)
    assert found.tolist() == [0.5, 0.5]
    assert retrieval.nearest(NORTH[None], items, 2).tolist() == [[2, 1]]


def test_an_interval_should_hold_the_truth_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(0)
    held = 0
    for _ in range(100):
        found = intervals.mean_interval((chance.random(200) < 0.3).astype(np.float64))
        held += found.low <= 0.3 <= found.high
    assert 88 <= held <= 100


def test_an_interval_should_have_no_width_where_nothing_varies() -> None:
    assert intervals.mean_interval(np.ones(5)) == intervals.ConfidenceInterval(1.0, 1.0, 1.0)
    assert intervals.mean_interval(np.array([0.5])).numbers("hit") == {
        "hit": 0.5,
        "hit_low": 0.5,
        "hit_high": 0.5,
    }
