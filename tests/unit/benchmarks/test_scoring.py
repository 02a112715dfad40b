from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.judged.scoring import (
    METRICS,
    difference,
    ndcg,
    recall,
    reciprocal_rank,
)

WIKIPEDIA = {"d1": 3, "d2": 2, "d3": 3, "d4": 0, "d5": 1, "d6": 2, "d7": 3, "d8": 2}
"""https://en.wikipedia.org/wiki/Discounted_cumulative_gain#Example"""
RANKED = ["d1", "d2", "d3", "d4", "d5", "d6"]

documents = st.lists(st.sampled_from("abcdefghij"), unique=True)
gains = st.dictionaries(st.sampled_from("abcdefghijkl"), st.integers(0, 3))


def test_ndcg_should_be_that_of_the_published_example() -> None:
    assert ndcg(RANKED, WIKIPEDIA, 6) == pytest.approx(0.785, abs=5e-4)


def test_ndcg_should_count_no_more_places_than_asked_for() -> None:
    assert ndcg(["x", "d1"], WIKIPEDIA, 1) == 0
    assert ndcg(["d7", "x", "x"], WIKIPEDIA, 1) == 1


def test_mrr_should_look_for_the_first_answer_of_any_gain() -> None:
    assert reciprocal_rank(["x", "d4", "d5", "d1"], WIKIPEDIA, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x", "d4", "d5", "d1"], WIKIPEDIA, 2) == 0


def test_recall_should_count_answers_and_not_documents_without_gain() -> None:
    assert recall(["d4", "d1", "d2"], WIKIPEDIA, 3) == pytest.approx(2 / 7)


@given(documents, gains)
def test_metrics_should_lie_between_nothing_and_the_best_order(
    ranked: list[str], gained: dict[str, int]
) -> None:
    best = sorted(gained, key=lambda each: -gained[each])
    for score in METRICS.values():
        assert 0 <= score(ranked, gained) <= score(best, gained) <= 1


@pytest.mark.parametrize("scores", [[0.0], [0.3, 1.0, 0.0]])
def test_what_ranks_alike_should_not_differ(scores: list[float]) -> None:
    apart = difference(scores, scores)
    assert (apart.mean, apart.low, apart.high, apart.certain) == (0, 0, 0, False)


def test_a_difference_should_be_the_same_each_time_and_turn_its_sign_with_the_sides() -> None:
    ours = [0.1 * (at % 7) for at in range(50)]
    theirs = [0.1 * (at % 5) for at in range(50)]
    apart, back = difference(ours, theirs), difference(theirs, ours)
    assert apart == difference(ours, theirs)
    assert apart.low < apart.mean < apart.high
    assert (back.mean, back.low) == pytest.approx((-apart.mean, -apart.high))


def test_an_interval_should_be_about_the_textbook_s_for_many_questions() -> None:
    """Half of 400 differences are 1 and half 0: the standard error is 0.025."""
    apart = difference([float(at % 2) for at in range(400)], [0.0] * 400)
    assert apart.mean == 0.5
    assert (apart.low, apart.high) == pytest.approx((0.451, 0.549), abs=0.004)
    assert apart.certain


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], [])])
def test_what_cannot_be_paired_should_be_refused(ours: list[float], theirs: list[float]) -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        difference(ours, theirs)
