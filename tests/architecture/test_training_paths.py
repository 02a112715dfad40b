"""The paths through the `train` state machine: what it asks for, and what comes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.architecture.ingest_definition import ROOT, definition_text
from tests.unit.stepfunctions.bench import Bench, aws_error

FILE = ROOT / "statemachines" / "train.asl.json"
ARN = "arn:aws:sagemaker:us-east-1:000000000000"
ROLE = "arn:aws:iam::000000000000:role/training"
EVENTS_AT_MOST = 25_000
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


def job(name: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": "arn:aws:iam::000000000000:role/of-the-input",
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
        "ResourceConfig": {"VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "Environment": {"CACHE": "s3://b/c"},
    }


SERVING = {"image": "serves:1", "content_types": ["application/json"]}
INPUT = {
    "group": "headrace-dev-vae",
    "training": job("vae-1"),
    "finishing": job("vae-1-finish"),
    "serving": SERVING,
}


class SageMaker:
    """Jobs that go through `statuses`, one a look. The answer to `lost` does not arrive."""

    def __init__(self, *statuses: str, lost: str = "", metrics: Any = None) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.registered: list[dict[str, Any]] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._statuses = list(statuses)
        self._lost = lost
        self._metrics = {} if metrics is None else {"FinalMetricDataList": metrics}

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["TrainingJobName"]
        if name in self.jobs:
            raise aws_error("ResourceInUse", f"{name} is there")
        self.jobs[name] = asked
        if name == self._lost:
            raise ReadTimeoutError(endpoint_url="https://api.sagemaker")
        return {"TrainingJobArn": f"{ARN}:training-job/{name}"}

    def describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["TrainingJobName"]
        status = self._statuses.pop(0) if self._statuses else "Completed"
        return {
            **self.jobs[name],
            **self._metrics,
            "TrainingJobArn": f"{ARN}:training-job/{name}",
            "TrainingJobStatus": status,
            "SecondaryStatus": status,
            "CreationTime": datetime.now(UTC),
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://b/o/{name}"},
            **({"FailureReason": "below a gate"} if status == "Failed" else {}),
        }

    def register(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.registered.append(asked)
        return {"ModelPackageArn": f"{ARN}:model-package/headrace-dev-vae/1"}

    def tell(self, asked: dict[str, Any]) -> dict[str, Any]:
        (entry,) = asked["Entries"]
        self.told.append((entry["DetailType"], json.loads(entry["Detail"])))
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.service.stop()


def definition() -> dict[str, Any]:
    values = {"TrainingRoleArn": ROLE, "EventBus": "bus"}
    text = re.sub(r"\$\{(\w+)\}", lambda found: values[found.group(1)], definition_text(FILE))
    made: dict[str, Any] = json.loads(text)
    return made


def run(bench: Bench, sagemaker: SageMaker) -> tuple[dict[str, Any], list[str]]:
    """Run an execution, and return how it ended and the states that it went through."""
    bench.answers.update(
        {
            "sagemaker.create_training_job": sagemaker.create,
            "sagemaker.describe_training_job": sagemaker.describe,
            "sagemaker.create_model_package": sagemaker.register,
            "events.put_events": sagemaker.tell,
        }
    )
    ended = bench.run(definition(), INPUT)
    entered = [each.get("stateEnteredEventDetails") for each in bench.events(ended["executionArn"])]
    return ended, [each["name"] for each in entered if each]


def test_should_train_judge_and_register(bench: Bench) -> None:
    sagemaker = SageMaker(metrics=[{"MetricName": "fid", "Value": 5.5}])
    ended, states = run(bench, sagemaker)
    assert states == ["Train", "Finish", "Register", "AnnounceRegistered"]
    assert json.loads(ended["output"])["metrics"] == {"fid": 5.5}
    (package,) = sagemaker.registered
    serves = package["InferenceSpecification"]
    assert serves["Containers"] == [{"Image": "serves:1", "ModelDataUrl": "s3://b/o/vae-1-finish"}]
    assert serves["SupportedContentTypes"] == ["application/json"]
    assert package["CustomerMetadataProperties"] == {"training": "vae-1", "fid": "5.5"}
    for asked in sagemaker.jobs.values():
        assert asked["RoleArn"] == ROLE
        assert asked["Environment"] == {
            "CACHE": "s3://b/c",
            "HEADRACE_EXECUTION": ended["executionArn"],
        }


@pytest.mark.parametrize("metrics", [None, []])
def test_should_register_what_has_no_metrics(bench: Bench, metrics: Any) -> None:
    sagemaker = SageMaker(metrics=metrics)
    ended, _ = run(bench, sagemaker)
    assert json.loads(ended["output"])["metrics"] == {}
    assert sagemaker.registered[0]["CustomerMetadataProperties"] == {"training": "vae-1"}


@pytest.mark.parametrize(
    ("lost", "before", "after"),
    [
        ("vae-1", ["Train"], ["Finish", "Register", "AnnounceRegistered"]),
        ("vae-1-finish", ["Train", "Finish"], ["Register", "AnnounceRegistered"]),
    ],
)
def test_should_go_on_with_a_job_of_its_own_whose_answer_was_lost(
    bench: Bench, lost: str, before: list[str], after: list[str]
) -> None:
    first = ["Completed"] if lost == "vae-1-finish" else []
    metrics = [{"MetricName": "fid", "Value": 5.5}, {"MetricName": "mse", "Value": 0.5}]
    sagemaker = SageMaker(*first, "InProgress", "Stopping", lost=lost, metrics=metrics)
    ended, states = run(bench, sagemaker)
    look, wait = ["DescribeJob", "WhoseJob"], ["WaitForJob"]
    assert states == [*before, *look, *wait, *look, *wait, *look, *after]
    told = json.loads(ended["output"])
    assert told["artefact"] == "s3://b/o/vae-1-finish"
    assert told["metrics"] == {"fid": 5.5, "mse": 0.5}
    assert set(sagemaker.jobs) == {"vae-1", "vae-1-finish"}


@pytest.mark.parametrize(
    ("status", "reason"), [("Failed", "below a gate"), ("Stopped", "The job ended as Stopped")]
)
def test_should_fail_as_a_job_did_whose_answer_was_lost(
    bench: Bench, status: str, reason: str
) -> None:
    sagemaker = SageMaker("InProgress", status, lost="vae-1")
    ended, states = run(bench, sagemaker)
    assert states[-3:] == ["WhoseJob", "RecordFailure", "Failed"]
    assert (ended["error"], ended["cause"]) == ("States.TaskFailed", reason)
    ((kind, detail),) = sagemaker.told
    assert (kind, detail["state"], detail["reason"]) == ("model.failed", "Train", reason)


@pytest.mark.parametrize("began", [{}, {"HEADRACE_EXECUTION": "arn:of:another"}])
def test_should_leave_the_job_of_another_alone(bench: Bench, began: dict[str, str]) -> None:
    sagemaker = SageMaker()
    sagemaker.jobs["vae-1"] = {**job("vae-1"), "Environment": began}
    ended, states = run(bench, sagemaker)
    assert states == ["Train", "DescribeJob", "WhoseJob", "RecordFailure", "Failed"]
    assert ended["error"] == "SageMaker.ResourceInUseException"
    assert "vae-1 is there" in ended["cause"]
    assert sagemaker.registered == []


def test_looks_at_a_job_should_fit_into_the_history_of_an_execution(bench: Bench) -> None:
    looks = 40
    sagemaker = SageMaker(*["InProgress"] * looks, lost="vae-1")
    ended, _ = run(bench, sagemaker)
    events = len(bench.events(ended["executionArn"]))
    written = definition()
    most = written["TimeoutSeconds"] / written["States"]["WaitForJob"]["Seconds"]
    assert events / looks * most < EVENTS_AT_MOST
