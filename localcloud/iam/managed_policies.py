"""AWS managed policies, as moto's package contains them.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/about-managed-policy-reference.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

from localcloud.iam.conditions import InvalidPolicy

_ARN = "arn:aws:iam::aws:policy"


@cache
def _documents() -> Mapping[str, Mapping[str, Any]]:
    policies = json.loads(aws_managed_policies_data)
    return {f"{_ARN}{each['Path']}{name}": each["Document"] for name, each in policies.items()}


def managed_policy(arn: str) -> Mapping[str, Any]:
    """Return the managed policy with this ARN. Raises InvalidPolicy if there is none."""
    document = _documents().get(arn)
    if document is None:
        raise InvalidPolicy(
            f"The local cloud knows no policy {arn}; only those that AWS manages can be attached."
        )
    return document
