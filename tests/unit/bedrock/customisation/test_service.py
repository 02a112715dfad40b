"""Customisation jobs from their request to a deployed model, with a trainer that writes a file."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.bedrock.customisation.runner import (
    MODEL_FILE,
    CustomisationTask,
)
from localcloud.bedrock.customisation.service import CustomisationService
from localcloud.bedrock.customisation.store import CREATING_S
from localcloud.bedrock.model_jobs import ModelJobFailed, ModelJobInterrupted
from localcloud.errors import AwsError
from localcloud.service import CloudContext
from localcloud.wire.service_models import service_model

ROLE = "arn:aws:iam::000000000000:role/tunes"
ROW = {
    "messages": [
        {"role": "user", "content": [{"text": "a"}]},
        {"role": "assistant", "content": [{"text": "b"}]},
    ]
}
REQUEST = {
    "jobName": "notes-1",
    "customModelName": "notes",
    "roleArn": ROLE,
    "baseModelIdentifier": "amazon.nova-micro-v1:0:128k",
    "trainingDataConfig": {"s3Uri": "s3://bucket/train.jsonl"},
    "outputDataConfig": {"s3Uri": "s3://bucket/out"},
}


def members(operation: str) -> set[str]:
    """Return what an operation of Bedrock may answer."""
    shape = service_model("bedrock").operation_model(operation).output_shape
    assert shape is not None
    return set(shape.members)


class Objects:
    """The two calls of S3 and the one of IAM that a job makes."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get_object(self, **call: str) -> dict[str, Any]:
        if call["Key"] not in self.kept:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "none"}}, "GetObject")
        body = self.kept[call["Key"]]
        return {"ContentLength": len(body), "Body": io.BytesIO(body)}

    def put_object(self, **call: Any) -> None:
        self.kept[call["Key"]] = call["Body"]

    def get_role(self, **call: str) -> dict[str, Any]:
        name = call["RoleName"]
        principal = "bedrock.amazonaws.com" if name == "tunes" else "lambda.amazonaws.com"
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": principal},
            "Action": "sts:AssumeRole",
        }
        arn = f"arn:aws:iam::000000000000:role/{name}"
        return {"Role": {"Arn": arn, "AssumeRolePolicyDocument": {"Statement": [allow]}}}


class Trainer:
    """Writes a model, fails, or waits until it is stopped."""

    def __init__(self) -> None:
        self.tasks: list[CustomisationTask] = []
        self.fails = self.waits = False

    def __call__(self, task: CustomisationTask) -> Sequence[float]:
        self.tasks.append(task)
        if self.fails:
            raise ModelJobFailed("The loss is not a number.")
        if self.waits:
            task.stopping.wait(10)
            raise ModelJobInterrupted
        (task.folder / MODEL_FILE).write_bytes(b"GGUF")
        return [2.0, 1.0]


class World:
    """A service with its fakes."""

    def __init__(self, folder: Path) -> None:
        self.objects, self.trainer = Objects(), Trainer()
        self.events: list[dict[str, Any]] = []
        self.later = 0.0
        self.objects.kept["train.jsonl"] = b"".join(
            json.dumps(ROW).encode() + b"\n" for _ in "12345678"
        )
        self.service = CustomisationService(
            CloudContext(folder, "http://127.0.0.1:1"),
            lambda _service, _role: self.objects,
            self.events.append,
            self.trainer,
            lambda: time.time() + self.later,
        )
        self.jobs, self.deployments = self.service.operations, self.service.deployments

    def create(self, **changed: Any) -> str:
        return str(self.jobs.create_model_customization_job({**REQUEST, **changed})["jobArn"])

    def ended(self, arn: str) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            job = dict(self.jobs.get_model_customization_job({"jobIdentifier": arn}))
            if job["status"] not in ("InProgress", "Stopping"):
                return job
            time.sleep(0.01)
        raise AssertionError("the job did not end")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.service.start()
    yield made
    made.service.stop()


def test_a_job_makes_a_model_that_is_deployed_and_deleted(world: World) -> None:
    job = world.ended(world.create(hyperParameters={"epochCount": "3"}, clientRequestToken="a"))
    assert (job["status"], job["trainingMetrics"]) == ("Completed", {"trainingLoss": 1.0})
    (task,) = world.trainer.tasks
    assert task.settings == {
        "epochCount": "3",
        "learningRate": "0.00001",
        "learningRateWarmupSteps": "10",
    }
    assert len(task.conversations) == 8
    (key,) = [key for key in world.objects.kept if key.endswith("step_wise_training_metrics.csv")]
    assert world.objects.kept[key].decode().splitlines()[1:] == ["0,0,2.0", "1,1,1.0"]

    model = job["outputModelArn"]
    shown = dict(world.jobs.get_custom_model({"modelIdentifier": model}))
    assert (shown["modelName"], shown["modelStatus"]) == ("notes", "Active")
    assert set(shown) <= members("GetCustomModel")
    assert set(job) <= members("GetModelCustomizationJob")
    listed = dict(world.jobs.list_custom_models({}))["modelSummaries"]
    assert [each["modelArn"] for each in listed] == [model]
    with pytest.raises(AwsError, match="the pattern"):
        world.deployments.create_custom_model_deployment(
            {"modelDeploymentName": "notes.v1", "modelArn": model}
        )
    named = {"modelDeploymentName": "live", "modelArn": model}
    arn = world.deployments.create_custom_model_deployment(named)["customModelDeploymentArn"]
    described = world.deployments.get_custom_model_deployment(
        {"customModelDeploymentIdentifier": arn}
    )
    assert set(described) <= members("GetCustomModelDeployment")
    assert described["status"] == "Creating"
    with pytest.raises(AwsError, match="is Creating and not yet Active"):
        world.service.deployed(arn)
    world.later = CREATING_S
    described = world.deployments.get_custom_model_deployment(
        {"customModelDeploymentIdentifier": arn}
    )
    assert described["status"] == "Active"
    found, path = world.service.deployed(arn)
    assert (found.request["customModelName"], path.read_bytes()) == ("notes", b"GGUF")
    with pytest.raises(AwsError, match="deployed as live"):
        world.jobs.delete_custom_model({"modelIdentifier": model})
    world.deployments.delete_custom_model_deployment({"customModelDeploymentIdentifier": arn})
    world.jobs.delete_custom_model({"modelIdentifier": model})
    assert not path.parent.exists()
    with pytest.raises(AwsError, match="could not be found"):
        world.service.deployed(arn)
    with pytest.raises(AwsError, match="could not be found"):
        world.jobs.get_custom_model({"modelIdentifier": "notes"})


