"""Following a deployment: what ends it, and what does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from infra.deployment.failures import DeploymentError
from infra.deployment.stack import StackFollower
from tests.unit.infra.deployment.aws import Refusal, refuse
from tests.unit.infra.deployment.cloudformation import (
    CREATED,
    STACK,
    STACK_ID,
    CloudFormation,
    added,
)
from tests.unit.infra.deployment.driving import Driver


def test_ctrl_c_says_that_it_goes_on_and_how_to_follow_or_cancel_it(driver: Driver) -> None:
    cloud = driver.cloudformation
    cloud.status, cloud.changes = "CREATE_COMPLETE", [added("A")]
    cloud.script = [[(STACK, "UPDATE_IN_PROGRESS", "")]]

    driver.slept = _Interrupting()
    with pytest.raises(KeyboardInterrupt):
        driver.deploy()

    assert "CloudFormation goes on with headrace-dev" in driver.voice.text
    cancel = "cancel-update-stack --stack-name headrace-dev --region eu-central-1"
    assert cancel in driver.voice.text
    assert "cloudformation.DeleteStack" not in driver.aws.calls


PASSING = [
    EndpointConnectionError(endpoint_url="https://cloudformation.x"),
    ReadTimeoutError(endpoint_url="https://cloudformation.x"),
    ConnectionClosedError(endpoint_url="https://cloudformation.x"),
    Refusal("Throttling", "Rate exceeded"),
    Refusal("ServiceUnavailable", status=503),
]


@pytest.mark.parametrize("failure", PASSING)
def test_a_failure_that_passes_does_not_end_the_watching(
    driver: Driver, failure: Exception
) -> None:
    cloud = driver.cloudformation
    cloud.changes, cloud.script = [added("A"), added("B")], list(CREATED)
    driver.answer(cloudformation__DescribeStackEvents=Failing(cloud, failure, times=3))

    assert driver.deploy() is not None

    assert driver.voice.counted["Stack"] == (2, 2)
    assert cloud.script == []


@dataclass
class Failing:
    """Events that cannot be read for the first `times` once the change is executed."""

    cloud: CloudFormation
    failure: Exception
    times: int

    def __call__(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.cloud.running and self.times:
            self.times -= 1
            raise self.failure
        return self.cloud.describe_stack_events(asked)


def test_no_answer_for_an_hour_ends_the_watching_with_the_failure(driver: Driver) -> None:
    driver.answer(cloudformation__DescribeStackEvents=refuse("Throttling", "Rate exceeded"))
    now = iter(range(0, 10_000, 600))
    follower = StackFollower(
        driver.aws.client("cloudformation"), STACK_ID, "", driver.slept.append, lambda: next(now)
    )

    with pytest.raises(
        DeploymentError, match=r"for 60 minutes. The last call failed: .*Rate exceeded"
    ):
        list(follower.events())


@pytest.mark.parametrize("code", ["ExpiredToken", "AccessDenied"])
def test_a_failure_that_stays_ends_the_watching_and_says_that_it_goes_on(
    driver: Driver, code: str
) -> None:
    cloud = driver.cloudformation
    cloud.status, cloud.changes = "CREATE_COMPLETE", [added("A")]
    failing = Failing(cloud, Refusal(code), times=100)
    driver.answer(cloudformation__DescribeStackEvents=failing)

    with pytest.raises(ClientError, match=code):
        driver.deploy()

    assert "CloudFormation goes on with headrace-dev" in driver.voice.text
    follow = "aws cloudformation describe-stack-events --stack-name headrace-dev --region"
    assert follow in driver.voice.text
    assert failing.times == 99


class _Interrupting(list[float]):
    """Sleep during which Ctrl-C is pressed."""

    def append(self, seconds: float) -> None:
        raise KeyboardInterrupt


def test_following_ends_after_an_hour_of_silence(driver: Driver) -> None:
    now = iter(range(0, 10_000, 600))
    follower = StackFollower(
        driver.aws.client("cloudformation"), STACK_ID, "", driver.slept.append, lambda: next(now)
    )

    with pytest.raises(DeploymentError, match=r"Nothing has happened .* for 60 minutes"):
        list(follower.events())


def test_an_error_that_nobody_knows_is_passed_on(driver: Driver) -> None:
    driver.answer(cloudformation__CreateChangeSet=refuse("InternalFailure", status=500))

    with pytest.raises(ClientError, match="InternalFailure"):
        driver.deploy()
