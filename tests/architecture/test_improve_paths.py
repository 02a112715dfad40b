"""The paths through the `improve` state machine: what its function is told, and how runs end."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.ingest_definition import ROOT, definition_text
from tests.unit.stepfunctions.bench import Bench

FILE = ROOT / "statemachines" / "improve.asl.json"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:improve"
INPUT = {"tenant": "acme", "model": "aligned-lm", "run_id": "run", "trigger": "operator"}
TRAIN = {"next": "train", "status": "reward", "job": "run-reward", "training": {"group": "g"}}
APPROVE = {"next": "approve", "status": "approval", "seconds": 60}
DONE = {"next": "ended", "status": "done", "reasons": []}
REGISTERED = {"arn": "arn:1", "artefact": "s3://b/m", "metrics": {"fid": 1}}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.service.stop()


def run(
    bench: Bench, training: dict[str, Any], *answers: Any
) -> tuple[dict[str, Any], list[str], list[dict[str, Any]]]:
    """Run an execution; return how it ended, its states, and what the function was told.

    An answer that is a callable is called with what the function was told.
    """
    machine = bench.create({"StartAt": "A", "States": {"A": training}}, "train")
    values = {"ImproveModelArn": FUNCTION, "TrainMachineArn": machine}
    text = re.sub(r"\$\{(\w+)\}", lambda found: values[found.group(1)], definition_text(FILE))
    told: list[dict[str, Any]] = []
    left = list(answers)

    def invoke(asked: dict[str, Any]) -> dict[str, Any]:
        told.append(json.loads(asked["Payload"]))
        answer = left.pop(0)
        if callable(answer):
            answer = answer(told[-1])
        error = {"FunctionError": "Unhandled"} if "errorType" in answer else {}
        return {"StatusCode": 200, **error, "Payload": io.BytesIO(json.dumps(answer).encode())}

    bench.answers["lambda.invoke"] = invoke
    ended = bench.run(json.loads(text), INPUT)
    entered = [each.get("stateEnteredEventDetails") for each in bench.events(ended["executionArn"])]
    assert left == []
    return ended, [each["name"] for each in entered if each], told


def registers() -> dict[str, Any]:
    return {"Type": "Pass", "Result": REGISTERED, "End": True}


def test_should_hand_what_was_trained_to_the_next_step(bench: Bench) -> None:
    ended, states, told = run(bench, registers(), TRAIN, DONE)
    assert states == ["Improve", "WhatNext", "Train", "Improve", "WhatNext", "Ended"]
    assert json.loads(ended["output"]) == {"status": "done", "reasons": []}
    assert told[0] == {**INPUT, "execution": ended["executionArn"]}
    assert told[1] == {**told[0], "trained": {**REGISTERED, "job": "run-reward"}}
    (begun,) = [given for name, given in bench.calls if name == "stepfunctions.start_execution"]
    assert json.loads(begun["input"]) == TRAIN["training"]


def test_should_record_why_a_training_failed(bench: Bench) -> None:
    fails = {"Type": "Fail", "Error": "States.TaskFailed", "Cause": "BelowGate: fid is 9"}
    ended, states, told = run(bench, fails, TRAIN, {"next": "ended", "status": "failed"})
    assert states[-3:] == ["Train", "RecordFailure", "Failed"]
    assert told[-1]["failure"] == ended["cause"] == "FAILED: BelowGate: fid is 9"


def test_should_record_why_a_step_failed(bench: Bench) -> None:
    broken = {"errorType": "NotFound", "errorMessage": "There is no task lt_1."}
    ended, states, told = run(bench, registers(), broken, {"next": "ended", "status": "ignored"})
    assert states == ["Improve", "RecordFailure", "Failed"]
    assert (ended["error"], told[-1]["failure"]) == ("NotFound", "There is no task lt_1.")


def test_should_wait_with_a_token_and_look_again_once_it_is_decided(bench: Bench) -> None:
    def decided(given: dict[str, Any]) -> dict[str, Any]:
        token = {"taskToken": given["task_token"], "output": "{}"}
        bench.service.send_task_success(token)
        return APPROVE

    _, states, told = run(bench, registers(), APPROVE, decided, DONE)
    assert states[:4] == ["Improve", "WhatNext", "AwaitApproval", "Improve"]
    assert "task_token" not in told[2]


@pytest.mark.parametrize(
    "answer", [APPROVE, {"errorType": "MoreSteps", "errorMessage": "There is nothing to wait for."}]
)
def test_should_look_again_after_its_days_or_where_it_was_decided_before(
    bench: Bench, answer: dict[str, Any]
) -> None:
    ended, states, _ = run(bench, registers(), APPROVE, answer, DONE)
    assert states[2:4] == ["AwaitApproval", "Improve"]
    assert ended["status"] == "SUCCEEDED"
