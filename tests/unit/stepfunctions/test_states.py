"""What states do, by the Developer Guide (https://docs.aws.amazon.com/step-functions/latest/dg/)."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stepfunctions.bench import Bench, aws_error
from tests.unit.stepfunctions.manual_scheduler import START
from tests.unit.stepfunctions.recorded import FUNCTION, LAMBDA, machine, one, payload

CALL = {"Type": "Task", "Resource": FUNCTION}


def sequence(*answers: Any) -> Any:
    """Answer with the given payloads or errors, one a call."""
    left = list(answers)

    def answer(_: dict[str, Any]) -> dict[str, Any]:
        value = left.pop(0)
        if isinstance(value, Exception):
            raise value
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(value).encode())}

    return answer


@pytest.mark.parametrize(
    ("retrier", "waited"),
    [
        ({}, 1 + 2 + 4),
        ({"IntervalSeconds": 3, "BackoffRate": 1}, 9),
        ({"IntervalSeconds": 10, "BackoffRate": 2, "MaxDelaySeconds": 15}, 10 + 15 + 15),
        ({"IntervalSeconds": 10, "BackoffRate": 1, "JitterStrategy": "FULL"}, 15),
    ],
)
def test_retries_wait_longer_each_time(
    retrier: dict[str, Any], waited: float, tmp_path: Path
) -> None:
    """concepts-error-handling.html#error-handling-retrying-after-an-error"""
    busy = aws_error("TooManyRequestsException", "busy", 429)
    bench = Bench(tmp_path, {"lambda.invoke": sequence(busy, busy, busy, "done")})
    retry = [{"ErrorEquals": ["Lambda.TooManyRequestsException"], **retrier}]
    assert bench.run(one({**CALL, "Retry": retry}))["output"] == '"done"'
    assert bench.schedule.now() - START == waited


def test_retry_count_is_in_the_context(tmp_path: Path) -> None:
    """input-output-contextobject.html"""
    busy = aws_error("ServiceException", "busy", 500)
    bench = Bench(tmp_path, {"lambda.invoke": sequence(busy, "done")})
    task = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Parameters": {"FunctionName": "f", "Payload": {"n.$": "$$.State.RetryCount"}},
        "Retry": [{"ErrorEquals": ["Lambda.ServiceException"]}],
    }
    bench.run(one(task))
    assert [json.loads(call["Payload"]) for _, call in bench.calls] == [{"n": 0}, {"n": 1}]


@pytest.mark.parametrize(
    ("wait", "value", "seconds"),
    [
        ({"Seconds": 10}, {}, 10),
        ({"SecondsPath": "$.s"}, {"s": 7}, 7),
        ({"Timestamp": "2023-11-14T22:13:30Z"}, {}, 10),
        ({"TimestampPath": "$.t"}, {"t": "2023-11-14T22:14:20Z"}, 60),
        ({"Timestamp": "2001-01-01T00:00:00Z"}, {}, 0),
        ({"QueryLanguage": "JSONata", "Seconds": "{% $states.input.s * 2 %}"}, {"s": 4}, 8),
    ],
)
def test_wait_waits_as_long_as_it_says(
    wait: dict[str, Any], value: Any, seconds: float, tmp_path: Path
) -> None:
    """state-wait.html"""
    bench = Bench(tmp_path)
    assert bench.run(one({"Type": "Wait", **wait}), value)["status"] == "SUCCEEDED"
    assert bench.schedule.now() - START == seconds


def test_jsonata_arguments_output_and_variables(tmp_path: Path) -> None:
    """transforming-data.html, workflow-variables.html"""
    bench = Bench(tmp_path, {"lambda.invoke": payload({"sum": 3})})
    states = {
        "Call": {
            "Type": "Task",
            "Resource": LAMBDA,
            "Arguments": {"FunctionName": "f", "Payload": "{% $states.input.numbers %}"},
            "Assign": {"sum": "{% $states.result.Payload.sum %}"},
            "Output": "{% $states.input %}",
            "Next": "Tell",
        },
        "Tell": {"Type": "Pass", "Output": {"total": "{% $sum + 1 %}"}, "End": True},
    }
    arn = bench.begin(machine(states, QueryLanguage="JSONata"), {"numbers": [1, 2]})
    assert bench.finish(arn)["output"] == '{"total":4}'
    exited = bench.events(arn)[5]["stateExitedEventDetails"]
    assert exited["assignedVariables"] == {"sum": "3"}
    assert exited["assignedVariablesDetails"] == {"truncated": False}


