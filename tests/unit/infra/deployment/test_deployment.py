"""Deployments that go well, fail, are cut off, or must not happen."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
)

from infra.deployment.deployment import DeployOptions
from infra.deployment.failures import DeploymentError, translate_errors
from tests.unit.infra.deployment.aws import fixed, refuse
from tests.unit.infra.deployment.cloudformation import CREATED, STACK, added
from tests.unit.infra.deployment.driving import Driver


def test_a_creation_is_followed_to_its_end_and_tells_its_outputs(driver: Driver) -> None:
    cloud = driver.cloudformation
    cloud.changes, cloud.script, cloud.waits = [added("A"), added("B")], list(CREATED), 2
    cloud.outputs = {"RecordsTableName": "headrace-dev-records"}

    deployed = driver.deploy()

    assert deployed is not None
    assert deployed.outputs == {"RecordsTableName": "headrace-dev-records"}
    assert driver.voice.counted["Stack"] == (2, 2)
    assert cloud.status == "CREATE_COMPLETE"
    (asked,) = driver.asked("cloudformation.CreateChangeSet")
    assert asked["ChangeSetType"] == "CREATE"
    assert asked["OnStackFailure"] == "ROLLBACK"
    assert {"ParameterKey": "Stage", "ParameterValue": "dev"} in asked["Parameters"]
    assert {"Key": "headrace:stage", "Value": "dev"} in asked["Tags"]
    (executed,) = driver.asked("cloudformation.ExecuteChangeSet")
    assert executed["RetainExceptOnCreate"] is True
    assert executed["ClientRequestToken"]


def test_what_the_stage_costs_when_idle_is_said_before_it_is_made(driver: Driver) -> None:
    driver.cloudformation.changes = [added("A")]

    driver.deploy(DeployOptions(dry_run=True))

    idle, bundles = driver.voice.lines[-3:-1]
    assert idle.startswith("Idle, a month costs $0.0000 ($0.0000 before")
    assert bundles.startswith("  bundles in headrace-artifacts-")
    assert bundles.endswith("those of 2 deployments are kept.")


def test_events_are_each_seen_once_however_many_pages_they_fill(driver: Driver) -> None:
    cloud = driver.cloudformation
    names = [f"Queue{n}" for n in range(9)]
    cloud.changes = [added(name) for name in names]
    cloud.script = [
        [(name, "CREATE_COMPLETE", "") for name in names[:5]],
        [(name, "CREATE_COMPLETE", "") for name in names[4:]],
        [(STACK, "CREATE_COMPLETE", "")],
    ]

    driver.deploy()

    assert driver.voice.counted["Stack"] == (9, 9)


def test_an_update_keeps_parameters_that_are_not_given(driver: Driver) -> None:
    cloud = driver.cloudformation
    cloud.status = "UPDATE_COMPLETE"
    cloud.parameters = {
        "Stage": "dev",
        "Architecture": "x86_64",
        "MaxFileBytes": "2000",
        "GoneSinceThen": "1",
    }
    cloud.changes, cloud.script = [added("A")], [[(STACK, "UPDATE_COMPLETE", "")]]

    driver.deploy(ChatModelId="other.model")

    (asked,) = driver.asked("cloudformation.CreateChangeSet")
    assert asked["ChangeSetType"] == "UPDATE"
    assert "OnStackFailure" not in asked
    assert asked["Parameters"] == [
        {"ParameterKey": "Architecture", "ParameterValue": "arm64"},
        {
            "ParameterKey": "ArtifactsBucket",
            "ParameterValue": driver.plan().account.artifacts_bucket,
        },
        {"ParameterKey": "ChatModelId", "ParameterValue": "other.model"},
        {"ParameterKey": "Stage", "ParameterValue": "dev"},
        {"ParameterKey": "MaxFileBytes", "UsePreviousValue": True},
    ]


def test_a_failed_creation_names_what_failed_first_and_not_what_was_cancelled(
    driver: Driver,
) -> None:
    cloud = driver.cloudformation
    cloud.changes = [added("A"), added("B"), added("C")]
    cloud.script = [
        [("B", "CREATE_FAILED", "Resource creation cancelled")],
        [
            ("A", "CREATE_FAILED", "Queue name is taken"),
            ("C", "CREATE_FAILED", "Role cannot be assumed"),
            (STACK, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [A, C]."),
        ],
        [("A", "DELETE_COMPLETE", ""), (STACK, "ROLLBACK_COMPLETE", "")],
    ]

    with pytest.raises(DeploymentError) as stopped:
        driver.deploy()

    assert str(stopped.value).startswith("A (AWS::SQS::Queue): Queue name is taken")
    assert "headrace destroy --stage dev" in str(stopped.value)
    assert "C CREATE_FAILED: Role cannot be assumed" in driver.voice.lines
    assert not any(line.startswith("B ") for line in driver.voice.lines)


def test_a_role_that_is_not_known_yet_is_told_with_the_advice_to_try_again(
    driver: Driver,
) -> None:
    cloud = driver.cloudformation
    cloud.changes = [added("ApiLogsAccount")]
    reason = "The role ARN does not have required permissions configured."
    cloud.script = [
        [("ApiLogsAccount", "CREATE_FAILED", reason)],
        [(STACK, "ROLLBACK_COMPLETE", "")],
    ]

    with pytest.raises(DeploymentError) as stopped:
        driver.deploy()

    why, advice, now = str(stopped.value).splitlines()
    assert why == f"ApiLogsAccount (AWS::ApiGateway::Account): {reason}"
    assert "when it is run again" in advice
    assert "headrace destroy --stage dev --region eu-central-1, and deploy again" in now


def test_a_rollback_that_fails_is_told_with_the_command_that_goes_on(driver: Driver) -> None:
    cloud = driver.cloudformation
    cloud.status, cloud.changes = "CREATE_COMPLETE", [added("A")]
    cloud.script = [[("A", "UPDATE_FAILED", "No"), (STACK, "UPDATE_ROLLBACK_FAILED", "")]]

    with pytest.raises(
        DeploymentError, match="continue-update-rollback --stack-name headrace-dev --reg"
    ):
        driver.deploy()


def test_a_failed_update_is_rolled_back_and_the_stage_stands_as_before(driver: Driver) -> None:
    cloud = driver.cloudformation
    cloud.status, cloud.changes = "CREATE_COMPLETE", [added("A")]
    cloud.script = [
        [(STACK, "UPDATE_IN_PROGRESS", "User Initiated")],
        [("A", "UPDATE_FAILED", "Memory is too small")],
        [(STACK, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed: [A].")],
        [(STACK, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "")],
        [(STACK, "UPDATE_ROLLBACK_COMPLETE", "")],
    ]

    with pytest.raises(
        DeploymentError, match=r"A .AWS::SQS::Queue.: Memory is too small"
    ) as stopped:
        driver.deploy()

    assert "stands as before (UPDATE_ROLLBACK_COMPLETE)" in str(stopped.value)


def test_cleaning_up_is_waited_for(driver: Driver) -> None:
    cloud = driver.cloudformation
    cloud.status, cloud.changes = "CREATE_COMPLETE", [added("A")]
    cloud.script = [
        [("A", "UPDATE_COMPLETE", ""), (STACK, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")],
        [],
        [(STACK, "UPDATE_COMPLETE", "")],
    ]

    assert driver.deploy() is not None

    assert cloud.script == []
    assert len(driver.slept) == 2


def test_an_unchanged_stack_is_left_alone(driver: Driver) -> None:
    cloud = driver.cloudformation
    cloud.status = "CREATE_COMPLETE"
    cloud.refused = (
        "The submitted information didn't contain changes. "
        "Submit different information to create a change set."
    )

    deployed = driver.deploy()

    assert deployed is not None
    assert not deployed.changed
    assert not cloud.has_change_set, "a change set that failed is removed, too"
    assert "cloudformation.ExecuteChangeSet" not in driver.aws.calls


@pytest.mark.parametrize("times", [1, 40])
def test_a_bucket_that_was_just_removed_is_waited_for(driver: Driver, times: int) -> None:
    driver.cloudformation.changes = [added("A")]
    driver.cloudformation.script = list(CREATED)
    aborted = [refuse("OperationAborted", "A conflicting operation is in progress.", 409)] * times
    answers = iter([*aborted, fixed()])
    driver.answer(s3__CreateBucket=lambda asked: next(answers)(asked))

    assert driver.deploy() is not None

    assert len(driver.asked("s3.CreateBucket")) == times + 1
    assert driver.slept[:times] == [15.0] * times
    assert sum("waits up to ten minutes" in line for line in driver.voice.lines) == 1


def test_a_bucket_whose_name_is_never_free_is_given_up_after_ten_minutes(driver: Driver) -> None:
    driver.answer(s3__CreateBucket=refuse("OperationAborted", status=409))

    with pytest.raises(DeploymentError, match="in ten minutes; run the command again"):
        driver.deploy(DeployOptions(dry_run=True))

    assert sum(driver.slept) == 600
    assert "s3.PutObject" not in driver.aws.calls


def test_a_bucket_that_cannot_be_made_for_another_reason_is_not_waited_for(driver: Driver) -> None:
    driver.answer(s3__CreateBucket=refuse("TooManyBuckets"))

    with pytest.raises(ClientError, match="TooManyBuckets"):
        driver.deploy()

    assert driver.slept == []


def test_a_stage_stands_although_old_bundles_cannot_be_removed(driver: Driver) -> None:
    cloud = driver.cloudformation
    cloud.changes, cloud.script = [added("A"), added("B")], list(CREATED)
    driver.answer(s3__ListObjectsV2=refuse("AccessDenied", "not authorized", 403))

    assert driver.deploy() is not None

    assert "warning: Bundles of earlier deployments stay in headrace-artifacts" in driver.voice.text
    assert "not authorized" in driver.voice.text


def test_a_record_that_another_deployment_has_removed_is_skipped(driver: Driver) -> None:
    cloud = driver.cloudformation
    cloud.changes, cloud.script = [added("A"), added("B")], list(CREATED)
    records = [{"Key": f"stages/dev/{n}.json"} for n in range(3)]
    driver.answer(
        s3__ListObjectsV2=lambda asked: {"Contents": records},
        s3__GetObject=refuse("NoSuchKey", status=404),
    )

    assert driver.deploy() is not None

    (removed,) = driver.asked("s3.DeleteObjects")
    assert removed["Delete"]["Objects"] == [{"Key": "stages/dev/0.json"}]
    assert "warning" not in driver.voice.text


def test_expired_credentials_and_throttling_are_told_as_what_they_are(driver: Driver) -> None:
    driver.answer(s3__HeadBucket=refuse("ExpiredToken", "The provided token has expired."))
    with pytest.raises(DeploymentError, match="have expired; sign in again"), translate_errors():
        driver.deploy()

    driver.answer(s3__HeadBucket=refuse("SlowDown", "Please reduce your request rate."))
    with (
        pytest.raises(DeploymentError, match=r"throttled .* run the command again"),
        translate_errors(),
    ):
        driver.deploy()


def test_a_bucket_of_a_stranger_is_not_used(driver: Driver) -> None:
    driver.answer(s3__HeadBucket=refuse("403", "Forbidden", 403))

    with pytest.raises(DeploymentError, match="belongs to another account"):
        driver.deploy()

    assert "s3.PutObject" not in driver.aws.calls
    assert driver.asked("s3.HeadBucket")[0]["ExpectedBucketOwner"] == driver.plan().account.id
