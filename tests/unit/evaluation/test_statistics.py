"""Intervals that hold what they say, and a gate that fails by chance no more than it may."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from chalicelib.contracts.evaluations.results import (
    CaseResult,
    EvaluationResult,
    TargetOutcome,
)
from chalicelib.contracts.evaluations.suites import SuiteGate
from chalicelib.errors import InvalidInput
from chalicelib.evaluation.comparisons import EarlierScores
from chalicelib.evaluation.gate import judge_run
from chalicelib.evaluation.statistics import agreement, mean_interval, paired_difference
from chalicelib.evaluation.summary import against_baseline, summarize
from tests.unit.evaluation.fakes import suite

NOW = datetime(2026, 11, 30, tzinfo=UTC)
Draw = Callable[[np.random.Generator, int], Sequence[float]]


def results(scores: Sequence[float]) -> list[CaseResult]:
    return [
        CaseResult(
            case=f"c{n}",
            outcomes=(TargetOutcome(target="now", status="graded", score=score, passed=True),),
        )
        for n, score in enumerate(scores)
    ]


def result(scores: Sequence[float]) -> EvaluationResult:
    return summarize(suite(), results(scores), evaluation_id="before", created_at=NOW)


def failed(gate: SuiteGate, after: Sequence[float], before: Sequence[float]) -> bool:
    return not judge_run(gate, 0, results(after), ["now"], earlier(before)).passed


def earlier(scores: Sequence[float]) -> dict[str, EarlierScores]:
    return {"now": EarlierScores("before", "before", {f"c{n}": v for n, v in enumerate(scores)})}


def right_or_wrong(rng: np.random.Generator, n: int) -> Sequence[float]:
    return [float(each) for each in rng.random(n) < 0.7]


def graded(rng: np.random.Generator, n: int) -> Sequence[float]:
    return [float(each) for each in rng.beta(4, 2, n)]


@pytest.mark.parametrize("draw", [right_or_wrong, graded])
@pytest.mark.parametrize("n", [5, 12, 40])
def test_of_200_evaluations_that_changed_nothing_8_per_cent_should_fail_at_most(
    draw: Draw, n: int
) -> None:
    rng = np.random.default_rng(20261130)
    difficulty = rng.random(n) * 0.2
    failures = 0
    for _ in range(200):
        one, other = (
            [max(0.0, value - each) for value, each in zip(draw(rng, n), difficulty, strict=True)]
            for _ in range(2)
        )
        failures += failed(SuiteGate(), one, other)
    assert failures <= 0.08 * 200


@pytest.mark.parametrize(("drop", "n", "least"), [(0.3, 40, 0.8), (0.2, 120, 0.9)])
def test_a_real_drop_should_be_refused(drop: float, n: int, least: float) -> None:
    rng = np.random.default_rng(1)
    caught = sum(
        failed(
            SuiteGate(),
            [float(each) for each in rng.random(n) < 0.85 - drop],
            [float(each) for each in rng.random(n) < 0.85],
        )
        for _ in range(60)
    )
    assert caught >= least * 60


def test_a_drop_within_the_tolerance_should_pass() -> None:
    before, after = [0.9] * 20, [0.85] * 20
    assert failed(SuiteGate(), after, before)
    assert not failed(SuiteGate(tolerance=0.06), after, before)


def test_the_verdict_should_name_the_cases_that_got_worse() -> None:
    after, before = [1.0, 0.0, 0.0, 0.0, 0.0, 0.2, 1.0], [1.0] * 7
    verdict = judge_run(SuiteGate(), 0, results(after), ["now"], earlier(before))
    assert not verdict.passed
    assert [each.case for each in verdict.worse] == ["c1", "c2", "c3", "c4", "c5"]
    assert "Worse: c1 (1.00 to 0.00)" in verdict.reasons[0]


def test_the_same_seed_should_give_the_same_interval() -> None:
    values = [0.11, 0.52, 0.93, 0.44, 0.35, 0.76, 0.27, 0.68]
    assert mean_interval(values, 7) == mean_interval(values, 7)
    assert mean_interval(values, 7) != mean_interval(values, 8)


@pytest.mark.parametrize("n", [5, 20])
def test_intervals_should_hold_the_mean_nearly_as_often_as_they_say(n: int) -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        told = mean_interval([float(each) for each in rng.normal(0.5, 0.1, n)], 0)
        assert told.low is not None
        assert told.high is not None
        held += told.low <= 0.5 <= told.high
    assert held >= 0.9 * 300


def test_one_case_should_have_no_interval_and_none_should_be_refused() -> None:
    assert mean_interval([0.4], 0).low is None
    with pytest.raises(InvalidInput, match="no case"):
        mean_interval([], 0)


def test_a_score_that_is_no_number_should_be_refused() -> None:
    with pytest.raises(InvalidInput, match="not a number"):
        paired_difference({"a": math.nan, "b": 1}, {"a": 1, "b": 1}, 0)
    with pytest.raises(ValueError, match="score"):
        TargetOutcome(target="now", status="graded", score=math.nan)


def test_a_baseline_that_cannot_be_compared_should_say_why() -> None:
    few = judge_run(SuiteGate(), 0, results([1.0] * 4), ["now"], earlier([1.0] * 6))
    assert not few.passed
    assert "share 4 cases that were run; a comparison takes 5" in few.reasons[0]
    with pytest.raises(InvalidInput, match=r"share 4 cases .* takes 5 at least"):
        against_baseline(suite(), result([1.0] * 6), result([1.0] * 4))
    other = result([1.0] * 6).model_copy(update={"suite": "lakes"})
    with pytest.raises(InvalidInput, match="of the suite lakes, not of rivers"):
        against_baseline(suite(), result([1.0] * 6), other)


def test_agreement_should_be_cohens_kappa() -> None:
    judge = [True] * 20 + [True] * 5 + [False] * 10 + [False] * 15
    people = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    told = agreement(judge, people)
    assert told is not None
    assert told.kappa == pytest.approx(0.4)
    assert agreement([], []) is None
    same = agreement([True, True], [True, True])
    assert same is not None
    assert same.kappa is None
