"""The service roles of Bedrock's jobs.

https://docs.aws.amazon.com/bedrock/latest/userguide/security-iam-sr.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.iam.service_roles import require_service_role

_PRINCIPAL = "bedrock.amazonaws.com"


def check_role(clients: Callable[[str, str], Any], role_arn: str) -> None:
    """Raise ValidationException for a role that does not exist or that Bedrock can't assume.

    `clients` returns a client by a service's botocore name and a role's ARN.
    """
    refusal = (
        f"Amazon Bedrock can't assume the role {role_arn}; its trust policy must let {_PRINCIPAL} "
        "do sts:AssumeRole."
    )
    require_service_role(clients, role_arn, _PRINCIPAL, refusal)
