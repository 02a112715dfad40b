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
