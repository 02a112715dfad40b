"""Changes that are refused, taken back or never worked out, and what is left of them."""

from __future__ import annotations

import pytest

from infra.deployment.deployment import DeployOptions
from infra.deployment.failures import DeploymentError
from tests.unit.infra.deployment.aws import refuse
from tests.unit.infra.deployment.cloudformation import STACK, STACK_ID, added
from tests.unit.infra.deployment.driving import Driver


def test_a_template_that_is_refused_leaves_no_change_set_and_no_stack(driver: Driver) -> None:
    driver.cloudformation.refused = "Template error: instance of Fn::GetAtt references nothing"

    with pytest.raises(DeploymentError, match="refuses the change: Template error"):
        driver.deploy()

    assert not driver.cloudformation.has_change_set
    assert driver.cloudformation.status is None


def test_a_change_set_that_is_never_worked_out_is_given_up(driver: Driver) -> None:
    driver.cloudformation.waits = 10_000

    with pytest.raises(DeploymentError, match="ten minutes"):
        driver.deploy()

    assert not driver.cloudformation.has_change_set
    assert sum(driver.slept) == 600


VALIDATED = {
    "EventId": "e",
    "StackId": STACK_ID,
    "EventType": "VALIDATION_ERROR",
    "LogicalResourceId": "DocumentsBucket",
    "ResourceType": "AWS::S3::Bucket",
    "Timestamp": "2026-01-01",
    "ValidationFailureMode": "FAIL",
    "ValidationName": "NAME_CONFLICT_VALIDATION",
    "ValidationStatus": "FAILED",
    "ValidationStatusReason": "Resource of type 'AWS::S3::Bucket' already exists.",
    "ValidationPath": "/Resources/DocumentsBucket/Properties/BucketName",
}


EARLY = "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]."


def test_what_an_early_validation_has_found_is_told_before_it_goes_with_the_change_set(
    driver: Driver,
) -> None:
    cloud = driver.cloudformation
    cloud.refused = EARLY
    cloud.refusals = [
        {**VALIDATED, "EventType": "STACK_EVENT"},
        {**VALIDATED, "LogicalResourceId": "Warned", "ValidationFailureMode": "WARN"},
        {**VALIDATED, "LogicalResourceId": "Skipped", "ValidationStatus": "SKIPPED"},
        VALIDATED,
        {
            "EventId": "h",
            "StackId": STACK_ID,
            "EventType": "HOOK_INVOCATION_ERROR",
            "Timestamp": "2026-01-01",
            "HookType": "Example::Hook::Tags",
            "HookStatusReason": "No owner is named.",
        },
    ]

    with pytest.raises(DeploymentError) as stopped:
        driver.deploy()

    bucket = VALIDATED["ValidationPath"], VALIDATED["ValidationStatusReason"]
    assert str(stopped.value).splitlines() == [
        f"CloudFormation refuses the change: {EARLY}",
        "  DocumentsBucket (AWS::S3::Bucket) at {}: {} [NAME_CONFLICT_VALIDATION]".format(*bucket),
        "  the stack: No owner is named. [Example::Hook::Tags]",
    ]
    assert not cloud.has_change_set


def test_a_refusal_that_may_not_be_read_is_told_as_far_as_it_is_known(driver: Driver) -> None:
    driver.cloudformation.refused = EARLY
    driver.answer(cloudformation__DescribeEvents=refuse("AccessDenied", "not authorized", 403))

    with pytest.raises(
        DeploymentError, match=r"EarlyValidation.*\n.*cannot be read: A permission is"
    ):
        driver.deploy()

    assert not driver.cloudformation.has_change_set


def test_a_dry_run_takes_back_change_set_stack_and_template_and_keeps_the_bucket(
    driver: Driver,
) -> None:
    driver.cloudformation.changes = [added("A")]

    assert driver.deploy(DeployOptions(dry_run=True)) is None

    assert driver.cloudformation.status is None
    assert not driver.cloudformation.has_change_set
    (removed,) = driver.asked("s3.DeleteObjects")
    (put,) = driver.asked("s3.PutObject")
    assert removed["Delete"]["Objects"] == [{"Key": put["Key"]}]
    assert "s3.DeleteBucket" not in driver.aws.calls
    assert "cloudformation.ExecuteChangeSet" not in driver.aws.calls
    bucket = driver.plan().account.artifacts_bucket
    assert f"What stays of it is the bucket {bucket} for the next deployment" in driver.voice.text


def test_nobody_to_answer_leaves_no_change_set_and_no_stack(driver: Driver) -> None:
    driver.cloudformation.changes = [added("A")]
    driver.voice.hangs_up = True

    with pytest.raises(EOFError):
        driver.deploy(DeployOptions())

    assert not driver.cloudformation.has_change_set
    assert driver.cloudformation.status is None


def test_a_deployment_elsewhere_stops_this_one(driver: Driver) -> None:
    driver.cloudformation.changes = [added("A")]
    driver.answer(
        cloudformation__ExecuteChangeSet=refuse("InvalidChangeSetStatus", "It is OBSOLETE.")
    )

    with pytest.raises(DeploymentError, match=r"OBSOLETE. Something else has changed the stack"):
        driver.deploy()


@pytest.mark.parametrize(
    ("change", "loss"),
    [
        (added("Docs", "AWS::S3::Bucket", Action="Remove"), "is removed"),
        (
            added("Docs", "AWS::DynamoDB::Table", Action="Modify", Replacement="True"),
            "is replaced",
        ),
        (
            added(
                "Docs", "AWS::S3Vectors::VectorBucket", Action="Modify", Replacement="Conditional"
            ),
            "may be replaced",
        ),
        (added("Docs", "AWS::KMS::Key", Action="Remove"), "is removed"),
    ],
)
def test_what_would_lose_data_is_refused_unless_it_is_named(
    driver: Driver, change: dict[str, object], loss: str
) -> None:
    cloud = driver.cloudformation
    resource = change["ResourceChange"]
    assert isinstance(resource, dict)
    cloud.status, cloud.changes = "CREATE_COMPLETE", [added("A"), change]
    cloud.script = [[(STACK, "UPDATE_COMPLETE", "")]]

    with pytest.raises(DeploymentError, match=rf"Docs .{loss}.*--allow-data-loss Docs"):
        driver.deploy()
    assert not cloud.has_change_set
    assert "cloudformation.ExecuteChangeSet" not in driver.aws.calls

    assert driver.deploy(DeployOptions(yes=True, allow_data_loss=("Docs",))) is not None


@pytest.mark.parametrize(
    "change",
    [
        added("Docs", "AWS::S3::Bucket", Action="Modify", Replacement="False"),
        added("Docs", "AWS::S3::Bucket"),
        added("Docs", "AWS::SQS::Queue", Action="Modify", Replacement="True"),
        added("Docs", "AWS::Lambda::Function", Action="Remove"),
    ],
)
def test_what_loses_no_data_is_not_asked_about(driver: Driver, change: dict[str, object]) -> None:
    cloud = driver.cloudformation
    cloud.status, cloud.changes = "CREATE_COMPLETE", [change]
    cloud.script = [[(STACK, "UPDATE_COMPLETE", "")]]

    assert driver.deploy() is not None


def test_data_loss_cannot_be_allowed_by_a_name_that_is_not_in_danger(driver: Driver) -> None:
    driver.cloudformation.status = "CREATE_COMPLETE"
    driver.cloudformation.changes = [added("A")]

    with pytest.raises(DeploymentError, match="names Docs, whose data nothing here endangers"):
        driver.deploy(DeployOptions(yes=True, allow_data_loss=("Docs",)))
