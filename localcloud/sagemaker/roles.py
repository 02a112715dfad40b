"""Execution roles of models and jobs: their check, and their credentials for processes.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.iam.credentials import IssueCredentials
from localcloud.iam.service_roles import require_service_role
from localcloud.service import CloudContext

ClientFactory = Callable[[str, str], Any]
"""Returns a client by a service's botocore name and a role's ARN ("" for the administrator)."""

CheckRole = Callable[[str], None]
"""Raises AwsError for a role that does not exist or that SageMaker can't assume."""

PRINCIPAL = "sagemaker.amazonaws.com"
_SESSION_NAME = "SageMaker"


def role_checker(clients: ClientFactory) -> CheckRole:
    """Return a function that checks roles with IAM."""

    def check(role_arn: str) -> None:
        refusal = (
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows "
            f"principal '{PRINCIPAL}' to assume the role."
        )
        require_service_role(clients, role_arn, PRINCIPAL, refusal)

    return check


class RoleEnvironment:
    """Returns the environment variables by which a process calls this cloud with a role."""

    def __init__(self, surroundings: CloudContext, issue: IssueCredentials) -> None:
        self._surroundings = surroundings
        self._issue = issue

    def __call__(self, role_arn: str) -> Mapping[str, str]:
        credentials = self._issue(role_arn, _SESSION_NAME)
        return {
            "AWS_REGION": self._surroundings.region,
            "AWS_DEFAULT_REGION": self._surroundings.region,
            "AWS_ENDPOINT_URL": self._surroundings.endpoint_url,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret,
            **({"AWS_SESSION_TOKEN": credentials.token} if credentials.token else {}),
        }
