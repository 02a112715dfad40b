from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.stepfunctions.engine.execution_events import details_member
from tests.unit.stepfunctions.bench import Bench
from tests.unit.stepfunctions.recorded import (
    FUNCTION,
    QUEUE,
    WHOLE,
    Case,
    machine,
    one,
    payload,
)
from tests.unit.stepfunctions.recorded_flow import FLOW
from tests.unit.stepfunctions.recorded_numbers import NUMBERS
from tests.unit.stepfunctions.recorded_tasks import TASKS
from tests.unit.stepfunctions.recorded_variables import VARIABLES


def check(found: list[dict[str, Any]], expected: list[tuple[int, str, dict[str, Any]]]) -> None:
    shown = [(event["previousEventId"], event["type"]) for event in found]
    assert shown == [(previous, kind) for previous, kind, _ in expected]
    assert [event["id"] for event in found] == list(range(1, len(found) + 1))
    for event, (_, kind, details) in zip(found, expected, strict=True):
        there = event.get(details_member(kind), {})
        assert {name: there.get(name) for name in details} == details


@pytest.mark.parametrize("case", [*FLOW, *NUMBERS, *TASKS, *VARIABLES], ids=lambda case: case.name)
def test_history_is_as_aws_records_it(case: Case, tmp_path: Path) -> None:
    bench = Bench(tmp_path, case.answers)
    described = bench.run(case.definition, case.value)
    check(bench.events(described["executionArn"]), case.events)


def test_iterations_begin_together_as_aws_records_it(tmp_path: Path) -> None:
    """LS timeouts/test_timeouts.py::test_service_lambda_map_timeout: how the history begins."""
    bench = Bench(tmp_path, {"lambda.invoke": payload(1)})
    task = {"Type": "Task", "Resource": FUNCTION, "End": True}
    inner = {"StartAt": "T", "States": {"T": task}}
    described = bench.run(one({"Type": "Map", "ItemProcessor": inner}), [1, 2])
    events = bench.events(described["executionArn"])
    assert [(event["previousEventId"], event["type"]) for event in events[3:10]] == [
        (3, "MapIterationStarted"),
        (3, "MapIterationStarted"),
        (4, "TaskStateEntered"),
        (6, "LambdaFunctionScheduled"),
        (5, "TaskStateEntered"),
        (8, "LambdaFunctionScheduled"),
        (7, "LambdaFunctionStarted"),
    ]


def test_a_failed_iteration_stops_the_others_as_aws_records_it(tmp_path: Path) -> None:
    """LS timeouts/test_timeouts.py::test_service_lambda_map_timeout: the end of the history."""
    queue = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    sent = {"QueueUrl": QUEUE, "MessageBody.$": "$$.Task.Token"}
    task = {"Type": "Task", "Resource": queue, "Parameters": sent, "End": True}
    bench = Bench(tmp_path, {"sqs.send_message": lambda _: {"MessageId": "m"}})
    inner = {"StartAt": "T", "States": {"T": {**task, "TimeoutSeconds": 5}}}
    described = bench.run(one({"Type": "Map", "ItemProcessor": inner}), [1, 2])
    last = bench.events(described["executionArn"])[-8:]
    failed = last[1]["id"]
    assert [(event["type"], event["previousEventId"] == failed) for event in last[1:]] == [
        ("TaskTimedOut", False),
        ("MapIterationFailed", True),
        ("TaskStateAborted", True),
        ("MapIterationAborted", True),
        ("TaskStateAborted", True),
        ("MapStateFailed", True),
        ("ExecutionFailed", False),
    ]


def test_stopping_is_recorded_as_aws_does(tmp_path: Path) -> None:
    """LS test_sfn_api.py::test_stop_execution"""
    bench = Bench(tmp_path)
    arn = bench.begin(one({"Type": "Wait", "Seconds": 60}))
    bench.schedule.settle()
    bench.service.stop_execution({"executionArn": arn})
    check(
        bench.events(arn),
        [
            (0, "ExecutionStarted", {}),
            (0, "WaitStateEntered", {"name": "S", "input": "{}", "inputDetails": WHOLE}),
            (0, "ExecutionAborted", {}),
        ],
    )
    assert bench.status(arn) == "ABORTED"


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("success", (5, "TaskSucceeded", {"output": '"done"', "outputDetails": WHOLE})),
        ("failure", (5, "TaskFailed", {"error": "Failure error", "cause": "Failure cause"})),
    ],
)
def test_a_returned_token_is_recorded_as_aws_does(
    action: str, expected: tuple[int, str, dict[str, Any]], tmp_path: Path
) -> None:
    """LS callback/test_callback.py::test_sqs_wait_for_task_token, …_failure_in_wait…"""
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    sent = {"QueueUrl": QUEUE, "MessageBody": {"Token.$": "$$.Task.Token"}}
    bench = Bench(tmp_path, {"sqs.send_message": lambda _: {"MessageId": "m"}})
    arn = bench.begin(one({"Type": "Task", "Resource": resource, "Parameters": sent}))
    bench.schedule.settle()
    token = json.loads(bench.calls[0][1]["MessageBody"])["Token"]
    if action == "success":
        bench.service.send_task_success({"taskToken": token, "output": '"done"'})
    else:
        given = {"taskToken": token, "error": "Failure error", "cause": "Failure cause"}
        bench.service.send_task_failure(given)
    bench.finish(arn)
    assert [event["type"] for event in bench.events(arn)][:5] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
    ]
    event = bench.events(arn)[5]
    previous, kind, details = expected
    assert (event["previousEventId"], event["type"]) == (previous, kind)
    there = event[details_member(kind)]
    assert {name: there[name] for name in details} == details


