"""The role that a schedule delivers with: whom it trusts, who may pass it, what it may do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.clients import Clients
from localcloud.composition import run_cloud
from tests.unit.timing import until

ACCOUNT = "000000000000"
GROUP = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group"


def role(service: str, actions: list[str], resource: Any, source: str = "") -> dict[str, Any]:
    """Return a role of the template that a service may assume, perhaps for one group only."""
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": source}}
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        **({"Condition": condition} if source else {}),
    }
    allowed = {"Effect": "Allow", "Action": actions, "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    properties = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [{"PolicyName": "p", "PolicyDocument": policy}],
    }
    return {"Type": "AWS::IAM::Role", "Properties": properties}


SEND = ["sqs:SendMessage"]
SCHEDULER = "scheduler.amazonaws.com"
DEAD = {"Fn::GetAtt": "Dead.Arn"}
RESOURCES = {
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Dead": {"Type": "AWS::SQS::Queue"},
    "Sender": role(SCHEDULER, SEND, "*", f"{GROUP}/default"),
    "OfOtherGroup": role(SCHEDULER, SEND, "*", f"{GROUP}/other"),
    "OfLambda": role("lambda.amazonaws.com", SEND, "*"),
    "Mute": role(SCHEDULER, SEND, DEAD),
    "Caller": role("lambda.amazonaws.com", ["scheduler:CreateSchedule"], "*"),
}
OUTPUTS = {
    name: {"Value": {"Fn::GetAtt": f"{name}.Arn"} if kept else {"Ref": name}}
    for name, kept in ((name, RESOURCES[name]["Type"] == "AWS::IAM::Role") for name in RESOURCES)
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clients, dict[str, str]]]:
    """A cloud with two queues and roles, and the ARNs of the roles."""
    folder: Path = tmp_path_factory.mktemp("roles")
    project = folder / "project"
    project.mkdir()
    template = {"Resources": RESOURCES, "Outputs": OUTPUTS}
    with run_cloud(folder / "data", template, {}, project, 0) as (cloud, outputs):
        yield cloud.client, dict(outputs)


def create(scheduler: Any, name: str, role_arn: str, queue_url: str, **target: Any) -> None:
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn_of(queue_url), "RoleArn": role_arn, "Input": "due", **target},
    )


def arn_of(queue_url: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue_url.rpartition('/')[2]}"


@pytest.mark.parametrize("name", ["OfLambda", "OfOtherGroup", "missing"])
def test_scheduler_must_be_able_to_assume_the_role(
    account: tuple[Clients, dict[str, str]], name: str
) -> None:
    """UserGuide/setting-up.html#setting-up-execution-role, and
    cross-service-confused-deputy-prevention.html: the source is the schedule's group.
    """
    client, made = account
    arn = made.get(name, f"arn:aws:iam::{ACCOUNT}:role/missing")
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume") as told:
        create(client("scheduler"), "refused", arn, made["Queue"])
    assert told.value.response["Error"]["Code"] == "ValidationException"


def test_who_makes_a_schedule_must_be_allowed_to_pass_its_role(
    account: tuple[Clients, dict[str, str]],
) -> None:
    """UserGuide/security_iam_service-with-iam.html: iam:PassRole"""
    client, made = account
    with pytest.raises(ClientError, match="iam:PassRole") as told:
        create(client("scheduler", made["Caller"]), "passed", made["Sender"], made["Queue"])
    assert told.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_role_that_may_not_send_leaves_a_dead_letter(
    account: tuple[Clients, dict[str, str]],
) -> None:
    """UserGuide/configuring-schedule-dlq.html: what is not delivered, and why."""
    client, made = account
    sqs = client("sqs")
    dead = {"DeadLetterConfig": {"Arn": arn_of(made["Dead"])}}
    create(client("scheduler"), "mute", made["Mute"], made["Queue"], **dead)
    create(client("scheduler"), "heard", made["Sender"], made["Queue"], **dead)

    def taken(url: str) -> list[Any]:
        asked = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"], VisibilityTimeout=0
        )
        return list(asked.get("Messages", []))

    until(lambda: taken(made["Dead"]))
    (letter,) = taken(made["Dead"])
    attributes = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert letter["Body"] == "due"
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert attributes["SCHEDULE_ARN"].endswith(":schedule/default/mute")
    until(lambda: taken(made["Queue"]))
    assert [message["Body"] for message in taken(made["Queue"])] == ["due"]
