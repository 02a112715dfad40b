"""TestState, held to AWS's answers.

`LS` is explained in `recorded.py`, and here are the files of its folder `test_state`; the rest is
from https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.stepfunctions.bench import ROLE, Bench, refusal
from tests.unit.stepfunctions.recorded import machine, payload, refusing

HELLO = {"Value": "HelloWorld"}
NESTED = {"initialData": {"fieldFromInput": "v", "otherField": "o"}, "other": 1}
VALUES = {"Values": ["first", "second", "third"]}
LAMBDA = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
INVOKE = {**LAMBDA, "Parameters": {"FunctionName": "f", "Payload.$": "$"}}
JSONATA = {
    **LAMBDA,
    "QueryLanguage": "JSONata",
    "Arguments": {"FunctionName": "foo", "Payload": "bar"},
}
ERROR = {"errorOutput": {"error": "MockException", "cause": "The cause."}}
SHOWN = {"error": "MockException", "cause": "The cause."}
ITEM = {"StartAt": "HandleItem", "States": {"HandleItem": {"Type": "Pass", "End": True}}}
DISTRIBUTED = {**ITEM, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
MAP = {
    "Type": "Map",
    "QueryLanguage": "JSONata",
    "Items": "{% $states.input.Values %}",
    "ItemProcessor": DISTRIBUTED,
    "End": True,
}
OTHER = {"StartAt": "Other", "States": {"Other": {"Type": "Pass", "End": True}}}
PARALLEL = {"Type": "Parallel", "Branches": [ITEM, OTHER], "End": True}
THRESHOLD = {
    "error": "States.ExceedToleratedFailureThreshold",
    "cause": "The specified tolerated failure threshold was exceeded",
}


def ask(bench: Bench, state: Any, value: Any = None, **more: Any) -> dict[str, Any]:
    """Test a state; texts of JSON in the answer are parsed."""
    given = {"definition": json.dumps(state), "inspectionLevel": "DEBUG", **more}
    if value is not None:
        given["input"] = json.dumps(value)
    answer = dict(bench.service.test_state(given))
    if "output" in answer:
        answer["output"] = json.loads(answer["output"])
    if "inspectionData" in answer:
        answer["inspectionData"] = {
            name: json.loads(shown) if isinstance(shown, str) else shown
            for name, shown in answer["inspectionData"].items()
        }
    return answer


def mocked(result: Any) -> dict[str, Any]:
    return {"result": json.dumps(result)}


@pytest.mark.parametrize(
    ("state", "value", "answer", "data"),
    [
        pytest.param(
            {"Type": "Pass", "End": True},
            HELLO,
            {"status": "SUCCEEDED", "output": HELLO},
            dict.fromkeys(
                ("afterInputPath", "afterParameters", "afterResultSelector", "afterResultPath"),
                HELLO,
            ),
            id="pass",
        ),
        pytest.param(
            {"Type": "Pass", "Result": {"k": "r"}, "End": True},
            HELLO,
            {"status": "SUCCEEDED", "output": {"k": "r"}},
            {key: {"k": "r"} for key in ("result", "afterResultSelector", "afterResultPath")},
            id="pass_with_a_result",
        ),
        pytest.param(
            {
                "Type": "Pass",
                "InputPath": "$.initialData",
                "Parameters": {"fixed": 1, "given.$": "$.fieldFromInput"},
                "ResultPath": "$.modified",
                "Next": "More",
            },
            NESTED,
            {
                "status": "SUCCEEDED",
                "output": {**NESTED, "modified": {"fixed": 1, "given": "v"}},
                "nextState": "More",
            },
            {
                "afterInputPath": NESTED["initialData"],
                "afterParameters": {"fixed": 1, "given": "v"},
                "afterResultSelector": {"fixed": 1, "given": "v"},
                "afterResultPath": {**NESTED, "modified": {"fixed": 1, "given": "v"}},
            },
            id="pass_with_paths",
        ),
        pytest.param(
            {"Type": "Fail", "Error": "E", "Cause": "C"},
            HELLO,
            {"status": "FAILED", "error": "E", "cause": "C"},
            {"afterInputPath": HELLO},
            id="fail",
        ),
        pytest.param(
            {"Type": "Succeed"},
            HELLO,
            {"status": "SUCCEEDED", "output": HELLO},
            {"afterInputPath": HELLO},
            id="succeed",
        ),
        pytest.param(
            {
                "Type": "Choice",
                "Choices": [{"Variable": "$.Value", "IsString": True, "Next": "Text"}],
                "Default": "Other",
            },
            HELLO,
            {"status": "SUCCEEDED", "output": HELLO, "nextState": "Text"},
            {"afterInputPath": HELLO},
            id="choice",
        ),
        pytest.param(
            {"Type": "Wait", "Seconds": 0, "Next": "More"},
            HELLO,
            {"status": "SUCCEEDED", "output": HELLO, "nextState": "More"},
            {"afterInputPath": HELLO},
            id="wait",
        ),
        pytest.param(
            {"Type": "Pass", "InputPath": "$.no", "End": True},
            HELLO,
            {
                "status": "FAILED",
                "error": "States.Runtime",
                "cause": "Invalid path '$.no' : No results for path: $['no']",
            },
            {},
            id="error_of_the_language",
        ),
    ],
)
def test_a_state_shows_its_data(
    state: Any, value: Any, answer: Any, data: Any, bench: Bench
) -> None:
    """LS test_test_state_scenarios.py::test_base_inspection_level_{info,debug,trace}"""
    assert ask(bench, state, value) == {**answer, "inspectionData": {"input": value, **data}}
    assert ask(bench, state, value, inspectionLevel="INFO") == answer
    trace = ask(bench, state, value, inspectionLevel="TRACE")
    assert trace["inspectionData"] == {"input": value, **data}


def test_a_task_is_called_as_its_role(bench: Bench) -> None:
    """LS test_base_lambda_service_task_state, …_no_role_arn_validation"""
    bench.answers["lambda.invoke"] = payload("done")
    answer = ask(bench, {**INVOKE, "ResultSelector": {"p.$": "$.Payload"}}, HELLO, roleArn=ROLE)
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", {"p": "done"})
    data = answer["inspectionData"]
    assert data["afterParameters"] == {"FunctionName": "f", "Payload": HELLO}
    assert (data["result"]["Payload"], data["afterResultPath"]) == ("done", {"p": "done"})
    assert bench.calls[0][1]["FunctionName"] == "f"
    assert refusal(lambda: ask(bench, INVOKE, HELLO)) == (
        "ValidationException",
        "RoleArn must be specified when testing a Task state",
    )


def test_an_error_of_a_call_is_reported(bench: Bench) -> None:
    bench.answers["lambda.invoke"] = refusing("ResourceNotFoundException", "none", 404)
    answer = ask(bench, INVOKE, HELLO, roleArn=ROLE)
    assert (answer["status"], answer["error"]) == ("FAILED", "Lambda.ResourceNotFoundException")


def test_no_execution_is_kept_of_a_test(bench: Bench) -> None:
    ask(bench, {"Type": "Pass", "End": True})
    assert bench.service.list_state_machines({})["stateMachines"] == []
    assert bench.published == []


def test_a_mocked_error_is_retried_after_its_delay_until_the_attempts_are_used_up(
    bench: Bench,
) -> None:
    """LS test_state_configuration.py::test_state_configuration_retrier_retry_count"""
    retrier = {"ErrorEquals": ["MockException"], "MaxAttempts": 5, "BackoffRate": 2.0}
    state = {**JSONATA, "Retry": [retrier]}
    data = {"input": VALUES, "afterArguments": JSONATA["Arguments"]}
    assert ask(bench, state, VALUES, mock=ERROR, stateConfiguration={"retrierRetryCount": 4}) == {
        "status": "RETRIABLE",
        **SHOWN,
        "inspectionData": {
            **data,
            "errorDetails": {"retryIndex": 0, "retryBackoffIntervalSeconds": 16},
        },
    }
    assert ask(bench, state, VALUES, mock=ERROR, stateConfiguration={"retrierRetryCount": 5}) == {
        "status": "FAILED",
        **SHOWN,
        "inspectionData": {**data, "errorDetails": {"retryIndex": 0}},
    }


@pytest.mark.parametrize(
    ("error", "index", "next_state"),
    [("MockException", 0, "HandleMock"), ("States.TaskFailed", 1, "HandleOther")],
)
def test_a_mocked_error_is_caught(error: str, index: int, next_state: str, bench: Bench) -> None:
    """LS test_test_state_scenarios.py::test_state_task_catch_error"""
    catchers = [
        {"ErrorEquals": ["MockException"], "Next": "HandleMock", "Output": "{% $states %}"},
        {"ErrorEquals": ["States.TaskFailed"], "Next": "HandleOther", "Output": "{% $states %}"},
    ]
    mock = {"errorOutput": {"error": error, "cause": "The cause."}}
    answer = ask(bench, {**JSONATA, "Catch": catchers}, HELLO, mock=mock, roleArn=ROLE)
    output = answer.pop("output")
    assert answer == {
        "status": "CAUGHT_ERROR",
        "error": error,
        "cause": "The cause.",
        "nextState": next_state,
        "inspectionData": {
            "input": HELLO,
            "afterArguments": JSONATA["Arguments"],
            "errorDetails": {"catchIndex": index},
        },
    }
    assert output["errorOutput"] == {"Error": error, "Cause": "The cause."}
    context = output["context"]
    assert context["State"].keys() == {"Name", "EnteredTime", "RetryCount"}
    assert context["State"]["Name"] == "StateName"
    assert context["Execution"].keys() == {"Id", "Input", "Name", "RoleArn", "StartTime"}
    assert context["Execution"]["RoleArn"] == ROLE
    express = context["StateMachine"]["Id"].replace(":stateMachine:", ":express:")
    assert context["Execution"]["Id"] == f"{express}:{context['Execution']['Name']}"


@pytest.mark.parametrize(
    ("more", "failures", "mock", "answer", "data"),
    [
        pytest.param({}, 2, mocked([0, 0, 1]), {"output": [0, 0, 1]}, {}, id="no_threshold"),
        pytest.param(
            {"ToleratedFailureCount": 1},
            0,
            mocked([1, 1, 1]),
            {"output": [1, 1, 1]},
            {"toleratedFailureCount": 1},
            id="below",
        ),
        pytest.param(
            {"ToleratedFailurePercentage": 50},
            2,
            mocked([0, 0, 1]),
            {"status": "FAILED", **THRESHOLD},
            {"toleratedFailurePercentage": 50.0},
            id="above_percentage",
        ),
        pytest.param(
            {
                "ToleratedFailureCount": 1,
                "Retry": [
                    {"ErrorEquals": ["MockException"]},
                    {"ErrorEquals": ["States.ExceedToleratedFailureThreshold"]},
                ],
            },
            2,
            mocked([0, 0, 1]),
            {"status": "RETRIABLE", **THRESHOLD},
            {
                "toleratedFailureCount": 1,
                "errorDetails": {"retryIndex": 1, "retryBackoffIntervalSeconds": 1},
            },
            id="retried",
        ),
        pytest.param({}, 2, ERROR, {"status": "FAILED", **SHOWN}, {}, id="error"),
    ],
)
def test_a_map_takes_its_mocked_iterations(
    more: Any, failures: int, mock: Any, answer: Any, data: Any, bench: Bench
) -> None:
    """LS test_state_configuration.py::test_map_state_failure_count, …_error_caused_by_state"""
    configuration = {"mapIterationFailureCount": failures, "errorCausedByState": "HandleItem"}
    found = ask(bench, {**MAP, **more}, VALUES, mock=mock, stateConfiguration=configuration)
    shown = {"input": VALUES, "maxConcurrency": 0, **data}
    assert found == {"status": "SUCCEEDED", **answer, "inspectionData": shown}


def test_a_map_shows_what_its_iterations_would_get(bench: Bench) -> None:
    state = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON", "ItemsPointer": "/rows"},
            "Parameters": {"Bucket": "b", "Key": "k"},
        },
        "ItemSelector": {"n.$": "$$.Map.Item.Value"},
        "ItemBatcher": {"MaxItemsPerBatch": 2},
        "ItemProcessor": DISTRIBUTED,
        "End": True,
    }
    read = {"mapItemReaderData": json.dumps({"rows": [1, 2, 3]})}
    answer = ask(bench, state, {}, mock=mocked([1]), stateConfiguration=read)
    data = answer["inspectionData"]
    assert data["afterItemsPointer"] == [1, 2, 3]
    assert data["afterItemSelector"] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert data["afterItemBatcher"] == [{"Items": [{"n": 1}, {"n": 2}]}, {"Items": [{"n": 3}]}]


def test_a_state_of_a_whole_definition_is_named(bench: Bench) -> None:
    """LS test_test_state_machine_scenarios.py"""
    whole = machine(
        {"Outer": {"Type": "Map", "ItemProcessor": ITEM, "Next": "Second"}, "Second": LAMBDA}
    )
    inner = ask(bench, whole, HELLO, stateName="HandleItem")
    assert (inner["status"], inner["output"]) == ("SUCCEEDED", HELLO)
    second = ask(bench, whole, HELLO, stateName="Second", mock=mocked({}))
    assert second["output"] == {}
    assert refusal(lambda: ask(bench, whole, HELLO, stateName="Third")) == (
        "ValidationException",
        "State not found in definition",
    )
    assert refusal(lambda: ask(bench, whole, HELLO))[0] == "InvalidDefinition"


def test_variables_are_read_assigned_and_shown(bench: Bench) -> None:
    """LS test_test_state_scenarios.py::test_state_with_variables"""
    state = {
        "Type": "Pass",
        "QueryLanguage": "JSONata",
        "Assign": {"more": "{% $given + 1 %}"},
        "Output": "{% $states.context.Execution.RoleArn %}",
        "End": True,
    }
    answer = ask(bench, state, {}, variables=json.dumps({"given": 1}))
    assert answer["inspectionData"] == {"input": {}, "variables": {"given": 1, "more": 2}}
    assert answer["output"] is None
    code, _ = refusal(lambda: ask(bench, state, {}, variables="[1]"))
    assert code == "ValidationException"