def test_a_failed_evaluation_is_recorded_and_can_be_caught(tmp_path: Path) -> None:
    """transforming-data.html#jsonata-error-handling"""
    bench = Bench(tmp_path)
    states = {
        "Call": {
            "Type": "Task",
            "Resource": LAMBDA,
            "Arguments": "{% 1 + 'a' %}",
            "Catch": [
                {
                    "ErrorEquals": ["States.QueryEvaluationError"],
                    "Output": "{% $states.errorOutput.Error %}",
                    "Next": "Caught",
                }
            ],
            "End": True,
        },
        "Caught": {"Type": "Pass", "End": True},
    }
    arn = bench.begin(machine(states, QueryLanguage="JSONata"))
    assert bench.finish(arn)["output"] == '"States.QueryEvaluationError"'
    event = bench.events(arn)[2]
    assert event["type"] == "EvaluationFailed"
    details = event["evaluationFailedEventDetails"]
    assert (details["error"], details["state"]) == ("States.QueryEvaluationError", "Call")
    assert details["location"].startswith("Arguments")


def test_a_runtime_error_names_its_state_and_cannot_be_caught(tmp_path: Path) -> None:
    """concepts-error-handling.html: States.Runtime is not caught by States.ALL"""
    bench = Bench(tmp_path)
    task = {
        **CALL,
        "InputPath": "$.missing",
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
    }
    states = {"S": {**task, "End": True}, "Caught": {"Type": "Pass", "End": True}}
    described = bench.run(machine(states))
    assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
    assert described["cause"].startswith(
        "An error occurred while executing the state 'S' (entered at the event id #2). "
    )


def test_output_above_256_kib_fails_the_execution(tmp_path: Path) -> None:
    """service-quotas.html, concepts-error-handling.html: States.DataLimitExceeded"""
    bench = Bench(tmp_path)
    double = {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}, "End": True}
    described = bench.run({"StartAt": "S", "States": {"S": double}}, "x" * 140_000)
    assert described["error"] == "States.DataLimitExceeded"
    assert described["cause"] == (
        "The state/task 'S' returned a result with a size exceeding the maximum number of "
        "bytes service limit."
    )


def test_too_long_a_history_fails_the_execution(tmp_path: Path) -> None:
    """service-quotas.html: 25,000 events"""
    bench = Bench(tmp_path)
    described = bench.run(machine(_endless()))
    assert described["status"] == "FAILED"
    assert "maximum number of history events" in described["cause"]
    assert len(bench.events(described["executionArn"])) <= 25_000


def _endless() -> dict[str, Any]:
    choice = {"Variable": "$.a", "IsPresent": True, "Next": "End"}
    return {
        "S": {"Type": "Choice", "Choices": [choice], "Default": "T"},
        "T": {"Type": "Pass", "Next": "S"},
        "End": {"Type": "Succeed"},
    }


def test_an_execution_ends_when_its_time_is_up(tmp_path: Path) -> None:
    """LS timeouts/test_timeouts.py::test_global_timeout"""
    bench = Bench(tmp_path)
    described = bench.run(one({"Type": "Wait", "Seconds": 60}, TimeoutSeconds=5))
    assert described["status"] == "TIMED_OUT"
    assert "error" not in described
    assert described["redriveStatus"] == "REDRIVABLE"
    assert bench.events(described["executionArn"])[-1]["type"] == "ExecutionTimedOut"
    assert bench.schedule.now() - START == 5


