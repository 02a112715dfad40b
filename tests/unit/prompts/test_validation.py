from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import InvalidInput
from chalicelib.prompts.validation import check_prompt
from tests.unit.prompts.examples import content

PLAN = {"name": "plan", "template": "Plan: {{ report }}"}
EXPAND = {"name": "expand", "template": "Follow the plan.\n{{ plan }}"}
PICTURE = {"image": {}, "role": "", "turns": [{"template": "A weir for {{ audience }}"}]}


def refused(**changes: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        check_prompt(content(**changes))
    return caught.value


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"turns": [PLAN, EXPAND]},
        {"verifier": {"template": "Is it true?\n{{ report }}\n{{ answer }}"}},
        {"turns": [PLAN, EXPAND], "verifier": {"template": "{{ plan }} {{ expand }} {{ answer }}"}},
        {"output_schema": {"type": "object"}},
        {"turns": [PLAN | {"reasoning": True}], "output_schema": {"type": "object"}},
        PICTURE,
        PICTURE | {"negative_prompt": "text, {{ audience }}"},
        PICTURE | {"terms": {"checks": ["moderated"]}},
        {"terms": {"checks": ["contains:weir", "length:20..400"]}},
        {"output_schema": {"type": "object"}, "terms": {"checks": ["schema"]}},
        PICTURE | {"role": "You paint.", "turns": [PLAN, {"template": "{{ plan }}"}]},
        PICTURE | {"turns": [{"template": "{{ report|truncate(100) }}"}]},
    ],
)
def test_should_let_through_what_can_be_kept(changes: dict[str, Any]) -> None:
    check_prompt(content(**changes))


@pytest.mark.parametrize(
    ("role", "says"),
    [
        ("You read:\n{{ report }}", "Line 2: report is text that somebody else wrote"),
        ("{{ report|upper|truncate(9) }}", "Line 1: report is"),
        ("{% set r = report %}{{ r }}", "Line 1: report is"),
        ("{% if 'x' in report %}Be kind.{% endif %}", "Line 1: report is"),
        ("{{ audience|replace('a', report) }}", "Line 1: report is"),
        ("{{ audience|default(report) }}", "Line 1: report is"),
        ("a\nb\n{{ answer }}", "Line 3: answer is"),
    ],
)
def test_should_keep_out_of_roles_what_somebody_else_wrote(role: str, says: str) -> None:
    for error, field in (
        (refused(role=role), "role"),
        (refused(verifier={"role": role, "template": "{{ answer }}"}), "verifier.role"),
    ):
        assert says in error.message
        assert error.field == field


def test_should_keep_out_of_roles_what_a_model_answered() -> None:
    assert "plan is text" in refused(role="{{ plan }}", turns=[PLAN, EXPAND]).message


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"turns": [{"template": "a\n{{ missing }}"}]}, "turns.0.template", "Line 2"),
        ({"turns": [{"template": "{{ answer }}"}]}, "turns.0.template", "no variable 'answer'"),
        ({"turns": [EXPAND, PLAN]}, "turns.0.template", "no variable 'plan'"),
        ({"turns": [PLAN, PLAN]}, "turns", "plan is used twice"),
        ({"turns": [{"name": "report", "template": "x"}]}, "variables.report", "used twice"),
        ({"turns": [{"name": "answer", "template": "x"}, EXPAND]}, "turns", "something else"),
        (
            {"variables": {"loop": {"type": "boolean"}}, "role": "", "turns": [{"template": "x"}]},
            "variables.loop",
            "something else",
        ),
        (
            {
                "variables": {"answer": {"type": "boolean"}},
                "role": "",
                "turns": [{"name": "say", "template": "x"}],
            },
            "variables.answer",
            "something else",
        ),
        ({"role": "{{ audience"}, "role", "Line 1"),
        ({"verifier": {"template": "{{ nothing }}"}}, "verifier.template", "nothing"),
        ({"output_schema": {"type": "text"}}, "output_schema.type", "one or some of"),
        ({"negative_prompt": "text"}, "negative_prompt", "Only pictures"),
        (PICTURE | {"role": "You paint."}, "role", "asks for pictures"),
        (PICTURE | {"terms": {"checks": ["finish"]}}, "terms.checks", "not for image"),
        ({"terms": {"checks": ["pretty"]}}, "terms.checks", "No check is called 'pretty'"),
        ({"terms": {"checks": ["schema"]}}, "terms.checks", "takes a call with a JSON Schema"),
        (PICTURE | {"output_schema": {}}, "output_schema", "asks for pictures"),
        (PICTURE | {"verifier": {"template": "x"}}, "verifier", "asks for pictures"),
        (
            PICTURE | {"turns": [{"template": "x", "reasoning": True}]},
            "turns.0.reasoning",
            "pictures",
        ),
        (
            PICTURE | {"turns": [{"template": "x", "examples": [{"output": "y"}]}]},
            "turns.0.examples",
            "pictures",
        ),
        (
            PICTURE | {"turns": [{"template": "x", "max_tokens": 5}]},
            "turns.0.max_tokens",
            "pictures",
        ),
        (
            {"turns": [{"template": "{{ report }}", "examples": [{"output": "y"}]}]},
            "turns.0.examples.0.variables.report",
            "not given",
        ),
        (
            {
                "turns": [
                    {
                        "template": "{{ words }}",
                        "examples": [{"variables": {"words": 999}, "output": "y"}],
                    }
                ]
            },
            "turns.0.examples.0.variables.words",
            "a whole number from 10 to 200",
        ),
        (
            {
                "turns": [
                    {
                        "template": "{{ words }}",
                        "examples": [{"variables": {"audience": "x"}, "output": "y"}],
                    }
                ]
            },
            "turns.0.examples.0.variables.audience",
            "no variable",
        ),
        (
            {"turns": [{"template": "x", "examples": [{"output": "y", "reasoning": "z"}]}]},
            "turns.0.examples",
            "reasons",
        ),
        (
            {
                "turns": [
                    {
                        "template": "{{ words / 0 }}",
                        "examples": [{"variables": {"words": 10}, "output": "y"}],
                    }
                ]
            },
            "turns.0.template",
            "division",
        ),
    ],
)
def test_should_name_what_cannot_be_kept(changes: dict[str, Any], field: str, says: str) -> None:
    error = refused(**changes)
    assert error.field == field
    assert says in error.message
