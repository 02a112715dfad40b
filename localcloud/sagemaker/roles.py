"""The execution role of a model or a job: it has to be there, SageMaker must be let to assume it,
and what runs as it is given its keys.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from localcloud.iam.credentials import IssueCredentials
from localcloud.sagemaker.refusals import invalid
from localcloud.service import CloudContext

Clients = Callable[[str, str], Any]
"""Given a service's botocore name and a role's ARN, "" for the administrator, returns a client."""

CheckRole = Callable[[str], None]
"""Raises AwsError for a role that cannot be used."""

PRINCIPAL = "sagemaker.amazonaws.com"
_SESSION = "SageMaker"


def checker(clients: Clients) -> CheckRole:
    """Return what checks roles by asking IAM."""

    def check(role_arn: str) -> None:
        try:
            role = clients("iam", "").get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
        except ClientError as error:
            raise invalid(f"The role {role_arn} does not exist.") from error
        trust = role["AssumeRolePolicyDocument"]
        trust = json.loads(trust) if isinstance(trust, str) else trust
        if role["Arn"] != role_arn or not trusts(trust):
            raise invalid(
                f"Could not assume role {role_arn}. Please ensure that the role exists and allows "
                f"principal '{PRINCIPAL}' to assume the role."
            )

    return check


def trusts(document: Mapping[str, Any]) -> bool:
    """Tell whether a trust policy lets SageMaker assume the role."""
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        services = services if isinstance(services, list) else [services]
        if statement.get("Effect") == "Allow" and PRINCIPAL in services:
            return True
    return False


class RoleVariables:
    """The variables by which a container calls this cloud as a role."""

    def __init__(self, surroundings: CloudContext, issue: IssueCredentials) -> None:
        self._surroundings = surroundings
        self._issue = issue

    def __call__(self, role_arn: str) -> Mapping[str, str]:
        credentials = self._issue(role_arn, _SESSION)
        return {
            "AWS_REGION": self._surroundings.region,
            "AWS_DEFAULT_REGION": self._surroundings.region,
            "AWS_ENDPOINT_URL": self._surroundings.endpoint_url,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret,
            **({"AWS_SESSION_TOKEN": credentials.token} if credentials.token else {}),
        }
