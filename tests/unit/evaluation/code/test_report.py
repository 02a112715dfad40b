"""Reports on a model's code."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import InvalidInput
from chalicelib.evaluation.code.report import summarise, verdicts_of


def line(id_: str, verdict: str, reason: str = "") -> dict[str, Any]:
    return {"id": id_, "code": {"verdict": verdict, "reason": reason}}


def test_what_was_not_had_or_run_should_count_as_neither() -> None:
    error = {"type": "QuotaExceeded", "message": "The budget is used up."}
    results = [
        line("a#0", "passed"),
        line("a#1", "failed", "assert f(1) == 2"),
        line("a#2", "not_run", "no function"),
        line("b/x#0", "out_of_fuel", "too much"),
    ]
    unrun = {**line("b/x#2", "not_run", "no function"), "error": error}
    found = verdicts_of(results, [{"id": "b/x#1", "line": 5, "error": error}, unrun])
    problems, rates = summarise(found, (1, 2))
    one, other = problems
    assert (one.problem, one.samples, one.passed) == ("a", 3, 1)
    assert one.pass_at == {1: 0.5, 2: 1.0}
    assert (other.problem, other.passed, other.pass_at) == ("b/x", 0, {1: 0.0})
    assert other.verdicts == {"out_of_fuel": 1, "not_answered": 1, "not_run": 1}
    assert (one.reason, other.reason) == ("assert f(1) == 2", "too much")
    assert [(rate.k, rate.problems, rate.value) for rate in rates] == [(1, 2, 0.25), (2, 1, 1.0)]


def test_a_batch_that_ran_no_code_should_be_refused() -> None:
    with pytest.raises(InvalidInput, match="a#0 has no verdict"):
        verdicts_of([{"id": "a#0", "generation": {}}], [])


def test_a_set_that_was_not_answered_at_all_should_have_no_rate() -> None:
    error = {"type": "QuotaExceeded", "message": "The budget is used up."}
    problems, rates = summarise(verdicts_of([], [{"id": "a#0", "error": error}]), (1,))
    assert rates == ()
    assert problems[0].pass_at == {}
