"""What is looked at of a package and of the names that it takes, and what is said of it."""

from __future__ import annotations

import copy

import pytest

from infra.deployment.preflight.package_checks import MAX_RESOURCES
from infra.synthesis.snapstart import snap_start
from tests.unit.infra.deployment.aws import ACCOUNT, REGION, fixed
from tests.unit.infra.deployment.driving import Driver, said
from tests.unit.infra.deployment.packages import with_resources


def test_a_package_for_other_processors_or_without_snapshots_is_told(driver: Driver) -> None:
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Runtime": "python3.13", "FunctionName": "f"},
    }
    template = with_resources(EmbedText=function, AskQuestion=function)
    standing = copy.deepcopy(template)
    snap_start(standing, ["EmbedText", "AskQuestion"])
    driver.cloudformation.status = "UPDATE_COMPLETE"
    driver.cloudformation.parameters = {"Architecture": "x86_64"}
    driver.answer(
        cloudformation__ListStackResources=fixed(
            StackResourceSummaries=[
                {
                    "LogicalResourceId": name,
                    "ResourceType": each["Type"],
                    "LastUpdatedTimestamp": "2026-01-01",
                    "ResourceStatus": "CREATE_COMPLETE",
                }
                for name, each in standing["Resources"].items()
            ]
        )
    )

    processors, snapshots = driver.look(driver.wish(template=template))

    assert said([processors, snapshots]) == [
        ("warning", "The package is for arm64, and headrace-dev runs on x86_64"),
        ("warning", "AskQuestion, EmbedText would not start from snapshots any more"),
    ]
    assert processors.fix.startswith("--architecture x86_64;")
    assert snapshots.fix.startswith("--snap-start AskQuestion --snap-start EmbedText;")

    snap_start(template, ["EmbedText", "AskQuestion"])
    assert said(driver.look(driver.wish(template=template))) == said([processors])


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        ("UPDATE_IN_PROGRESS", "cancel-update-stack"),
        ("DELETE_IN_PROGRESS", "Wait"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "Wait"),
        ("ROLLBACK_COMPLETE", "headrace destroy --stage dev"),
        ("DELETE_FAILED", "headrace destroy --stage dev"),
        ("ROLLBACK_FAILED", "headrace destroy --stage dev"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
    ],
)
def test_a_stack_that_cannot_be_deployed_to_is_told_with_the_way_out(
    driver: Driver, status: str, fix: str
) -> None:
    driver.cloudformation.status = status
    driver.answer(cloudformation__ListStackResources=fixed(StackResourceSummaries=[]))

    (found,) = driver.look()

    assert (found.severity, found.what) == ("error", f"The stack headrace-dev is {status}")
    assert fix in found.fix


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]
)
def test_names_that_the_stack_has_itself_are_not_taken(driver: Driver, status: str) -> None:
    driver.cloudformation.status = status
    driver.answer(
        s3__HeadBucket=fixed(),
        dynamodb__DescribeTable=fixed(),
        logs__DescribeLogGroups=fixed(logGroups=[{"logGroupName": "/headrace/dev/functions"}]),
        cloudformation__ListStackResources=fixed(
            StackResourceSummaries=[
                {
                    "LogicalResourceId": name,
                    "PhysicalResourceId": physical,
                    "ResourceType": "T",
                    "LastUpdatedTimestamp": "2026-01-01",
                    "ResourceStatus": "CREATE_COMPLETE",
                }
                for name, physical in (
                    ("DocumentsBucket", f"headrace-dev-documents-{ACCOUNT}-{REGION}"),
                    ("RecordsTable", "headrace-dev-records"),
                    ("FunctionLogs", "/headrace/dev/functions"),
                )
            ]
        ),
    )

    assert driver.look() == []


def test_names_that_something_else_has_are_told_each(driver: Driver) -> None:
    driver.answer(
        s3__HeadBucket=fixed(),
        dynamodb__DescribeTable=fixed(),
        logs__DescribeLogGroups=fixed(logGroups=[{"logGroupName": "/headrace/dev/functions2"}]),
    )

    assert said(driver.look()) == [
        (
            "error",
            f"Bucket headrace-dev-documents-{ACCOUNT}-{REGION} exists and is not of this stack",
        ),
        ("error", "Table headrace-dev-records exists and is not of this stack"),
    ]


def test_a_package_for_elsewhere_is_told(driver: Driver) -> None:
    found = driver.look(driver.wish(stage="prod", region="us-east-1"))

    assert "The package is for the region us-east-1, not eu-central-1" in [f.what for f in found]


def test_a_bundle_or_template_that_was_changed_is_told(driver: Driver) -> None:
    wish = driver.wish()
    (driver.folder / "functions" / "all.zip").write_bytes(b"other")
    template = driver.folder / "template.json"
    template.write_text(template.read_text() + " ")

    assert said(driver.look(wish)) == [
        ("error", f"{driver.folder / name} is not the file that the manifest describes")
        for name in ("functions/all.zip", "template.json")
    ]


def test_a_template_that_is_too_large_or_for_another_python_is_told(driver: Driver) -> None:
    many = {f"Queue{n}": {"Type": "AWS::IAM::Role"} for n in range(MAX_RESOURCES)}
    old = {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.9"}}
    template = with_resources(**many, Old=old)

    found = driver.look(driver.wish(template=template))

    assert said(found) == [
        ("error", f"The template has {MAX_RESOURCES + 4} resources of at most {MAX_RESOURCES}"),
        ("error", "Functions are for python3.9"),
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Unknown": "1"}, "[Unknown] do not exist in the template"),
        ({"MaxFileBytes": "6000"}, "not greater than 5000, not '6000'"),
        ({"MaxFileBytes": "many"}, "must be a number"),
        ({"Stage": "other"}, "--parameter sets Stage"),
    ],
)
def test_a_parameter_that_the_template_does_not_take_is_told_beside_the_rest(
    driver: Driver, given: dict[str, str], message: str
) -> None:
    driver.answer(account__GetRegionOptStatus=fixed(RegionOptStatus="DISABLED"))

    found = driver.look(driver.wish(given))

    assert message in found[0].what
    assert found[-1].what == f"The region {REGION} is disabled"
    assert len(found) == 2
