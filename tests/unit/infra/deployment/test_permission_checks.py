"""What is looked at of the permissions of who deploys, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.infra.deployment.aws import ACCOUNT, REGION, fixed
from tests.unit.infra.deployment.driving import Driver


def test_missing_permissions_are_all_named(driver: Driver) -> None:
    refused = {"iam:CreateRole", "s3vectors:CreateVectorBucket"}
    driver.answer(
        iam__SimulatePrincipalPolicy=lambda asked: {
            "EvaluationResults": [
                {
                    "EvalActionName": name,
                    "EvalDecision": "implicitDeny" if name in refused else "allowed",
                }
                for name in asked["ActionNames"]
            ]
        }
    )

    (found,) = driver.look()

    assert found.what == "Not allowed: iam:CreateRole, s3vectors:CreateVectorBucket"
    assert "infra/deployer-policy.json" in found.fix


@pytest.mark.parametrize("beside_the_resource", [True, False])
def test_a_denial_that_lacked_what_a_policy_asks_for_is_a_warning(
    driver: Driver, beside_the_resource: bool
) -> None:
    def simulated(asked: dict[str, Any]) -> dict[str, Any]:
        (name,), (resource,) = asked["ActionNames"], asked["ResourceArns"]
        denied = name in ("iam:CreateRole", "sqs:CreateQueue")
        result: dict[str, Any] = {
            "EvalActionName": name,
            "EvalDecision": "implicitDeny" if denied else "allowed",
        }
        if name == "sqs:CreateQueue" and beside_the_resource:
            result["ResourceSpecificResults"] = [
                {
                    "EvalResourceName": resource,
                    "EvalResourceDecision": "implicitDeny",
                    "MissingContextValues": ["aws:PrincipalTag/team"],
                }
            ]
        elif name == "sqs:CreateQueue":
            result["MissingContextValues"] = ["aws:PrincipalTag/team"]
        return {"EvaluationResults": [result]}

    driver.answer(iam__SimulatePrincipalPolicy=simulated)

    sure, perhaps = driver.look()

    assert (sure.severity, sure.what) == ("error", "Not allowed: iam:CreateRole")
    assert (perhaps.severity, perhaps.what) == ("warning", "Perhaps not allowed: sqs:CreateQueue")
    assert "aws:PrincipalTag/team" in perhaps.why


def test_every_simulation_says_where_and_by_whom_the_call_is_made(driver: Driver) -> None:
    driver.look()

    contexts = {
        each["ActionNames"][0]: {
            entry["ContextKeyName"]: entry["ContextKeyValues"] for entry in each["ContextEntries"]
        }
        for each in driver.asked("iam.SimulatePrincipalPolicy")
    }
    assert contexts["sqs:CreateQueue"]["aws:RequestedRegion"] == [REGION]
    assert contexts["iam:CreateRole"]["aws:RequestedRegion"] == ["us-east-1"]
    assert contexts["iam:CreateServiceLinkedRole"]["iam:AWSServiceName"] == [
        "ops.apigateway.amazonaws.com"
    ]
    direct = {action for action, context in contexts.items() if "aws:CalledVia" not in context}
    assert direct == {
        "cloudformation:CreateChangeSet",
        "cloudformation:ExecuteChangeSet",
        "s3:PutObject",
    }


def test_a_role_is_asked_for_by_its_arn_and_the_root_not_at_all(driver: Driver) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/sso/Deployer"
    driver.answer(
        sts__GetCallerIdentity=fixed(
            Account=ACCOUNT, Arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/me", UserId="A"
        ),
        iam__GetRole=lambda asked: {
            "Role": {
                "Path": "/sso/",
                "RoleName": asked["RoleName"],
                "RoleId": "A" * 16,
                "Arn": role,
                "CreateDate": "2026-01-01",
            }
        },
    )
    assert driver.look() == []
    assert {each["PolicySourceArn"] for each in driver.asked("iam.SimulatePrincipalPolicy")} == {
        role
    }

    driver = Driver(driver.folder)
    driver.answer(
        sts__GetCallerIdentity=fixed(
            Account=ACCOUNT, Arn=f"arn:aws:iam::{ACCOUNT}:root", UserId="A"
        )
    )
    assert driver.look() == []
    assert driver.asked("iam.SimulatePrincipalPolicy") == []
