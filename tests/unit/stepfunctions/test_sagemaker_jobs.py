"""`sagemaker:createTrainingJob` and its like, and how jobs are waited for, with a fake SageMaker.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker.training.store import TrainingJobStore
from localcloud.stepfunctions.integrations.integration import (
    IntegrationPattern,
    TaskCall,
    TaskResource,
)
from localcloud.stepfunctions.integrations.sagemaker import SageMakerJobIntegration
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.values import JsonObject
from tests.unit.stepfunctions.bench import MACHINE, ROLE, Answer, FakeClient, aws_error

JOB = "training-job/vae-1"
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


def request(*, is_repeat: bool = False, scheduled: float = CREATED - 1) -> TaskCall:
    resource = TaskResource.parse("arn:aws:states:::sagemaker:createTrainingJob.sync")
    return TaskCall(
        resource,
        ASKED,
        ASKED,
        ROLE,
        MACHINE,
        f"{MACHINE}:e",
        "name",
        scheduled,
        is_repeat=is_repeat,
    )


def test_should_begin_a_job_and_follow_it_by_its_name() -> None:
    begun = SageMakerJobIntegration().call(request(), SageMaker("InProgress"))
    assert isinstance(begun, dict)
    assert begun["TrainingJobArn"] == ARN
    assert SageMakerJobIntegration().job(begun) == JOB


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_should_wait_while_a_job_goes_on(status: str) -> None:
    assert (
        SageMakerJobIntegration().poll(IntegrationPattern.JOB, JOB, ROLE, SageMaker(status)) is None
    )


def test_should_give_what_is_said_of_a_job_that_completed() -> None:
    told = SageMakerJobIntegration().poll(IntegrationPattern.JOB, JOB, ROLE, SageMaker("Completed"))
    assert isinstance(told, dict)
    assert told["TrainingJobStatus"] == "Completed"
    assert "SdkHttpMetadata" not in told


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_should_fail_with_what_is_said_of_a_job_that_did_not(status: str) -> None:
    with pytest.raises(ReportedError) as caught:
        SageMakerJobIntegration().poll(IntegrationPattern.JOB, JOB, ROLE, SageMaker(status))
    assert caught.value.name == "States.TaskFailed"
    assert json.loads(caught.value.cause or "")["FailureReason"] == "because"


def test_should_find_the_job_that_it_began_before_a_restart() -> None:
    begun = SageMakerJobIntegration().call(
        request(is_repeat=True), SageMaker("InProgress", taken=True)
    )
    assert begun == {"TrainingJobArn": ARN}


@pytest.mark.parametrize(
    "made", [request(is_repeat=False), request(is_repeat=True, scheduled=CREATED + 5)]
)
def test_should_not_take_another_job_for_its_own(made: TaskCall) -> None:
    with pytest.raises(ReportedError) as caught:
        SageMakerJobIntegration().call(made, SageMaker("InProgress", taken=True))
    assert caught.value.name == "SageMaker.ResourceInUseException"


OF_KINDS: dict[str, JsonObject] = {
    "TrainingJob": {**ASKED, "TrainingJobName": "one"},
    "HyperParameterTuningJob": {
        "HyperParameterTuningJobName": "one",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "ResourceLimits": {"MaxParallelTrainingJobs": 1},
        },
    },
    "ProcessingJob": {
        "ProcessingJobName": "one",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": "image"},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 1,
            }
        },
    },
    "TransformJob": {
        "TransformJobName": "one",
        "ModelName": "model",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/i"}}
        },
        "TransformOutput": {"S3OutputPath": "s3://b/o"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    },
}
"""What each kind of jobs has to be asked for."""


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("TrainingJob", "training-job"),
        ("HyperParameterTuningJob", "hyper-parameter-tuning-job"),
        ("ProcessingJob", "processing-job"),
        ("TransformJob", "transform-job"),
    ],
)
def test_should_speak_of_every_kind_of_jobs_as_the_api_does(kind: str, place: str) -> None:
    snake = re.sub(r"(?<!^)([A-Z])", r"_\1", kind).lower()
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:{place}/one"
    calls: list[Any] = []
    answers: dict[str, Answer] = {
        f"sagemaker.create_{snake}": lambda _: {f"{kind}Arn": arn},
        f"sagemaker.describe_{snake}": lambda _: {f"{kind}Status": "Completed"},
        f"sagemaker.stop_{snake}": lambda _: {},
    }
    client = FakeClient("sagemaker", answers, calls)
    resource = TaskResource.parse(f"arn:aws:states:::sagemaker:create{kind}.sync")
    assert SageMakerJobIntegration().find_problem(resource) is None
    made = replace(request(), resource=resource, parameters=OF_KINDS[kind])
    job = SageMakerJobIntegration().job(SageMakerJobIntegration().call(made, lambda *_: client))
    told = SageMakerJobIntegration().poll(IntegrationPattern.JOB, job, ROLE, lambda *_: client)
    assert told == {f"{kind}Status": "Completed"}
    SageMakerJobIntegration().cancel(job, ROLE, lambda *_: client)
    assert [each for each in calls if each[0].startswith("sagemaker.stop")] == [
        (f"sagemaker.stop_{snake}", {f"{kind}Name": "one"})
    ]


def test_should_stop_a_job_that_is_abandoned() -> None:
    sagemaker = SageMaker("InProgress")
    SageMakerJobIntegration().cancel(JOB, ROLE, sagemaker)
    assert sagemaker.calls == [("sagemaker.stop_training_job", {"TrainingJobName": "vae-1"})]


def test_a_job_that_is_there_twice_should_be_one(tmp_path: Path) -> None:
    """Names differ in more than case: their ARNs have them in lower case."""
    records = TrainingJobStore(tmp_path)
    assert records.add("Vae-1", ASKED)
    assert not records.add("vae-1", ASKED)
    found = records.get("vae-1")
    assert found is not None
    assert found.name == "Vae-1"
    records.close()