def test_heartbeats_keep_a_task_alive(tmp_path: Path) -> None:
    """state-task.html: HeartbeatSeconds; States.HeartbeatTimeout can be caught by its name"""
    resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    given = {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}
    bench = Bench(tmp_path, {"lambda.invoke": payload(None)})
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Late"}]
    task = {"Type": "Task", "Resource": resource, "Parameters": given, "HeartbeatSeconds": 10}
    states = {"S": {**task, "Catch": catch, "End": True}, "Late": {"Type": "Pass", "End": True}}
    arn = bench.begin(machine(states))
    bench.schedule.settle()
    token = json.loads(bench.calls[0][1]["Payload"])["token"]
    for _ in range(3):
        bench.schedule.advance(8)
        bench.service.send_task_heartbeat({"taskToken": token})
    assert bench.status(arn) == "RUNNING"
    bench.schedule.advance(11)
    assert bench.status(arn) == "SUCCEEDED"


def test_a_caught_error_stops_the_other_branches(tmp_path: Path) -> None:
    """state-parallel.html"""
    bench = Bench(tmp_path)
    long = machine({"W": {"Type": "Wait", "Seconds": 500, "End": True}})
    broken = machine({"F": {"Type": "Fail", "Error": "E"}})
    catch = [{"ErrorEquals": ["E"], "ResultPath": "$.error", "Next": "Caught"}]
    states = {
        "S": {"Type": "Parallel", "Branches": [long, broken], "Catch": catch, "End": True},
        "Caught": {"Type": "Pass", "End": True},
    }
    arn = bench.begin(machine(states), {"a": 1})
    bench.schedule.settle()
    assert bench.output(arn) == {"a": 1, "error": {"Error": "E", "Cause": ""}}
    kinds = [event["type"] for event in bench.events(arn)]
    assert kinds.count("WaitStateAborted") == 1
    assert "ParallelStateFailed" in kinds


def test_inner_scopes_read_outer_variables_and_keep_their_own(tmp_path: Path) -> None:
    """workflow-variables.html"""
    bench = Bench(tmp_path)
    inner = {
        "I": {
            "Type": "Pass",
            "Assign": {"own": "{% $states.input * $factor %}"},
            "Next": "J",
        },
        "J": {"Type": "Pass", "Output": "{% $own %}", "End": True},
    }
    states = {
        "Set": {"Type": "Pass", "Assign": {"factor": 10}, "Output": [1, 2], "Next": "Map"},
        "Map": {"Type": "Map", "ItemProcessor": machine(inner), "Next": "After"},
        "After": {
            "Type": "Pass",
            "Output": {"inner": "{% $states.input %}", "seen": "{% $exists($own) %}"},
            "End": True,
        },
    }
    arn = bench.begin(machine(states, QueryLanguage="JSONata"))
    bench.finish(arn)
    assert bench.output(arn) == {"inner": [10, 20], "seen": False}


def test_max_concurrency_lets_no_more_iterations_run_at_once(tmp_path: Path) -> None:
    """state-map-inline.html"""
    bench = Bench(tmp_path)
    inner = machine({"W": {"Type": "Wait", "Seconds": 10, "End": True}})
    bench.run(one({"Type": "Map", "MaxConcurrency": 2, "ItemProcessor": inner}), list(range(5)))
    assert bench.schedule.now() - START == 30


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (aws_error("TooManyRequestsException", "m", 429), "Lambda.TooManyRequestsException"),
        (aws_error("ServiceException", "m", 500), "Lambda.ServiceException"),
        (aws_error("Strange", "m"), "Lambda.AWSLambdaException"),
    ],
)
def test_lambda_errors_have_aws_names(answer: Exception, error: str, tmp_path: Path) -> None:
    """bp-lambda-serviceexception.html"""
    bench = Bench(tmp_path, {"lambda.invoke": sequence(answer)})
    assert bench.run(one(CALL))["error"] == error


def test_a_function_that_names_no_error_is_unknown(tmp_path: Path) -> None:
    """concepts-error-handling.html: Lambda.Unknown"""
    body = io.BytesIO(b'{"errorMessage":"out of memory"}')
    bench = Bench(
        tmp_path, {"lambda.invoke": lambda _: {"FunctionError": "Unhandled", "Payload": body}}
    )
    described = bench.run(one(CALL))
    assert described["error"] == "Lambda.Unknown"
    assert described["cause"] == (
        "The cause could not be determined because Lambda did not return an error type. "
        'Returned payload: {"errorMessage":"out of memory"}'
    )