@pytest.mark.parametrize("pattern", ["sync", "sync:2"])
def test_a_nested_execution_is_recorded_as_aws_does(pattern: str, tmp_path: Path) -> None:
    """LS mocking/test_base_callbacks.py::test_sfn_start_execution_sync: of 2025, with redrives"""
    bench = Bench(tmp_path)
    inner = bench.create(one({"Type": "Pass", "Result": {"Arg1": "argument1"}}), "inner")
    resource = f"arn:aws:states:::states:startExecution.{pattern}"
    given = {"StateMachineArn": inner, "Name": "Target", "Input": None}
    arn = bench.begin(one({"Type": "Task", "Resource": resource, "Parameters": given}))
    output = json.loads(bench.finish(arn)["output"])
    events = bench.events(arn)
    assert [(event["previousEventId"], event["type"]) for event in events] == [
        (0, "ExecutionStarted"),
        (0, "TaskStateEntered"),
        (2, "TaskScheduled"),
        (3, "TaskStarted"),
        (4, "TaskSubmitted"),
        (5, "TaskSucceeded"),
        (6, "TaskStateExited"),
        (7, "ExecutionSucceeded"),
    ]
    assert list(output) == [
        "ExecutionArn",
        "Input",
        "InputDetails",
        "Name",
        "Output",
        "OutputDetails",
        "RedriveCount",
        "RedriveStatus",
        "RedriveStatusReason",
        "StartDate",
        "StateMachineArn",
        "Status",
        "StopDate",
    ]
    parsed = pattern == "sync:2"
    assert output["Output"] == ({"Arg1": "argument1"} if parsed else '{"Arg1":"argument1"}')
    assert output["Input"] == ({} if parsed else "{}")
    assert output["InputDetails"] == {"Included": True}
    assert (output["RedriveCount"], output["RedriveStatus"]) == (0, "NOT_REDRIVABLE")
    assert output["RedriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"


def test_a_failed_nested_execution_is_recorded_as_aws_does(tmp_path: Path) -> None:
    """LS callback/test_callback.py::test_start_execution_sync_delegate_failure"""
    bench = Bench(tmp_path)
    inner = bench.create(machine({"F": {"Type": "Fail", "Error": "E", "Cause": "C"}}), "inner")
    resource = "arn:aws:states:::states:startExecution.sync"
    given = {"StateMachineArn": inner, "Name": "Target"}
    arn = bench.begin(one({"Type": "Task", "Resource": resource, "Parameters": given}))
    described = bench.finish(arn)
    assert described["error"] == "States.TaskFailed"
    cause = json.loads(described["cause"])
    assert (cause["Error"], cause["Cause"], cause["Status"]) == ("E", "C", "FAILED")
    assert cause["Input"] == "{}"


def test_events_name_their_execution_as_aws_has_them_do(tmp_path: Path) -> None:
    """LS services/test_events_task_service.py::test_put_events_base"""
    answer = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
    bench = Bench(tmp_path, {"events.put_events": lambda _: answer})
    entry = {"Detail": {"a": 1}, "DetailType": "t", "Source": "s", "Resources": ["r"]}
    resource = "arn:aws:states:::events:putEvents"
    arn = bench.begin(
        one({"Type": "Task", "Resource": resource, "Parameters": {"Entries": [entry]}})
    )
    assert json.loads(bench.finish(arn)["output"]) == {
        "Entries": [{"EventId": "1"}],
        "FailedEntryCount": 0,
    }
    sent = bench.calls[0][1]["Entries"][0]
    assert sent["Detail"] == '{"a":1}'
    assert sent["Resources"] == [
        "r",
        "arn:aws:states:us-east-1:000000000000:stateMachine:machine",
        arn,
    ]
