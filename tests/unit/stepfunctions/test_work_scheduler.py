"""The engine on real threads: many executions at once, and a prompt stop."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.service import CloudContext
from localcloud.stepfunctions import StepFunctionsService
from localcloud.stepfunctions.engine.work_scheduler import ThreadedScheduler
from localcloud.stepfunctions.integrations.integration import RoleClients
from tests.unit.stepfunctions.bench import ROLE
from tests.unit.stepfunctions.recorded import one
from tests.unit.stepfunctions.test_map_runs import INNER, mapped


def wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.01)


@pytest.fixture
def published() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def service(tmp_path: Path, published: list[dict[str, Any]]) -> Iterator[StepFunctionsService]:
    service = StepFunctionsService(
        CloudContext(tmp_path, "http://127.0.0.1:0"), RoleClients(lambda *_: None), published.append
    )
    service.start()
    yield service
    service.stop()


def machine_arn(service: StepFunctionsService, definition: dict[str, Any], name: str) -> str:
    given = {"name": name, "roleArn": ROLE, "definition": json.dumps(definition)}
    return str(service.create_state_machine(given)["stateMachineArn"])


def ended(service: StepFunctionsService, arn: str) -> bool:
    return str(service.describe_execution({"executionArn": arn})["status"]) != "RUNNING"


def test_a_thousand_children_succeed(service: StepFunctionsService) -> None:
    arn = machine_arn(service, mapped(INNER), "many")
    start = {"stateMachineArn": arn, "input": json.dumps(list(range(1000)))}
    execution = service.start_execution(start)["executionArn"]
    wait_for(lambda: ended(service, execution))
    output = service.describe_execution({"executionArn": execution})["output"]
    assert json.loads(output) == list(range(1000))


def test_many_executions_started_from_many_threads_each_succeed_once(
    service: StepFunctionsService, published: list[dict[str, Any]]
) -> None:
    arn = machine_arn(service, one({"Type": "Wait", "Seconds": 0}), "busy")
    started: list[str] = []

    def start(group: int) -> None:
        for number in range(20):
            params = {"stateMachineArn": arn, "name": f"{group % 4}-{number}"}
            started.append(service.start_execution({**params, "input": str(group)})["executionArn"])

    threads = [threading.Thread(target=start, args=(group,)) for group in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: all(ended(service, execution) for execution in started))
    assert len(set(started)) == 80
    wait_for(lambda: len(published) == 160)
    statuses = [event["detail"]["status"] for event in published]
    assert (statuses.count("RUNNING"), statuses.count("SUCCEEDED")) == (80, 80)


def test_stopping_ends_every_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    service = StepFunctionsService(
        CloudContext(tmp_path, "http://127.0.0.1:0"), RoleClients(lambda *_: None), lambda _: None
    )
    service.start()
    arn = machine_arn(service, one({"Type": "Wait", "Seconds": 500}), "m")
    service.start_execution({"stateMachineArn": arn})
    service.stop()
    assert set(threading.enumerate()) <= before


def test_work_that_fails_does_not_end_the_threads(caplog: pytest.LogCaptureFixture) -> None:
    schedule, done = ThreadedScheduler(), threading.Event()

    def fail() -> None:
        raise ValueError("broken")

    for _ in range(10):
        schedule.run_soon(fail)
        schedule.run_blocking(fail)
    schedule.run_at(time.time() - 1, lambda: schedule.run_blocking(done.set))
    assert done.wait(30)
    schedule.stop()
    assert "work of the state machine engine failed" in caplog.text
