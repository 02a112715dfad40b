"""Model jobs of a stage: their names, and tunings that are looked at before and while they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from infra.models import jobs
from infra.models.training import TrainingStage
from infra.models.tuning import StageTuning
from infra.stages import StageConnection
from models.sagemaker.job_requests import JobSpec
from models.sagemaker.tuning import LONGEST_NAME
from models.training import recipe
from tests.unit.cli.test_train import OUTPUTS

LIST = "list_training_jobs_for_hyper_parameter_tuning_job"
EXECUTION = "arn:aws:states:eu-west-1:000000000001:execution:headrace-dev-model-job:1"
WISH = JobSpec("headrace-dev-abc", recipe.load("vae"), "tiny", "cpu")


class States:
    """Step Functions, where an execution is looked at `looks` times before it has failed."""

    def __init__(self, looks: int) -> None:
        self._left = looks

    def describe_execution(self, **asked: str) -> dict[str, Any]:
        assert asked == {"executionArn": EXECUTION}
        self._left -= 1
        return {"status": "RUNNING"} if self._left >= 0 else {"status": "FAILED", "cause": "No."}


@contextmanager
def stage(looks: int) -> Iterator[tuple[StageTuning, Stubber]]:
    """Make the tunings of a stage, and what SageMaker answers."""
    sagemaker = boto3.client(
        "sagemaker", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    made = {"sagemaker": sagemaker, "stepfunctions": States(looks)}
    with Stubber(sagemaker) as stub:
        yield StageTuning(StageConnection(made.__getitem__, OUTPUTS)), stub
        stub.assert_no_pending_responses()


def followed(looks: int, look: Callable[[], object]) -> Any:
    return jobs.follow_model_job(lambda _: States(looks), EXECUTION, look, lambda _: None)


def refused(times: int, code: str) -> tuple[list[int], Callable[[], None]]:
    """Return a look that is refused the first so many times, and what counts its calls."""
    calls: list[int] = []

    def look() -> None:
        calls.append(1)
        if len(calls) <= times:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "List")

    return calls, look


def test_jobs_of_one_second_should_have_names_of_their_own() -> None:
    longest = {**OUTPUTS, "IngestMachineArn": OUTPUTS["IngestMachineArn"].replace("dev", "s" * 13)}
    names = {jobs.short_job_name(TrainingStage.of(longest), lambda: 2**31 - 1) for _ in range(20)}
    assert len(names) > 1
    assert {len(name) for name in names} == {LONGEST_NAME}
    assert all(name.startswith(f"headrace-{'s' * 13}-") for name in names)


def test_a_tuning_that_is_not_there_yet_should_have_no_trials_and_its_machine_be_followed() -> None:
    with stage(looks=2) as (tunings, stub):
        for _ in range(3):
            stub.add_client_error(LIST, "ResourceNotFound", "Could not find tuning job.")
        seen: list[Any] = []
        ended = jobs.follow_model_job(
            tunings._client, EXECUTION, lambda: seen.append(tunings.outcomes(WISH)), lambda _: None
        )
        assert (ended["cause"], seen) == ("No.", [[], []])
        assert tunings.outcomes(WISH) == []


def test_what_else_is_refused_should_be_told() -> None:
    with stage(looks=0) as (tunings, stub):
        stub.add_client_error(LIST, "AccessDeniedException", "no")
        with pytest.raises(ClientError, match="AccessDeniedException"):
            tunings.outcomes(WISH)
    calls, look = refused(1, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        followed(2, look)
    assert len(calls) == 1


def test_a_look_that_is_throttled_should_be_taken_again_but_not_for_ever() -> None:
    most = jobs.MOST_THROTTLED
    calls, look = refused(most, "ThrottlingException")
    assert followed(most + 5, look)["status"] == "FAILED"
    assert len(calls) == most + 5
    calls, look = refused(most + 1, "ThrottlingException")
    with pytest.raises(ClientError, match="ThrottlingException"):
        followed(most + 5, look)
    assert len(calls) == most + 1
