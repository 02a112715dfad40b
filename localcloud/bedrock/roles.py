"""The service roles of Bedrock's jobs.

https://docs.aws.amazon.com/bedrock/latest/userguide/security-iam-sr.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from localcloud.bedrock.content import validation_error
from localcloud.iam.policy import trusts_service

_PRINCIPAL = "bedrock.amazonaws.com"


def check_role(clients: Callable[[str, str], Any], role_arn: str) -> None:
    """Raise ValidationException for a role that does not exist or that Bedrock can't assume.

    `clients` returns a client by a service's botocore name and a role's ARN.
    """
    try:
        role = clients("iam", "").get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    except ClientError as error:
        raise validation_error(f"The role {role_arn} does not exist.") from error
    trust = role["AssumeRolePolicyDocument"]
    trust = json.loads(trust) if isinstance(trust, str) else trust
    if role["Arn"] != role_arn or not trusts_service(trust, _PRINCIPAL):
        raise validation_error(
            f"Amazon Bedrock can't assume the role {role_arn}; its trust policy must let "
            f"{_PRINCIPAL} do sts:AssumeRole."
        )
