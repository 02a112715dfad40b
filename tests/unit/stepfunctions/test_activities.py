"""Activities, held to AWS's answers.

`LS` is explained in `recorded.py`; the rest is from
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-activities.html and, for when times
are counted, https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.unit.stepfunctions.bench import Bench, refusal
from tests.unit.stepfunctions.recorded import WHOLE, machine, one

ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:work"
VALUE = {"Value1": "Hello"}
TEXT = '{"Value1":"Hello"}'


def begin(bench: Bench, name: str = "execution", **more: Any) -> str:
    bench.service.create_activity({"name": "work"})
    arn = bench.begin(one({"Type": "Task", "Resource": ACTIVITY, **more}), VALUE, name=name)
    bench.schedule.settle()
    return arn


def take(bench: Bench, **more: Any) -> dict[str, Any]:
    task = dict(bench.service.get_activity_task({"activityArn": ACTIVITY, **more}))
    assert task["input"] == TEXT
    return task


def tail(bench: Bench, arn: str) -> list[tuple[int, str, Any]]:
    """Return what the history holds after the state was entered."""
    found = []
    for event in bench.events(arn)[2:]:
        details = [value for name, value in event.items() if name.endswith("EventDetails")]
        found.append((event["previousEventId"], event["type"], details[0] if details else None))
    return found


SCHEDULED = (2, "ActivityScheduled", {"resource": ACTIVITY, "input": TEXT, "inputDetails": WHOLE})


@pytest.mark.parametrize("worker", [{}, {"workerName": "w"}])
def test_a_worker_completes_a_task(worker: dict[str, str], bench: Bench) -> None:
    """LS activities/test_activities.py::test_activity_task, test_activity_task_no_worker_name"""
    arn = begin(bench)
    token = take(bench, **worker)["taskToken"]
    bench.service.send_task_success({"taskToken": token, "output": TEXT})
    assert bench.finish(arn)["output"] == TEXT
    assert tail(bench, arn)[:3] == [
        SCHEDULED,
        (3, "ActivityStarted", worker),
        (4, "ActivitySucceeded", {"output": TEXT, "outputDetails": WHOLE}),
    ]


def test_a_worker_fails_a_task(bench: Bench) -> None:
    """LS activities/test_activities.py::test_activity_task_failure"""
    arn = begin(bench)
    failed = {"error": "Programmatic Error", "cause": TEXT}
    bench.service.send_task_failure({"taskToken": take(bench)["taskToken"], **failed})
    assert bench.finish(arn)["status"] == "FAILED"
    assert tail(bench, arn) == [
        SCHEDULED,
        (3, "ActivityStarted", {}),
        (4, "ActivityFailed", failed),
        (5, "ExecutionFailed", failed),
    ]


def test_the_times_count_from_when_a_worker_takes_the_task(bench: Bench) -> None:
    """LS activities/test_activities.py::test_activity_task_with_heartbeat"""
    arn = begin(bench, TimeoutSeconds=60, HeartbeatSeconds=10)
    bench.schedule.advance(3600)
    token = take(bench)["taskToken"]
    for _ in range(3):
        bench.schedule.advance(9)
        bench.service.send_task_heartbeat({"taskToken": token})
    assert bench.status(arn) == "RUNNING"
    bench.schedule.advance(11)
    assert bench.finish(arn)["error"] == "States.Timeout"
    times = {"timeoutInSeconds": 60, "heartbeatInSeconds": 10}
    assert tail(bench, arn) == [
        (*SCHEDULED[:2], {**SCHEDULED[2], **times}),
        (3, "ActivityStarted", {}),
        (4, "ActivityTimedOut", {"error": "States.Timeout"}),
        (5, "ExecutionFailed", {"error": "States.Timeout"}),
    ]


def test_a_deleted_activity_fails_the_execution(bench: Bench) -> None:
    """LS activities/test_activities.py::test_activity_task_on_deleted"""
    arn = bench.run(one({"Type": "Task", "Resource": ACTIVITY}), VALUE)["executionArn"]
    assert tail(bench, arn) == [
        (
            2,
            "ExecutionFailed",
            {
                "error": "States.Runtime",
                "cause": "An error occurred while executing the state 'S' (entered at the event "
                f"id #2). The activity {ACTIVITY} does not exist.",
            },
        )
    ]


def test_each_task_is_taken_once_and_the_oldest_first(bench: Bench) -> None:
    arns = [begin(bench, f"e{number}") for number in range(3)]
    bench.service.stop_execution({"executionArn": arns[0]})
    bench.restart()
    for arn in arns[1:]:
        token = take(bench)["taskToken"]
        bench.service.send_task_success({"taskToken": token, "output": "1"})
        assert bench.finish(arn)["output"] == "1"


def test_a_poll_waits_for_a_task_and_ends_with_the_activity(bench: Bench) -> None:
    bench.service.create_activity({"name": "work"})
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(take, bench)
        begin(bench)
        assert poll.result()["taskToken"]
        other = pool.submit(
            refusal, lambda: bench.service.get_activity_task({"activityArn": ACTIVITY})
        )
        bench.service.delete_activity({"activityArn": ACTIVITY})
        assert other.result()[0] == "ActivityDoesNotExist"


def test_a_retry_schedules_the_task_again(bench: Bench) -> None:
    retry = [{"ErrorEquals": ["E"], "MaxAttempts": 1}]
    arn = begin(bench, Retry=retry, ResultSelector={"n.$": "$"})
    first = take(bench)["taskToken"]
    bench.service.send_task_failure({"taskToken": first, "error": "E"})
    bench.schedule.advance(2)
    second = take(bench)["taskToken"]
    late = {"taskToken": first, "output": "1"}
    assert refusal(lambda: bench.service.send_task_success(late))[0] == "TaskTimedOut"
    bench.service.send_task_success({"taskToken": second, "output": "2"})
    assert json.loads(bench.finish(arn)["output"]) == {"n": 2}


def test_the_context_object_tells_no_token_of_an_activity(bench: Bench) -> None:
    bench.service.create_activity({"name": "work"})
    state = {"Type": "Task", "Resource": ACTIVITY, "Parameters": {"t.$": "$$.Task.Token"}}
    found = bench.run(machine({"S": {**state, "End": True}}))
    assert found["error"] == "States.Runtime"


def test_activities_are_created_described_listed_tagged_and_deleted(bench: Bench) -> None:
    """LS test_sfn_api_activities.py"""
    service = bench.service
    first = service.create_activity({"name": "work", "tags": [{"key": "a", "value": "b"}]})
    bench.schedule.advance(5)
    assert service.create_activity({"name": "work"}) == first
    described = {**first, "name": "work"}
    assert service.describe_activity({"activityArn": ACTIVITY}) == described
    assert service.list_activities({}) == {"activities": [described]}
    tags = service.list_tags_for_resource({"resourceArn": ACTIVITY})["tags"]
    assert tags == [{"key": "a", "value": "b"}]
    for _ in range(2):
        assert service.delete_activity({"activityArn": ACTIVITY}) == {}
    gone = ("ActivityDoesNotExist", f"Activity Does Not Exist: '{ACTIVITY}'")
    assert refusal(lambda: service.describe_activity({"activityArn": ACTIVITY})) == gone
    assert refusal(lambda: service.get_activity_task({"activityArn": ACTIVITY})) == gone
    assert refusal(lambda: service.create_activity({"name": "Invalid Name$"})) == (
        "InvalidName",
        "Invalid Name: 'Invalid Name$'",
    )
