"""`sagemaker:createTrainingJob` and how its jobs are waited for, with a fake SageMaker.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker.training.record import Records
from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.integrations.contract import Request
from localcloud.stepfunctions.integrations.resource import Pattern, Resource
from localcloud.stepfunctions.integrations.sagemaker import TrainingJobs
from localcloud.stepfunctions.language.values import JsonObject
from tests.unit.stepfunctions.bench import MACHINE, ROLE, Answer, FakeClient, aws_error

ARN = "arn:aws:sagemaker:us-east-1:000000000000:training-job/vae-1"
CREATED = 1_700_000_000
ASKED: JsonObject = {
    "TrainingJobName": "vae-1",
    "RoleArn": ROLE,
    "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
    "ResourceConfig": {"VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


class SageMaker:
    """One job, in the status that the test gives it."""

    def __init__(self, status: str, *, taken: bool = False) -> None:
        self.calls: list[Any] = []
        self._status = status
        self._taken = taken
        answers: dict[str, Answer] = {
            "sagemaker.create_training_job": self._create,
            "sagemaker.describe_training_job": self._describe,
            "sagemaker.stop_training_job": lambda _: {},
        }
        self._client = FakeClient("sagemaker", answers, self.calls)

    def __call__(self, service: str, role_arn: str) -> Any:
        assert (service, role_arn) == ("sagemaker", ROLE)
        return self._client

    def _create(self, _: dict[str, Any]) -> dict[str, Any]:
        if self._taken:
            raise aws_error("ResourceInUse", "there is one")
        return {"TrainingJobArn": ARN}

    def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        assert params == {"TrainingJobName": "vae-1"}
        created = datetime.fromtimestamp(CREATED, UTC)
        status = {"TrainingJobStatus": self._status, "FailureReason": "because"}
        return {"TrainingJobArn": ARN, "CreationTime": created, **status}


def request(*, again: bool = False, scheduled: float = CREATED - 1) -> Request:
    resource = Resource.parse("arn:aws:states:::sagemaker:createTrainingJob.sync")
    return Request(
        resource, ASKED, ASKED, ROLE, MACHINE, f"{MACHINE}:e", "name", scheduled, again=again
    )


def test_should_begin_a_job_and_follow_it_by_its_name() -> None:
    begun = TrainingJobs().call(request(), SageMaker("InProgress"))
    assert isinstance(begun, dict)
    assert begun["TrainingJobArn"] == ARN
    assert TrainingJobs().job(begun) == "vae-1"


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_should_wait_while_a_job_goes_on(status: str) -> None:
    assert TrainingJobs().follow(Pattern.JOB, "vae-1", ROLE, SageMaker(status)) is None


def test_should_give_what_is_said_of_a_job_that_completed() -> None:
    told = TrainingJobs().follow(Pattern.JOB, "vae-1", ROLE, SageMaker("Completed"))
    assert isinstance(told, dict)
    assert told["TrainingJobStatus"] == "Completed"
    assert "SdkHttpMetadata" not in told


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_should_fail_with_what_is_said_of_a_job_that_did_not(status: str) -> None:
    with pytest.raises(Stated) as caught:
        TrainingJobs().follow(Pattern.JOB, "vae-1", ROLE, SageMaker(status))
    assert caught.value.name == "States.TaskFailed"
    assert json.loads(caught.value.cause or "")["FailureReason"] == "because"


def test_should_find_the_job_that_it_began_before_a_restart() -> None:
    begun = TrainingJobs().call(request(again=True), SageMaker("InProgress", taken=True))
    assert begun == {"TrainingJobArn": ARN}


@pytest.mark.parametrize("made", [request(again=False), request(again=True, scheduled=CREATED + 5)])
def test_should_not_take_another_job_for_its_own(made: Request) -> None:
    with pytest.raises(Stated) as caught:
        TrainingJobs().call(made, SageMaker("InProgress", taken=True))
    assert caught.value.name == "SageMaker.ResourceInUseException"


def test_should_stop_a_job_that_is_abandoned() -> None:
    sagemaker = SageMaker("InProgress")
    TrainingJobs().cancel("vae-1", ROLE, sagemaker)
    assert sagemaker.calls == [("sagemaker.stop_training_job", {"TrainingJobName": "vae-1"})]


def test_a_job_that_is_there_twice_should_be_one(tmp_path: Path) -> None:
    """Names differ in more than case: their ARNs have them in lower case."""
    records = Records(tmp_path)
    assert records.add("Vae-1", ASKED)
    assert not records.add("vae-1", ASKED)
    found = records.get("vae-1")
    assert found is not None
    assert found.name == "Vae-1"
    records.close()
