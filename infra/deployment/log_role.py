"""API Gateway's role for logs: one for an account and region, made where the operator agrees.

A new role takes seconds until all of AWS knows it, and API Gateway tries it at once. CloudFormation
asks once, and rolls back a stack whose `AWS::ApiGateway::Account` fails; here it is asked again.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment.account import Account
from infra.deployment.console import Console
from infra.deployment.failures import DeploymentError, code_of, message_of

WAIT_SECONDS = 20.0
"""Between tries: API Gateway takes one change of the account in 20 s.

https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""
TRIES = 9
"""Three minutes in all."""

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
_ACTIONS = (
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:PutLogEvents",
)


def make_log_role(account: Account, voice: Console, sleep: Callable[[float], None]) -> str:
    """Make the role, have API Gateway use it, and return its ARN.

    A role of this name that an earlier try left is used again.

    Raises:
        DeploymentError: API Gateway does not take the role in three minutes.
    """
    name = f"headrace-api-logs-{account.region}"
    arn = _make_role(account, name)
    gateway = account.client("apigateway")
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}
    for attempt in range(1, TRIES + 1):
        try:
            gateway.update_account(patchOperations=[change])
        except ClientError as refused:
            if not _is_unknown_yet(refused):
                raise
            if attempt == TRIES:
                raise DeploymentError(
                    f"API Gateway does not take the role {arn} after {TRIES} tries: "
                    f"{message_of(refused)} It stays; run the command again later."
                ) from refused
        else:
            voice.line(f"API Gateway writes logs with {arn}.")
            return arn
        if attempt == 1:
            voice.line("IAM makes the new role known; this waits up to three minutes for it.")
        sleep(WAIT_SECONDS)
    raise AssertionError("unreachable: the last try returns or raises")


def _make_role(account: Account, name: str) -> str:
    iam: Any = account.client("iam")
    try:
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(_TRUST),
            Description="Logs of every REST API of the account in this region",
        )
    except ClientError as error:
        if code_of(error) != "EntityAlreadyExists":
            raise
    where = f"arn:{account.partition}:logs:{account.region}:{account.id}:*"
    statement = {"Effect": "Allow", "Action": list(_ACTIONS), "Resource": where}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(
        RoleName=name, PolicyName="WriteLogsOfApis", PolicyDocument=json.dumps(document)
    )
    return f"arn:{account.partition}:iam::{account.id}:role/{name}"


def _is_unknown_yet(refused: ClientError) -> bool:
    """Return whether a refusal is what API Gateway says of a role that it does not see yet."""
    return code_of(refused) == "TooManyRequestsException" or (
        code_of(refused) == "BadRequestException" and "role ARN" in message_of(refused)
    )
