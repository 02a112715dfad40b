"""API Gateway's role for logs: offered, made, and tried until IAM has made it known.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deployment.failures import DeploymentError
from infra.deployment.log_role import TRIES, WAIT_SECONDS, make_log_role
from infra.deployment.preflight.run import require_preflight
from tests.architecture.templates import plain
from tests.unit.infra.deployment.aws import ACCOUNT, REGION, Answer, Refusal, fixed, refuse
from tests.unit.infra.deployment.driving import Driver
from tests.unit.infra.deployment.packages import SMALL
from tests.unit.infra.deployment.policy import Need, is_granted

ROLE = f"arn:aws:iam::{ACCOUNT}:role/headrace-api-logs-{REGION}"
UNKNOWN = "The role ARN does not have required permissions configured."
LOGGED = {
    **SMALL,
    "Resources": {
        **SMALL["Resources"],
        "Api": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"AccessLogSetting": {"Format": ""}},
        },
    },
}


def answers(refusals: int, refusal: Refusal | None = None) -> dict[str, Answer]:
    left = iter([True] * refusals)

    def update(asked: dict[str, Any]) -> Mapping[str, Any]:
        if next(left, False):
            raise refusal or Refusal("BadRequestException", UNKNOWN)
        return {"cloudwatchRoleArn": ROLE}

    role = {"RoleName": "r", "RoleId": "AROA0123456789ABCDEF", "Path": "/"}
    made = {**role, "Arn": ROLE, "CreateDate": "2026-01-01"}
    return {
        "iam.CreateRole": fixed(Role=made),
        "iam.PutRolePolicy": fixed(),
        "apigateway.UpdateAccount": update,
    }


def test_a_role_is_offered_made_and_tried_until_it_is_known(driver: Driver) -> None:
    driver.aws.answers |= answers(refusals=3)

    require_preflight(
        driver.aws.client,
        driver.wish(template=LOGGED),
        driver.voice,
        offers=True,
        sleep=driver.slept.append,
    )

    assert "Make one now, for every API of the account in this region?" in driver.voice.text
    assert driver.slept == [WAIT_SECONDS] * 3
    (made,) = driver.asked("iam.CreateRole")
    assert made["RoleName"] == f"headrace-api-logs-{REGION}"
    assert "apigateway.amazonaws.com" in made["AssumeRolePolicyDocument"]
    (changed,) = driver.asked("apigateway.UpdateAccount")[-1]["patchOperations"]
    assert changed == {"op": "replace", "path": "/cloudwatchRoleArn", "value": ROLE}


def test_nothing_is_made_where_it_is_declined_or_not_offered(driver: Driver) -> None:
    driver.voice.yes = False
    for offers in (True, False):
        with pytest.raises(DeploymentError, match="1 of these has to be mended first"):
            require_preflight(
                driver.aws.client, driver.wish(template=LOGGED), driver.voice, offers=offers
            )
    assert driver.voice.text.count("Make one now") == 1
    assert driver.asked("iam.CreateRole") == []


def test_trying_ends_and_says_so(driver: Driver) -> None:
    driver.aws.answers |= answers(refusals=TRIES)
    with pytest.raises(DeploymentError, match=rf"after {TRIES} tries.*run the command again later"):
        make_log_role(driver.plan().account, driver.voice, driver.slept.append)
    assert len(driver.slept) == TRIES - 1


def test_a_role_of_an_earlier_try_is_used_and_another_refusal_is_told(driver: Driver) -> None:
    account = driver.plan().account
    driver.aws.answers |= answers(0) | {"iam.CreateRole": refuse("EntityAlreadyExists", status=409)}
    assert make_log_role(account, driver.voice, driver.slept.append) == ROLE
    driver.aws.answers |= answers(1, Refusal("BadRequestException", "Invalid patch path"))
    with pytest.raises(ClientError, match="Invalid patch path"):
        make_log_role(account, driver.voice, driver.slept.append)
    assert driver.slept == []


def test_the_role_may_what_that_of_the_template_may(driver: Driver) -> None:
    driver.aws.answers |= answers(0)
    make_log_role(driver.plan().account, driver.voice, driver.slept.append)
    document = json.loads(driver.asked("iam.PutRolePolicy")[0]["PolicyDocument"])
    (policy,) = plain("dev")["Resources"]["ApiLogsWriter"]["Properties"]["Policies"]
    (wanted,) = policy["PolicyDocument"]["Statement"]
    assert document["Statement"][0]["Action"] == wanted["Action"]


def test_a_deployer_may_make_it() -> None:
    passed = {"iam:PassedToService": ("apigateway.amazonaws.com",)}
    for need in (
        Need("iam:CreateRole", ROLE),
        Need("iam:PutRolePolicy", ROLE),
        Need("iam:PassRole", ROLE, passed),
        Need("apigateway:PATCH", f"arn:aws:apigateway:{REGION}::/account"),
    ):
        assert is_granted(need), need
