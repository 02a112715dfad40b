"""A kill after every step: the service is dropped as it stands, and its folder opened anew."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localcloud.stepfunctions.integrations.integration import TaskCall, TaskResource
from localcloud.stepfunctions.integrations.start_execution import StartExecutionIntegration
from localcloud.stepfunctions.language.values import JsonObject
from tests.unit.stepfunctions.bench import MACHINE, ROLE, Bench
from tests.unit.stepfunctions.recorded import FUNCTION, QUEUE, machine, one


def echo(params: dict[str, Any]) -> dict[str, Any]:
    return {"StatusCode": 200, "Payload": io.BytesIO(params["Payload"])}


ANSWERS = {
    "lambda.invoke": echo,
    "s3.get_object": lambda _: {"Body": io.BytesIO(b'{"n":1}\n{"n":2}\n{"n":3}\n')},
    "s3.put_object": lambda _: {},
}
CALL = {"Type": "Task", "Resource": FUNCTION}
LOOP = {
    "Count": {
        "Type": "Pass",
        "QueryLanguage": "JSONata",
        "Assign": {"n": "{% $exists($n) ? $n + 1 : 1 %}"},
        "Next": "Again",
    },
    "Again": {
        "Type": "Choice",
        "QueryLanguage": "JSONata",
        "Choices": [{"Condition": "{% $n < 3 %}", "Next": "Count"}],
        "Default": "End",
    },
    "End": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $n %}", "End": True},
}
ITERATION = {"StartAt": "T", "States": {"T": {**CALL, "End": True}}}
BRANCH = {
    "StartAt": "W",
    "States": {"W": {"Type": "Wait", "Seconds": 9, "Next": "V"}, "V": {**CALL, "End": True}},
}
BRANCHES = [BRANCH, ITERATION]
READER = {
    "Resource": "arn:aws:states:::s3:getObject",
    "ReaderConfig": {"InputType": "JSONL"},
    "Parameters": {"Bucket": "b", "Key": "k"},
}
WRITER = {
    "Resource": "arn:aws:states:::s3:putObject",
    "Parameters": {"Bucket": "out", "Prefix": "p"},
}


def distributed(kind: str, **more: Any) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    return one({"Type": "Map", "ItemProcessor": {**ITERATION, "ProcessorConfig": config}, **more})


MACHINES: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "pass": (one({"Type": "Pass"}), {"a": 1}, {"a": 1}),
    "task": (one(CALL), {"a": 1}, {"a": 1}),
    "wait": (one({"Type": "Wait", "Seconds": 30}), 1, 1),
    "variables": (machine(LOOP), {}, 3),
    "parallel": (one({"Type": "Parallel", "Branches": BRANCHES}), 7, [7, 7]),
    "map": (one({"Type": "Map", "ItemProcessor": ITERATION, "MaxConcurrency": 2}), [1, 2, 3], None),
    "distributed_standard": (distributed("STANDARD"), [1, 2], [1, 2]),
    "distributed_express": (distributed("EXPRESS", MaxConcurrency=1), [1, 2], [1, 2]),
    "distributed_reader": (
        distributed("EXPRESS", ItemReader=READER),
        {},
        [{"n": 1}, {"n": 2}, {"n": 3}],
    ),
}


def well_formed(events: list[dict[str, Any]]) -> None:
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert all(event["previousEventId"] < event["id"] for event in events)
    assert [event["type"] for event in events].count("ExecutionStarted") == 1
    assert events[-1]["type"] == "ExecutionSucceeded"


def entries(events: list[dict[str, Any]]) -> list[str]:
    return sorted(event["type"] for event in events)


def crashing(bench: Bench, arn: str, at: int) -> bool:
    """Run until `at` pieces of work are done, crash, and run to the end; False if it was over."""
    for _ in range(at):
        if bench.status(arn) != "RUNNING" or not bench.schedule.step():
            return False
    bench.restart()
    bench.finish(arn)
    return True


@pytest.mark.parametrize("name", MACHINES)
def test_a_kill_after_any_step_changes_neither_result_nor_history(
    name: str, tmp_path: Path
) -> None:
    definition, value, result = MACHINES[name]
    calm = Bench(tmp_path / "calm", ANSWERS, steps_per_commit=1)
    expected = calm.run(definition, value)
    history = calm.events(expected["executionArn"])
    assert json.loads(expected["output"]) == (value if result is None else result)
    for at in range(1, 200):
        bench = Bench(tmp_path / str(at), ANSWERS, steps_per_commit=1)
        arn = bench.begin(definition, value)
        going = crashing(bench, arn, at)
        assert bench.describe(arn)["output"] == expected["output"]
        well_formed(bench.events(arn))
        assert entries(bench.events(arn)) == entries(history)
        bench.service.stop()
        if not going:
            return
    raise AssertionError("the execution has more steps than the test foresees")


def test_a_wait_keeps_its_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    arn = bench.begin(one({"Type": "Wait", "Seconds": 100}))
    bench.schedule.advance(60)
    bench.restart()
    bench.schedule.advance(39)
    assert bench.status(arn) == "RUNNING"
    bench.schedule.advance(2)
    assert bench.status(arn) == "SUCCEEDED"


def test_a_task_that_waits_keeps_its_token(tmp_path: Path) -> None:
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    sent = {"QueueUrl": QUEUE, "MessageBody.$": "$$.Task.Token"}
    bench = Bench(tmp_path, {"sqs.send_message": lambda _: {"MessageId": "m"}})
    arn = bench.begin(one({"Type": "Task", "Resource": resource, "Parameters": sent}))
    bench.schedule.settle()
    bench.restart()
    bench.schedule.settle()
    assert len(bench.calls) == 1
    token = bench.calls[0][1]["MessageBody"]
    bench.service.send_task_success({"taskToken": token, "output": "1"})
    assert bench.finish(arn)["output"] == "1"


def test_a_nested_execution_is_started_once(tmp_path: Path) -> None:
    for at in range(1, 40):
        bench = Bench(tmp_path / str(at), steps_per_commit=1)
        inner = bench.create(one({"Type": "Wait", "Seconds": 5}), "inner")
        resource = "arn:aws:states:::states:startExecution.sync:2"
        given = {"StateMachineArn": inner}
        arn = bench.begin(one({"Type": "Task", "Resource": resource, "Parameters": given}))
        going = crashing(bench, arn, at)
        assert bench.status(arn) == "SUCCEEDED", bench.describe(arn)
        listed = bench.service.list_executions({"stateMachineArn": inner})
        assert len(listed["executions"]) == 1
        bench.service.stop()
        if not going:
            return


@pytest.mark.parametrize("qualifier", ["", ":1", ":live"], ids=["machine", "version", "alias"])
def test_a_nested_execution_that_ended_is_found_again(qualifier: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    inner = bench.create(one({"Type": "Pass"}), "inner", publish=True)
    routes = [{"stateMachineVersionArn": f"{inner}:1", "weight": 100}]
    bench.service.create_state_machine_alias({"name": "live", "routingConfiguration": routes})
    given: JsonObject = {"StateMachineArn": inner + qualifier}
    resource = TaskResource.parse("arn:aws:states:::states:startExecution.sync:2")
    asked = TaskCall(
        resource, given, given, ROLE, MACHINE, f"{MACHINE}:e", "n", bench.schedule.now(), False
    )
    begun = StartExecutionIntegration().call(asked, bench.clients)
    assert isinstance(begun, dict)
    bench.finish(str(begun["ExecutionArn"]))
    repeated = StartExecutionIntegration().call(replace(asked, is_repeat=True), bench.clients)
    assert isinstance(repeated, dict)
    assert repeated["ExecutionArn"] == begun["ExecutionArn"]


def test_a_map_run_whose_execution_was_stopped_is_stopped_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    inner = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 500, "End": True}}}
    arn = bench.begin(
        one({"Type": "Map", "ItemProcessor": {**inner, "ProcessorConfig": config}}), [1, 2]
    )
    bench.schedule.settle()
    bench.service.stop_execution({"executionArn": arn})
    bench.restart()
    bench.schedule.settle()
    run = bench.service.list_map_runs({"executionArn": arn})["mapRuns"][0]["mapRunArn"]
    described = bench.service.describe_map_run({"mapRunArn": run})
    assert described["status"] == "ABORTED"
    assert described["executionCounts"]["aborted"] == 2
    children = bench.service.list_executions({"mapRunArn": run})["executions"]
    assert {child["status"] for child in children} == {"ABORTED"}


def test_status_changes_are_published_after_a_crash(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    arn = bench.begin(one({"Type": "Pass"}))
    bench.finish(arn)
    assert bench.published == []
    bench.restart()
    wait_for(lambda: len(bench.published) == 2)
    details = [event["detail"] for event in bench.published]
    assert [detail["status"] for detail in details] == ["RUNNING", "SUCCEEDED"]
    assert details[1]["startDate"] == int(bench.describe(arn)["startDate"].timestamp() * 1000)
    bench.service.stop()


def wait_for(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.01)


SCRIPT = """
import pathlib, sys, threading
from localcloud.service import CloudContext
from localcloud.stepfunctions import StepFunctionsService
from localcloud.stepfunctions.integrations.integration import RoleClients
service = StepFunctionsService(
    CloudContext(pathlib.Path(sys.argv[1]), "http://127.0.0.1:0"),
    RoleClients(lambda *_: None),
    lambda _: None,
)
service.start()
role = "arn:aws:iam::000000000000:role/r"
machine = service.create_state_machine(
    {"name": "m", "roleArn": role, "definition": sys.argv[2]}
)["stateMachineArn"]
for number in range(20):
    service.start_execution({"stateMachineArn": machine, "name": f"e{number}"})
    print(number, flush=True)
threading.Event().wait()
"""


def test_what_was_acknowledged_outlives_a_killed_process(tmp_path: Path) -> None:
    wait = {"Type": "Wait", "Seconds": 1}
    iterations = {"StartAt": "W", "States": {"W": {**wait, "End": True}}}
    definition = one({"Type": "Map", "ItemProcessor": iterations})
    states = {"P": {"Type": "Pass", "Result": [1, 2, 3], "Next": "S"}, **definition["States"]}
    text = json.dumps({"StartAt": "P", "States": states})
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path), text],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(20)]
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert lines[-1].strip() == b"19"
    bench = Bench(tmp_path)
    bench.schedule.advance(time.time() - bench.schedule.now())
    bench.restart()
    for number in range(20):
        arn = f"arn:aws:states:us-east-1:000000000000:execution:m:e{number}"
        assert bench.finish(arn)["output"] == "[1,2,3]"
        well_formed(bench.events(arn))
    bench.service.stop()
