"""The paths through the `model_job` state machine: what it asks for, as whom, what it removes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.ingest_definition import ROOT, definition_text
from tests.unit.stepfunctions.bench import Bench, aws_error
from tests.unit.stepfunctions.test_sagemaker_jobs import OF_KINDS

FILE = ROOT / "statemachines" / "model_job.asl.json"
ARN = "arn:aws:sagemaker:us-east-1:000000000000"
ROLE = "arn:aws:iam::000000000000:role/training"
OF_THE_INPUT = "arn:aws:iam::000000000000:role/of-the-input"
KINDS = {
    "hyper_parameter_tuning_job": ("HyperParameterTuningJob", "hyper-parameter-tuning-job"),
    "transform_job": ("TransformJob", "transform-job"),
    "processing_job": ("ProcessingJob", "processing-job"),
}
TUNING: dict[str, Any] = {
    **OF_KINDS["HyperParameterTuningJob"],
    "TrainingJobDefinition": {
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "RoleArn": OF_THE_INPUT,
        "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    },
}
MODEL = {"ModelName": "model", "ExecutionRoleArn": OF_THE_INPUT}
TRANSFORM = {"model": MODEL, "transform": OF_KINDS["TransformJob"]}
PROCESSING = {"processing": {**OF_KINDS["ProcessingJob"], "RoleArn": OF_THE_INPUT}}


class SageMaker:
    """Jobs that end with `status`; what is asked of it is kept in `calls`."""

    def __init__(self, status: str = "Completed", *, refused: str = "") -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._status = status
        self._refused = refused

    def answers(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "sagemaker.create_model": self._kept("create_model", {"ModelArn": f"{ARN}:model/m"}),
            "sagemaker.delete_model": self._kept("delete_model", {}),
        }
        for snake, (kind, place) in KINDS.items():
            begun = {f"{kind}Arn": f"{ARN}:{place}/one"}
            shown = {
                **begun,
                f"{kind}Name": "one",
                f"{kind}Status": self._status,
                "CreationTime": datetime.now(UTC),
                **({"FailureReason": "it broke"} if self._status == "Failed" else {}),
            }
            found[f"sagemaker.create_{snake}"] = self._kept(f"create_{snake}", begun)
            found[f"sagemaker.describe_{snake}"] = lambda _, shown=shown: shown
            found[f"sagemaker.stop_{snake}"] = lambda _: {}
        return found

    def _kept(self, name: str, answer: dict[str, Any]) -> Any:
        def call(asked: dict[str, Any]) -> dict[str, Any]:
            if name == self._refused:
                raise aws_error("ValidationException", "no")
            self.calls.append((name, asked))
            return answer

        return call


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.service.stop()


def run(
    bench: Bench, sagemaker: SageMaker, given: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Run an execution, and return how it ended and the states that it went through."""
    bench.answers.update(sagemaker.answers())
    text = re.sub(r"\$\{TrainingRoleArn\}", ROLE, definition_text(FILE))
    ended = bench.run(json.loads(text), given)
    entered = [each.get("stateEnteredEventDetails") for each in bench.events(ended["executionArn"])]
    return ended, [each["name"] for each in entered if each]


def test_should_tune_with_trainings_of_its_own_role(bench: Bench) -> None:
    sagemaker = SageMaker()
    ended, states = run(bench, sagemaker, {"tuning": TUNING})
    assert states == ["WhichJob", "Tune"]
    assert json.loads(ended["output"]) == {"name": "one", "status": "Completed"}
    ((_, asked),) = sagemaker.calls
    assert asked["TrainingJobDefinition"]["RoleArn"] == ROLE


def test_should_make_a_model_for_a_transform_and_remove_it(bench: Bench) -> None:
    sagemaker = SageMaker()
    ended, states = run(bench, sagemaker, TRANSFORM)
    assert states == ["WhichJob", "MakeModel", "Transform", "RemoveModel"]
    assert json.loads(ended["output"]) == {"name": "one", "status": "Completed"}
    assert [name for name, _ in sagemaker.calls] == [
        "create_model",
        "create_transform_job",
        "delete_model",
    ]
    assert sagemaker.calls[0][1]["ExecutionRoleArn"] == ROLE


def test_should_process_as_its_own_role(bench: Bench) -> None:
    sagemaker = SageMaker()
    ended, states = run(bench, sagemaker, PROCESSING)
    assert states == ["WhichJob", "Process"]
    assert json.loads(ended["output"])["said"] == ""
    ((_, asked),) = sagemaker.calls
    assert asked["RoleArn"] == ROLE


@pytest.mark.parametrize(
    ("given", "states"),
    [
        ({"tuning": TUNING}, ["Tune", "RecordFailure", "Failed"]),
        (TRANSFORM, ["MakeModel", "Transform", "RecordFailure", "RemoveLeftModel", "Failed"]),
        (PROCESSING, ["Process", "RecordFailure", "Failed"]),
    ],
)
def test_should_fail_as_a_job_did_and_leave_no_model(
    bench: Bench, given: dict[str, Any], states: list[str]
) -> None:
    sagemaker = SageMaker("Failed")
    ended, went = run(bench, sagemaker, given)
    assert went == ["WhichJob", *states]
    assert (ended["error"], ended["cause"]) == ("States.TaskFailed", "it broke")
    models = [name for name, _ in sagemaker.calls if name.endswith("_model")]
    assert models.count("create_model") == models.count("delete_model")


def test_should_say_that_a_job_was_stopped(bench: Bench) -> None:
    ended, _ = run(bench, SageMaker("Stopped"), {"tuning": TUNING})
    assert ended["cause"] == "The job ended before it was done"


def test_should_say_why_a_job_was_refused(bench: Bench) -> None:
    sagemaker = SageMaker(refused="create_hyper_parameter_tuning_job")
    ended, states = run(bench, sagemaker, {"tuning": TUNING})
    assert states == ["WhichJob", "Tune", "RecordFailure", "Failed"]
    assert "no" in ended["cause"]


def test_should_refuse_an_input_without_a_job(bench: Bench) -> None:
    ended, states = run(bench, SageMaker(), {"other": 1})
    assert states == ["WhichJob", "Unknown"]
    assert ended["error"] == "BadInput"
