"""The optional key: everything that can be under it is, and its policy lets each service use it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.iam.conditions import wildcard
from tests.architecture.templates import plain

DATA_KEY = {"kms:Decrypt", "kms:GenerateDataKey"}
"""What whoever writes encrypted data needs, by AWS's pages on SQS, SNS and EventBridge."""

EXISTING_DATA = {"kms:Decrypt"}
"""What a service needs that reads what is encrypted already."""

WHOLE = {
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:GenerateDataKey",
    "kms:DescribeKey",
}
"""What CloudWatch Logs and DynamoDB need, which use the key as long as there is data.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

SERVICES: dict[str, dict[str, set[str]]] = {
    "AWS::DynamoDB::Table": {"dynamodb.${AWS::Region}.amazonaws.com": WHOLE},
    "AWS::Logs::LogGroup": {"logs.${AWS::Region}.amazonaws.com": WHOLE},
    "AWS::S3::Bucket": {"s3.${AWS::Region}.amazonaws.com": DATA_KEY},
    "AWS::S3Vectors::VectorBucket": {
        "s3vectors.${AWS::Region}.amazonaws.com": DATA_KEY,
        "indexing.s3vectors.amazonaws.com": EXISTING_DATA,
    },
    "AWS::SNS::Topic": {"cloudwatch.amazonaws.com": DATA_KEY},
    "AWS::SQS::Queue": {
        "sqs.${AWS::Region}.amazonaws.com": DATA_KEY,
        "events.amazonaws.com": DATA_KEY,
    },
}
"""What holds data, and which service has to use the key for it with which actions.

A service either acts in its own name, or roles act through it.
"""

OWN_ACCOUNT = {"cloudwatch.amazonaws.com", "indexing.s3vectors.amazonaws.com"}
"""The services of which AWS documents that they tell whose resource they act for."""


def resources() -> dict[str, Any]:
    found: dict[str, Any] = plain("prod")["Resources"]
    return found


def statements() -> dict[str, Any]:
    policy = resources()["StageKey"]["Properties"]["KeyPolicy"]
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_whatever_holds_data_should_be_under_the_key() -> None:
    under = {
        name
        for name, resource in resources().items()
        if '"StageKey"' in json.dumps(resource["Properties"]) and name != "StageKeyAlias"
    }
    assert under == {name for name, each in resources().items() if each["Type"] in SERVICES}


def texts(value: Any) -> list[str]:
    """Return what a policy writes as one value or as a list, references as they are written."""
    return [
        str(next(iter(each.values()))) if isinstance(each, dict) else str(each)
        for each in (value if isinstance(value, list) else [value])
    ]


def users(statement: dict[str, Any]) -> set[str]:
    """Return the services that a statement lets use the key, in their own name or as a way."""
    own = statement["Principal"].get("Service", [])
    through = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", [])
    return {*texts(own), *texts(through)}


def allowed(service: str) -> list[str]:
    """Return the patterns of actions that the key's policy allows to or through `service`."""
    return [
        action
        for statement in statements().values()
        if statement["Effect"] == "Allow" and service in users(statement)
        for action in texts(statement["Action"])
    ]


@pytest.mark.parametrize("kind", SERVICES)
def test_the_key_should_let_each_service_that_holds_data_use_it(kind: str) -> None:
    for service, needed in SERVICES[kind].items():
        missing = {
            action
            for action in needed
            if not any(wildcard(pattern).fullmatch(action) for pattern in allowed(service))
        }
        assert missing == set(), service


def test_a_deployer_should_not_wait_for_the_tag_of_a_new_key() -> None:
    """Rights by a tag take up to five minutes, and the stack goes on at once.

    https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html
    """
    statement = statements()["CloudFormation"]
    assert {"kms:CreateAlias", "kms:CreateGrant", "kms:DescribeKey", "kms:EnableKeyRotation"} < set(
        statement["Action"]
    )
    assert statement["Condition"] == {
        "StringEquals": {"kms:CallerAccount": {"Ref": "AWS::AccountId"}},
        "ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"},
    }
    assert not {"kms:*", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"} & set(statement["Action"])


def test_the_key_should_let_no_other_service_use_it() -> None:
    known = {service for services in SERVICES.values() for service in services}
    assert {user for each in statements().values() for user in users(each)} == known


def test_a_service_should_use_the_key_for_this_account_alone_where_it_tells_for_whom() -> None:
    for statement in statements().values():
        for service in OWN_ACCOUNT & users(statement):
            condition = statement["Condition"]
            assert condition["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
            (source,) = texts(condition["ArnLike"]["aws:SourceArn"])
            assert "${AWS::AccountId}:" in source, service
            assert "headrace-${Stage}-*" in source, service


def test_every_alarm_should_be_within_what_the_key_allows() -> None:
    (pattern,) = texts(statements()["Alarms"]["Condition"]["ArnLike"]["aws:SourceArn"])
    prefix = pattern.partition(":alarm:")[2].rstrip("*")
    names = [
        resource["Properties"]["AlarmName"]["Fn::Sub"]
        for resource in resources().values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert names
    assert [name for name in names if not name.startswith(prefix)] == []


def test_the_logs_of_every_group_should_be_within_what_the_key_allows() -> None:
    allowed = [
        each["Fn::Sub"].partition(":log-group:")[2]
        for each in statements()["Logs"]["Condition"]["ArnLike"][
            "kms:EncryptionContext:aws:logs:arn"
        ]
    ]
    for resource in resources().values():
        if resource["Type"] == "AWS::Logs::LogGroup":
            name = resource["Properties"]["LogGroupName"]["Fn::Sub"]
            assert any(name.startswith(each.rstrip("*")) for each in allowed), name


def test_roles_should_use_the_key_only_as_roles_of_the_stack_and_through_services() -> None:
    statement = statements()["RolesThroughServices"]
    assert statement["Principal"] == {"AWS": "*"}
    condition = statement["Condition"]
    (role,) = condition["ArnLike"].values()
    assert role["Fn::Sub"].endswith(":role/${AWS::StackName}-*")
    assert condition["StringEquals"]["kms:CallerAccount"] == {"Ref": "AWS::AccountId"}
    assert condition["StringEquals"]["kms:ViaService"]
    assert "kms:CreateGrant" not in statement["Action"]
