"""Definitions become states."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.stepfunctions.language import state_machine
from localcloud.stepfunctions.language.choice_rules import choose
from localcloud.stepfunctions.language.definition_parser import parse
from localcloud.stepfunctions.language.errors import InvalidDefinition, StatesError
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.validation.definition_checks import (
    diagnostics,
    invalid_definition_message,
)
from localcloud.stepfunctions.language.values import ABSENT, Environment

END = {"StartAt": "E", "States": {"E": {"Type": "Succeed"}}}


def machine(**described: dict[str, Any]) -> state_machine.StateMachine:
    return parse(json.dumps({"StartAt": next(iter(described)), "States": described}))


def test_a_machine_has_its_own_fields() -> None:
    parsed = parse(json.dumps(END | {"Comment": "c", "TimeoutSeconds": 9, "Version": "1.0"}))
    assert (parsed.start_at, parsed.comment, parsed.timeout_seconds) == ("E", "c", 9)
    assert parsed.states["E"] == state_machine.SucceedState(name="E")


def test_a_null_path_is_not_an_absent_one() -> None:
    parsed = machine(A={"Type": "Pass", "InputPath": None, "Result": None, "End": True})
    state = parsed.states["A"]
    assert isinstance(state, state_machine.PassState)
    assert (state.input_path, state.output_path, state.result_path) == (None, "$", "$")
    assert state.result is None
    assert state.parameters is ABSENT


def test_a_task_has_retriers_catchers_and_timeouts() -> None:
    parsed = machine(
        A={
            "Type": "Task",
            "Resource": "r",
            "TimeoutSeconds": 5,
            "HeartbeatSecondsPath": "$.h",
            "Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 1, "JitterStrategy": "FULL"}],
            "Catch": [{"ErrorEquals": ["Y"], "Next": "A", "ResultPath": None}],
            "End": True,
        }
    )
    assert parsed.states["A"] == state_machine.TaskState(
        name="A",
        resource="r",
        timeout_seconds=5,
        heartbeat_seconds_path="$.h",
        retry=(state_machine.Retrier(error_equals=("X",), max_attempts=1, jitter_strategy="FULL"),),
        catch=(state_machine.Catcher(error_equals=("Y",), next="A", result_path=None),),
    )


def test_states_inherit_the_language_of_the_machine_and_not_of_the_map_around_them() -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    parsed = machine(
        M={"Type": "Map", "QueryLanguage": "JSONata", "ItemProcessor": inner, "End": True}
    )
    state = parsed.states["M"]
    assert isinstance(state, state_machine.MapState)
    assert state.uses_jsonata
    assert not state.item_processor.states["I"].uses_jsonata


def test_a_legacy_map_is_read_as_a_modern_one() -> None:
    old = machine(M={"Type": "Map", "Iterator": END, "Parameters": {"a": 1}, "End": True})
    new = machine(M={"Type": "Map", "ItemProcessor": END, "ItemSelector": {"a": 1}, "End": True})
    assert old == new


def test_a_distributed_map_has_all_its_parts() -> None:
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}
    state = machine(
        M={
            "Type": "Map",
            "ItemProcessor": END | config,
            "ItemReader": {
                "Resource": "r",
                "ReaderConfig": {"InputType": "CSV", "CSVHeaders": ["a"], "MaxItems": 3},
            },
            "ItemBatcher": {"MaxItemsPerBatch": 2},
            "ResultWriter": {"WriterConfig": {"Transformation": "NONE", "OutputType": "JSON"}},
            "ToleratedFailureCount": 1,
            "End": True,
        }
    ).states["M"]
    assert isinstance(state, state_machine.MapState)
    assert state.is_distributed
    assert state.item_processor.execution_type == "EXPRESS"
    assert state.item_reader == state_machine.ItemReader(
        resource="r",
        reader_config=state_machine.ReaderConfig(input_type="CSV", csv_headers=("a",), max_items=3),
    )
    assert state.item_batcher == state_machine.ItemBatcher(max_items_per_batch=2)
    assert state.result_writer == state_machine.MapResultWriter(
        transformation="NONE", output_type="JSON"
    )
    assert state.tolerated_failure_count == 1


def test_branches_are_machines() -> None:
    state = machine(P={"Type": "Parallel", "Branches": [END, END], "End": True}).states["P"]
    assert isinstance(state, state_machine.ParallelState)
    assert [branch.start_at for branch in state.branches] == ["E", "E"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"StartAt": "A", "States": {"A": {"Type": "Nope"}}}']
)
def test_a_text_that_is_no_machine_is_refused(text: str) -> None:
    with pytest.raises(InvalidDefinition):
        parse(text)


def test_a_choice_without_match_or_default_fails_as_on_aws() -> None:
    rule = {"Variable": "$.a", "NumericEquals": 1, "Next": "E"}
    state = machine(C={"Type": "Choice", "Choices": [rule]}, E={"Type": "Succeed"}).states["C"]
    assert isinstance(state, state_machine.ChoiceState)
    with pytest.raises(StatesError) as caught:
        choose(state, {"a": 2}, Environment())
    assert (caught.value.name, caught.value.cause) == (
        "States.Runtime",
        "Failed to transition out of the state. The state does not point to a next state.",
    )


def test_a_condition_chooses_in_jsonata() -> None:
    rules = [
        {"Condition": "{% $states.input.n > $limit %}", "Next": "E"},
        {"Condition": True, "Next": "F"},
    ]
    described = {"Type": "Choice", "QueryLanguage": "JSONata", "Choices": rules}
    state = machine(C=described, E={"Type": "Succeed"}, F={"Type": "Succeed"}).states["C"]
    assert isinstance(state, state_machine.ChoiceState)
    chosen = [choose(state, {"n": n}, Environment({}, {"limit": 3})) for n in (5, 1)]
    assert [rule and rule.next for rule in chosen] == ["E", "F"]


def test_a_condition_must_be_a_boolean() -> None:
    rules = [{"Condition": "{% 'x' %}", "Next": "E"}]
    described = {"Type": "Choice", "QueryLanguage": "JSONata", "Choices": rules}
    state = machine(C=described, E={"Type": "Succeed"}).states["C"]
    assert isinstance(state, state_machine.ChoiceState)
    with pytest.raises(StatesError) as caught:
        choose(state, {}, Environment())
    assert caught.value.cause == (
        "The JSONata expression ''x'' specified for the field 'Choices[0]/Condition' returned an "
        "unexpected result type. Expected 'boolean', but was 'string' for value: \"x\""
    )


def test_an_expression_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "MAX_EVALUATION_SECONDS", 0.05)
    endless = "{% ($f := function($n) { $f($n + 1) }; $f(0)) %}"
    with pytest.raises(StatesError, match="D1012: Evaluation timeout after 50 milliseconds"):
        templates.evaluate(endless, templates.Bindings(), "Output")


def test_the_message_of_create_state_machine_lists_the_errors() -> None:
    found = diagnostics('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "NOPE"}}}')
    assert invalid_definition_message(found) == (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: "
        "NOPE at /States/A/Next, MISSING_END_STATE: Workflow has no terminal state at null'"
    )


def test_warnings_alone_make_no_message() -> None:
    found = diagnostics('{"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "$.a"}}}')
    assert [one.severity for one in found] == ["WARNING"]
    assert invalid_definition_message(found) is None


def test_nesting_without_end_is_refused() -> None:
    text = '{"a":' * 100_000
    assert [one.code for one in diagnostics(text)] == ["TOO_DEEPLY_NESTED"]
