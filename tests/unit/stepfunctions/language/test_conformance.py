"""The language against its documentation, case by case."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from localcloud.stepfunctions.language import choice_rules, error_handlers, map_items
from localcloud.stepfunctions.language.definition_parser import parse
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.jsonpath import intrinsics, paths
from localcloud.stepfunctions.language.state_machine import ChoiceState, MapState
from localcloud.stepfunctions.language.validation import definition_checks
from localcloud.stepfunctions.language.values import Environment
from tests.unit.stepfunctions.language.casebook import book, cases

CONTEXT: dict[str, Any] = {"Execution": {"Name": "run-1"}}
ENVIRONMENT = Environment(CONTEXT, {"order": {"items": [{"sku": "s-1"}]}})


@pytest.mark.parametrize("case", cases("jsonpath"))
def test_path_selects(case: dict[str, Any]) -> None:
    document = book("jsonpath")["input"]
    if "missing" in case:
        with pytest.raises(paths.PathMissing) as caught:
            paths.read(case["path"], document, ENVIRONMENT)
        assert str(caught.value) == case["missing"]
    else:
        assert paths.read(case["path"], document, ENVIRONMENT) == case["output"]


@pytest.mark.parametrize("case", cases("intrinsics"))
def test_intrinsic_function_gives(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(StatesError) as caught:
            intrinsics.evaluate(case["call"], case.get("input"), ENVIRONMENT)
        assert caught.value.name == case["error"]
        assert caught.value.cause == case.get("cause", caught.value.cause)
    else:
        output = intrinsics.evaluate(case["call"], case.get("input"), ENVIRONMENT)
        assert json.dumps(output) == json.dumps(case["output"])


@pytest.mark.parametrize("case", cases("jsonata"))
def test_jsonata_gives(case: dict[str, Any]) -> None:
    bindings = templates.Bindings(
        input=book("jsonata")["input"],
        context=CONTEXT,
        result={"ok": True},
        error_output={"Error": "Boom"},
        variables=book("jsonata")["variables"],
    )
    if "cause" in case:
        with pytest.raises(StatesError) as caught:
            templates.evaluate(case["template"], bindings, "Output")
        assert (caught.value.name, caught.value.cause) == (
            "States.QueryEvaluationError",
            case["cause"],
        )
    else:
        output = templates.evaluate(case["template"], bindings, "Output")
        assert json.dumps(output) == json.dumps(case["output"])


@pytest.mark.parametrize("case", cases("choice"))
def test_choice_rule_holds(case: dict[str, Any]) -> None:
    states = {
        "A": {"Type": "Choice", "Choices": [{**case["test"], "Next": "B"}], "Default": "C"},
        "B": {"Type": "Succeed"},
        "C": {"Type": "Succeed"},
    }
    definition = json.dumps({"StartAt": "A", "States": states})
    assert definition_checks.diagnostics(definition) == []
    state = parse(definition).states["A"]
    assert isinstance(state, ChoiceState)
    if "cause" in case:
        with pytest.raises(StatesError) as caught:
            choice_rules.choose(state, book("choice")["input"], ENVIRONMENT)
        assert (caught.value.name, caught.value.cause) == ("States.Runtime", case["cause"])
    else:
        rule = choice_rules.choose(state, book("choice")["input"], ENVIRONMENT)
        assert (rule is not None) == case["holds"]


@pytest.mark.parametrize("case", cases("csv"))
def test_csv_is_read(case: dict[str, Any]) -> None:
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "CSV", **case.get("config", {})},
    }
    processor = {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}
    state = {"Type": "Map", "ItemReader": reader, "ItemProcessor": processor, "End": True}
    parsed = parse(json.dumps({"StartAt": "A", "States": {"A": state}})).states["A"]
    assert isinstance(parsed, MapState)
    assert parsed.item_reader is not None
    body = io.BytesIO(case["text"].encode())
    read = map_items.read_items(parsed.item_reader.reader_config, body, case.get("max"))
    if "cause" in case:
        with pytest.raises(StatesError) as caught:
            list(read)
        assert (caught.value.name, caught.value.cause) == ("States.ItemReaderFailed", case["cause"])
    else:
        assert list(read) == case["items"]


@pytest.mark.parametrize("case", cases("retry"))
def test_error_is_handled(case: dict[str, Any]) -> None:
    by_task = case.get("by_task", False)
    assert (
        error_handlers.matches_error(case["equals"], case["error"], reported_by_task=by_task)
        is case["handles"]
    )


def refuse_nope(resource: str) -> str | None:
    return f"{resource} is not recognized" if ":::nope:" in resource else None


@pytest.mark.parametrize("case", cases("validation"))
def test_definition_is_judged(case: dict[str, Any]) -> None:
    text = case.get("text")
    if text is None:
        machine = {"StartAt": next(iter(case["states"])), "States": case["states"]}
        text = json.dumps(machine | case.get("machine", {}))
    found = definition_checks.diagnostics(text, case.get("type", "STANDARD"), refuse_nope)
    if "findings" in case:
        assert [[one.code, one.message, one.location] for one in found] == case["findings"]
    else:
        assert [one.code for one in found] == case["codes"]
        assert [one.location for one in found] == case.get(
            "locations", [one.location for one in found]
        )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "$.",
        "$..",
        "$.a[",
        "$.a[x]",
        "$.a['b'",
        "$.a['b',]",
        "$.a b",
        "$.a.nope()",
        "$.a.length().b",
        "$.a[?(@.b == )]",
        "$.a[?(@.b == 1]",
        "$.a[?('x')]",
        "$.a[?((@.b)]",
        "$.a[?(@.b in [1)]",
        "$.a[?(@.b in [@.c])]",
        "$.a[?(@.b =~ /(/)]",
        "@.a",
    ],
)
def test_text_that_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(paths.PathSyntaxError):
        paths.check_path(path)


@pytest.mark.parametrize(
    "call",
    [
        "States.",
        "States.Array",
        "States.Array(",
        "States.Array(1",
        "States.Array(1,)",
        "States.Array('x)",
        "States.Array($.a[)",
        "States.Array(1) x",
        "States.UUID(1)",
        "States.ArrayRange(1, 2)",
    ],
)
def test_text_that_is_no_call_is_refused(call: str) -> None:
    with pytest.raises(intrinsics.IntrinsicSyntaxError):
        intrinsics.check(call)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("$['a\\'b']", "a'b"),
        ("$['a\\\\b']", "a\\b"),
        ("$['a\\\"b']", 'a\\"b'),
        ('$["a\\"b"]', 'a"b'),
        ('$["a\\\'b"]', "a\\'b"),
    ],
)
def test_a_quoted_name_escapes_its_quote_and_the_backslash(path: str, name: str) -> None:
    """LS scenarios/test_base_scenarios.py::test_escape_sequence_parsing[…JSONPATH]"""
    assert paths.read(path, {name: 1}) == 1
