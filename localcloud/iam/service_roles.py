"""The roles that services assume for their jobs and models."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from localcloud.errors import AwsError
from localcloud.iam.policy import trusts_service


def require_service_role(
    clients: Callable[[str, str], Any], role_arn: str, principal: str, refusal: str
) -> None:
    """Raise ValidationException for a role that does not exist or that a service can't assume.

    `clients` returns a client by a service's botocore name and a role's ARN, `principal` is the
    service's, and `refusal` is what it says of a role that does not trust it.
    """
    try:
        role = clients("iam", "").get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    except ClientError as error:
        raise AwsError("ValidationException", f"The role {role_arn} does not exist.") from error
    trust = role["AssumeRolePolicyDocument"]
    trust = json.loads(trust) if isinstance(trust, str) else trust
    if role["Arn"] != role_arn or not trusts_service(trust, principal):
        raise AwsError("ValidationException", refusal)
