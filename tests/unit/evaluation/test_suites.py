"""Suites that cannot be run are refused with the case, the field and the fix."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.contracts.prompts import PromptContent
from chalicelib.errors import InvalidInput
from chalicelib.evaluation.suites import check_variables, read_suite, suite_digest, suite_json
from tests.unit.evaluation.fakes import suite

TARGET = {"kind": "model", "name": "now"}
CASE = {"id": "a", "variables": {"input": "x"}, "expected": "y"}


def given(**changes: Any) -> dict[str, Any]:
    return {
        "name": "s",
        "targets": [TARGET],
        "cases": [CASE],
        "graders": [{"type": "exact"}],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graders": [{"type": "vibes"}]}, r"grader vibes: .*'exact', 'contains'"),
        ({"graders": [{"type": "exact", "expectd": "x"}]}, "grader exact, expectd: Extra inputs"),
        ({"graders": []}, "case a has no graders"),
        ({"graders": [{"type": "exact", "weight": 0}]}, "add up to 0"),
        ({"graders": [{"type": "exact"}, {"type": "exact"}]}, "stands twice"),
        ({"graders": [{"type": "regex", "pattern": "(?=x)"}]}, "grader regex: the pattern cannot"),
        ({"graders": [{"type": "regex", "pattern": "(a"}]}, "grader regex: the pattern cannot"),
        (
            {"graders": [{"type": "json_schema", "json_schema": {"type": "thing"}}]},
            "grader json_schema: .*not of JSON Schema",
        ),
        ({"graders": [{"type": "numeric"}]}, "'y', which is not one number"),
        (
            {"graders": [{"type": "numeric", "relative": 0.1, "expected": 0}]},
            "divides by the expected number, which is 0",
        ),
        ({"graders": [{"type": "pairwise", "against": "then"}]}, "no target then; there are now"),
        ({"graders": [{"type": "supported", "variables": ["z"]}]}, "no variable z; .* has input"),
        ({"cases": [{"id": "a"}, {"id": "a"}]}, "cases: id a stands twice"),
        ({"cases": [{"id": "a", "variables": {"input": "x"}}]}, "nothing is expected"),
        ({"cases": [{**CASE, "labels": {"exact": True}}]}, "give it as labelled"),
        (
            {"cases": [{**CASE, "labels": {"tone": True}, "labelled": "z"}]},
            "there is no rubric tone",
        ),
        ({"targets": [{"kind": "oracle", "name": "x"}]}, "target x: .*'prompt', 'inline'"),
        ({"targets": [TARGET, TARGET]}, "targets: name now stands twice"),
        ({"cases": [{**CASE, "ungraded": True, "threshold": 1}]}, "leave them or ungraded out"),
        ({"compare_to": "then"}, "compare_to: there is no target then"),
        ({"repeats": 0}, "repeats: "),
        ({"budget": "0"}, "budget: "),
        ({"cases": []}, "cases: "),
    ],
)
def test_what_cannot_be_run_should_be_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_suite(given(**changes))


@pytest.mark.parametrize(
    ("targets", "variables", "message"),
    [
        ([TARGET], {"input": 3}, "case a, target now: the variable input has to be a text"),
        ([TARGET], {"input": "x", "inptu": "y"}, "no grader has a variable 'inptu'"),
        ([{"kind": "ask", "name": "a"}], {"question": "x" * 9000}, "8192 are the most"),
        (
            [{"kind": "prompt", "name": "p", "prompt": "sum-up"}],
            {},
            "case a, target p: The variable report is not given",
        ),
    ],
)
def test_variables_should_be_those_of_the_targets(
    targets: list[dict[str, Any]], variables: dict[str, Any], message: str
) -> None:
    content = PromptContent.model_validate(
        {"variables": {"report": {"type": "document"}}, "turns": [{"template": "{{ report }}"}]}
    )
    case = {"id": "a", "variables": variables, "expected": "y"}
    with pytest.raises(InvalidInput, match=message):
        check_variables(read_suite(given(targets=targets, cases=[case])), {"p": content})


def test_a_digest_should_be_of_the_cases_and_not_of_the_target() -> None:
    one = suite()
    other = suite(targets=[{"kind": "model", "name": "then", "model": "x"}], budget="1")
    assert suite_digest(one) == suite_digest(other)
    assert suite_digest(one) == suite_digest(suite(gate={"targets": ["now"]}))
    assert suite_digest(one) != suite_digest(suite(graders=[{"type": "contains"}]))
    assert suite_digest(one) != suite_digest(suite(gate={"min_pass_rate": 0}))
    assert read_suite(json.loads(suite_json(one))) == one
