from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from chalicelib.contracts.drift import DriftReport, FeatureReport
from chalicelib.contracts.schedules import WatchJudging
from chalicelib.evaluation.suites import check_variables
from chalicelib.monitoring.judged_answers import answers_suite, with_quality
from tests.unit.jobs.examples import NOW
from tests.unit.monitoring.fakes import SUBJECT, steady_calls

RUBRIC = {"type": "rubric", "criteria": "It greets."}


def judging(*graders: dict[str, object], calls: int = 10) -> WatchJudging:
    given = {"graders": graders or (RUBRIC,), "calls": calls, "budget": "0.5"}
    return WatchJudging.model_validate(given)


def looked(**fields: object) -> DriftReport:
    feature = FeatureReport(
        name="latency", kind="number", baseline=1, window=1, psi=0, p_value=1, drifted=False
    )
    given = {"monitor": "m", "subject": SUBJECT, "run_id": "r", "time": NOW, "version": "1"}
    given |= {"status": "steady", "level": 1e-5, "features": (feature,)}
    return DriftReport.model_validate(given | fields)


def test_a_sample_should_be_spread_over_the_calls_that_have_both_texts() -> None:
    calls = steady_calls(NOW, 100, seed=1)
    calls[0] = calls[0].model_copy(update={"output": None})
    suite = answers_suite(judging(), calls, [f"asked {n}" for n in range(100)])
    assert suite is not None
    check_variables(suite, {})
    asked = [case.variables["input"] for case in suite.cases]
    assert (asked[0], asked[-1], len(asked)) == ("asked 1", "asked 90", 10)
    assert suite.cases[0].labelled == calls[1].output
    assert suite.budget == Decimal("0.5")
    assert answers_suite(judging(), calls[:5], ["asked"] * 5) is None


def test_a_grader_that_needs_another_answer_should_be_refused() -> None:
    with pytest.raises(ValidationError, match="none to be preferred to") as raised:
        judging({"type": "pairwise", "against": "captured"})
    assert raised.value.errors()[0]["loc"] == ("graders",)


def test_the_first_grades_should_be_the_baseline_and_a_drop_be_news_once() -> None:
    first = with_quality(looked(), None, 40, 38, 0.1)
    assert first.quality is not None
    assert (first.quality.baseline_passed, first.status) == (38, "steady")
    same = with_quality(looked(), first, 40, 35, 0.1)
    assert (same.status, same.drifted) == ("steady", ())
    worse = with_quality(looked(), same, 40, 10, 0.1)
    assert (worse.status, worse.news, worse.features[0].baseline) == ("drifted", ("quality",), 0.95)
    again = with_quality(looked(), worse, 40, 10, 0.1)
    assert (again.drifted, again.news) == (("quality",), ())
    better = with_quality(looked(), with_quality(looked(), None, 40, 5, 0.1), 40, 40, 0.1)
    assert better.status == "steady"
    other = with_quality(looked(version="2"), worse, 40, 10, 0.1)
    assert other.quality is not None
    assert other.quality.baseline_passed == 10
