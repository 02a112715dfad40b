"""Who rolls back cannot promote: the policies say it, whatever the code does."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.adapters.records.writes import stop_pk, tenant_pk
from infra.cloudformation.intrinsics import TemplateScope
from localcloud.iam.policy import AccessRequest, PolicyDocument, evaluate, parse_policy
from tests.architecture.templates import plain

PLACE = {"AWS::Region": "eu-west-1", "AWS::AccountId": "1" * 12, "AWS::Partition": "aws"}
TABLE = "arn:aws:dynamodb:eu-west-1:111111111111:table/records"
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
OTHERS = (
    "lambda:InvokeFunction",
    "states:SendTaskSuccess",
    "states:StartExecution",
    "s3:PutObject",
)


def role(name: str) -> list[PolicyDocument]:
    """Return the policies of a role, but for the logs and traces that every function writes."""
    template = plain("prod")
    scope = TemplateScope(template, {"Stage": "prod"}, PLACE)
    for resource in template["Resources"]:
        scope.add_resource(
            resource, TABLE if resource == "RecordsTable" else resource, {"Arn": TABLE}
        )
    policies: list[Any] = template["Resources"][name]["Properties"]["Policies"]
    documents = [scope.resolve(each)["PolicyDocument"] for each in policies]
    return [parse_policy(each, name) for each in documents]


def may(policies: list[PolicyDocument], action: str, pk: str = "") -> bool:
    context = {"dynamodb:leadingkeys": (pk,)} if pk else {}
    request = AccessRequest(action, TABLE, (("AWS", "role"),), context, "1" * 12)
    return evaluate(request, policies).allowed


def test_who_stops_should_write_stops_and_nothing_else() -> None:
    policies = role("StopRolloutRole")
    assert may(policies, "dynamodb:PutItem", stop_pk("acme"))
    for pk in (tenant_pk("acme"), "ANSWER#acme", "JOBS", "STOPS"):
        assert not any(may(policies, f"dynamodb:{write}", pk) for write in WRITES), pk
    removals = ("UpdateItem", "DeleteItem", "BatchWriteItem")
    assert not any(may(policies, f"dynamodb:{write}", stop_pk("acme")) for write in removals)


@pytest.mark.parametrize("action", OTHERS)
def test_who_stops_should_do_nothing_beside(action: str) -> None:
    assert not may(role("StopRolloutRole"), action)


def test_who_advances_should_promote() -> None:
    policies = role("AdvanceRolloutRole")
    assert all(may(policies, f"dynamodb:{each}", tenant_pk("acme")) for each in WRITES[:3])
    assert not may(policies, "lambda:InvokeFunction"), "it asks no model"