def test_the_end_is_published(world: World) -> None:
    world.ended(world.create())
    deadline = time.monotonic() + 10
    while not world.events and time.monotonic() < deadline:
        time.sleep(0.01)
    (event,) = world.events
    assert event["detail-type"] == "Model Customization Job State Change"
    assert event["detail"]["jobStatus"] == "Completed"


def test_a_training_that_fails_says_why_and_leaves_no_model(world: World) -> None:
    world.trainer.fails = True
    job = world.ended(world.create())
    assert (job["status"], job["failureMessage"]) == ("Failed", "The loss is not a number.")
    assert "outputModelArn" not in job
    with pytest.raises(AwsError, match="could not be found"):
        world.jobs.get_custom_model({"modelIdentifier": "notes"})


@pytest.mark.parametrize(
    ("content", "says"), [(None, "NoSuchKey"), (b"{}\n" * 8, "line 1"), (b"", "0 records")]
)
def test_data_that_cannot_be_read_fails_the_job(
    world: World, content: bytes | None, says: str
) -> None:
    if content is None:
        del world.objects.kept["train.jsonl"]
    else:
        world.objects.kept["train.jsonl"] = content
    job = world.ended(world.create())
    assert job["status"] == "Failed"
    assert says in job["failureMessage"]


def test_a_job_that_runs_is_stopped(world: World) -> None:
    world.trainer.waits = True
    arn = world.create()
    deadline = time.monotonic() + 10
    while not world.trainer.tasks and time.monotonic() < deadline:
        time.sleep(0.01)
    world.jobs.stop_model_customization_job({"jobIdentifier": arn})
    assert world.ended(arn)["status"] == "Stopped"
    with pytest.raises(AwsError, match="can't be stopped"):
        world.jobs.stop_model_customization_job({"jobIdentifier": arn})


def test_a_job_that_is_stopped_just_as_it_begins_is_not_trained(tmp_path: Path) -> None:
    world = World(tmp_path)
    arn = world.create()
    store = world.service._store
    listed = store.jobs()
    world.jobs.stop_model_customization_job({"jobIdentifier": arn})
    world.service._runner._advance(listed[0])
    assert (world.ended(arn)["status"], world.trainer.tasks) == ("Stopped", [])
    store.close()


def test_a_job_that_ran_at_the_end_of_the_cloud_begins_again(tmp_path: Path) -> None:
    before = World(tmp_path)
    before.trainer.waits = True
    before.service.start()
    arn = before.create()
    deadline = time.monotonic() + 10
    while not before.trainer.tasks and time.monotonic() < deadline:
        time.sleep(0.01)
    before.service.stop()
    after = World(tmp_path)
    after.service.start()
    assert after.ended(arn)["status"] == "Completed"
    after.service.stop()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"baseModelIdentifier": "amazon.nova-micro-v1:0"}, "doesn't support model customization"),
        ({"customizationType": "CONTINUED_PRE_TRAINING"}, "doesn't support CONTINUED"),
        ({"hyperParameters": {"epochCount": "6"}}, "from 1 to 5"),
        ({"hyperParameters": {"epochCount": "1.5"}}, "whole number"),
        ({"hyperParameters": {"learningRate": "nan"}}, "a number"),
        ({"hyperParameters": {"batchSize": "1"}}, "is no setting"),
        ({"trainingDataConfig": {"invocationLogsConfig": {}}}, "as s3Uri"),
        ({"outputDataConfig": {"s3Uri": "out"}}, "no location in S3"),
        ({"roleArn": "arn:aws:iam::000000000000:role/other"}, "can't assume"),
        ({"vpcConfig": {}}, "leave it out"),
    ],
)
def test_what_bedrock_refuses_is_refused(world: World, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(AwsError, match=says):
        world.create(**changed)


def test_names_are_used_once_and_tokens_repeat(world: World) -> None:
    first = world.create(clientRequestToken="once")
    assert world.create(clientRequestToken="once") == first
    with pytest.raises(AwsError, match="in use"):
        world.create(customModelName="other")
    with pytest.raises(AwsError, match="in use"):
        world.create(jobName="other")


def test_a_model_is_deployed_once_it_is_there(world: World) -> None:
    world.trainer.fails = True
    job = world.ended(world.create())
    model = job["jobArn"].replace("model-customization-job", "custom-model")
    with pytest.raises(AwsError, match="could not be found"):
        world.deployments.create_custom_model_deployment(
            {"modelDeploymentName": "live", "modelArn": model}
        )
