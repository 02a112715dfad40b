"""Mocks and contexts that TestState takes and refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.stepfunctions.bench import ROLE, Bench, refusal
from tests.unit.stepfunctions.test_state_tests import (
    ERROR,
    INVOKE,
    ITEM,
    MAP,
    PARALLEL,
    VALUES,
    ask,
    mocked,
)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("$$.Execution.Input.values", {"status": "SUCCEEDED", "output": ["A", "B"]}),
        (
            "$$.Execution.Input",
            {
                "status": "FAILED",
                "error": "States.Runtime",
                "cause": 'Reference path "$.Execution.Input" must point to array.',
            },
        ),
    ],
)
def test_a_context_object_may_be_given(path: str, answer: Any, bench: Bench) -> None:
    """LS test_state_context_object.py::test_state_map_context_object"""
    state = {"Type": "Map", "ItemsPath": path, "ItemProcessor": ITEM, "End": True}
    context = json.dumps({"Execution": {"Input": {"values": ["a", "b"]}}})
    found = ask(bench, state, ["fire"], mock=mocked(["A", "B"]), context=context)
    data = found.pop("inspectionData")
    assert found == answer
    assert data.get("afterItemsPath") == (["a", "b"] if "output" in answer else None)


def test_a_token_of_a_given_context_object_is_sent(bench: Bench) -> None:
    """LS test_state_context_object.py::test_state_wait_task_context_object, …_edge_cases"""
    body = {"QueueUrl": "q", "MessageBody": {"Token.$": "$$.Task.Token"}}
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    state = {"Type": "Task", "Resource": resource, "Parameters": body, "Next": "More"}
    context = json.dumps({"Task": {"Token": "abcd123"}})
    answer = ask(bench, state, {}, mock=mocked({"any": 1}), context=context)
    assert answer["inspectionData"]["afterParameters"]["MessageBody"] == {"Token": "abcd123"}
    assert (answer["output"], answer["nextState"]) == ({"any": 1}, "More")
    assert refusal(lambda: ask(bench, state, {}, roleArn=ROLE))[0] == "InvalidDefinition"
    empty = ask(
        bench, {**INVOKE, "ResultSelector": {"c.$": "$$"}}, {}, mock=mocked({}), context="{}"
    )
    assert empty["output"] == {"c": {}}


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({"Execution": {"Id": 1}}, "Execution.Id must be a string"),
        ({"Map": {}}, "'Map' field is not supported when mocking a Context object"),
        ({"Execution": {"pokemon": "squirtle"}}, "Field 'pokemon' is not allowed"),
        ({"Pokedex": {}}, "Field 'Pokedex' is not allowed"),
        (
            {"Task": {"Token": "t"}},
            (
                "Context object contains 'Task' when state is not a Task state with a '.sync' or "
                "'.waitForTaskToken' service integration pattern"
            ),
        ),
    ],
)
def test_a_wrong_context_object_is_refused(context: Any, why: str, bench: Bench) -> None:
    """LS test_state_context_object.py::test_state_context_object_validation_failures, …_states"""
    given = {"mock": mocked({}), "context": json.dumps(context)}
    message = f"Invalid Context object provided: {why}"
    assert refusal(lambda: ask(bench, INVOKE, {}, **given)) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("state", "more", "message"),
    [
        *(
            (
                {"Type": kind, "Error": "E"} if kind == "Fail" else {"Type": kind, "End": True},
                {"mock": ERROR},
                f"State type '{kind}' is not supported when a mock is specified",
            )
            for kind in ("Pass", "Fail")
        ),
        (
            INVOKE,
            {"mock": {**ERROR, "result": "{}"}},
            "A test mock should have only one of the following fields: [result, errorOutput].",
        ),
        (INVOKE, {"mock": {"result": "text"}}, "Mocked result must be valid JSON"),
        (
            INVOKE,
            {"mock": {"result": "{}"}, "revealSecrets": True},
            "TestState does not support RevealSecrets when a mock is specified.",
        ),
        (MAP, {"mock": mocked({})}, "Mocked result must be an array."),
        (
            {
                **MAP,
                "ResultWriter": {
                    "Resource": "arn:aws:states:::s3:putObject",
                    "Arguments": {"Bucket": "b"},
                },
            },
            {"mock": mocked([])},
            "Mocked result must be a JSON object.",
        ),
        (PARALLEL, {"mock": mocked(1)}, "Mocked result must be an array."),
        (
            PARALLEL,
            {"mock": mocked([1])},
            "Mocked result must contain the same number of items as number of Parallel branches.",
        ),
    ],
)
def test_a_mock_that_its_state_cannot_have_is_refused(
    state: Any, more: Any, message: str, bench: Bench
) -> None:
    """LS test_state_mock_validation.py"""
    assert refusal(lambda: ask(bench, state, {}, **more)) == ("ValidationException", message)


@pytest.mark.parametrize("state", [MAP, PARALLEL], ids=["map", "parallel"])
def test_states_with_states_in_them_need_a_mock(state: Any, bench: Bench) -> None:
    """LS test_state_mock_validation.py::test_state_type_requires_mock"""
    assert refusal(lambda: ask(bench, state, VALUES)) == (
        "InvalidDefinition",
        (
            "TestState API does not support Map or Parallel states. Supported state types include: "
            "[Task, Wait, Pass, Succeed, Fail, Choice]"
        ),
    )


@pytest.mark.parametrize(
    ("resource", "result", "problem"),
    [
        ("events:putEvents", {"random": "json"}, None),
        ("events:putEvents", {"Entries": "text"}, "Field 'Entries' must be an array"),
        (
            "events:putEvents",
            {"Entries": [{"EventId": "1"}, {"EventId": []}]},
            "Field 'EventId' must be a string",
        ),
        (
            "states:startExecution",
            {"executionArn": "a"},
            "Required field 'ExecutionArn' is missing",
        ),
        (
            "states:startExecution",
            {"ExecutionArn": "a", "StartDate": 1764103483},
            "Field 'StartDate' must be a string",
        ),
        ("lambda:invoke", {"StatusCode": "200"}, "Field 'StatusCode' must be a number"),
        (
            "dynamodb:putItem",
            {"ConsumedCapacity": {"CapacityUnits": "123.45"}},
            "Field 'CapacityUnits' must be a number",
        ),
        (
            "aws-sdk:s3:getObject",
            {"ContentLength": "9000"},
            "Field 'ContentLength' must be a number",
        ),
        (
            "aws-sdk:s3:getObject",
            {"StorageClass": "Papyrus"},
            "Field 'StorageClass' is not an expected value",
        ),
        (
            "aws-sdk:kms:encrypt",
            {"CiphertextBlob": ""},
            "Field 'CiphertextBlob' is smaller than the minimum length",
        ),
        (
            "aws-sdk:lambda:getFunction",
            {"Configuration": {"MemorySize": 127}},
            "Field 'MemorySize' is less than the minimum value",
        ),
        ("http:invoke", {"anything": [1]}, None),
        ("sqs:sendMessage.waitForTaskToken", {"MessageId": 1}, None),
    ],
)
def test_a_mocked_result_has_the_shape_of_its_api(
    resource: str, result: Any, problem: str | None, bench: Bench
) -> None:
    """LS test_field_validation_mode.py, …_present.py, …_none.py"""
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "End": True}
    mock = mocked(result)
    loose = ask(bench, state, {}, mock={**mock, "fieldValidationMode": "NONE"})
    assert loose["output"] == result
    present = {**mock, "fieldValidationMode": "PRESENT"}
    if problem is None or problem.startswith("Required"):
        assert ask(bench, state, {}, mock=present)["output"] == result
    else:
        assert refusal(lambda: ask(bench, state, {}, mock=present))[1].endswith(problem)
    if problem is None:
        assert ask(bench, state, {}, mock=mock)["output"] == result
    else:
        assert refusal(lambda: ask(bench, state, {}, mock=mock)) == (
            "ValidationException",
            f"Mock result schema validation error: {problem}",
        )
