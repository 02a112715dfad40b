"""Policies in a template: refused before anything calls, if they cannot be evaluated here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infra.cloudformation.errors import TemplateError
from localcloud.iam import managed_policies
from localcloud.iam.conditions import InvalidPolicy
from localcloud.iam.policy import parse_policy

Properties = Mapping[str, Any]


def role_policies(properties: Properties, logical_id: str) -> dict[str, str]:
    """Return a role's policies, name to text; AWS's own that it names are among them.

    Raises TemplateError for one that the local cloud does not know or cannot evaluate.
    """
    given = properties.get("Policies", [])
    policies = {policy["PolicyName"]: policy["PolicyDocument"] for policy in given}
    try:
        for arn in properties.get("ManagedPolicyArns", []):
            policies[arn.rpartition("/")[2]] = managed_policies.managed_policy(arn)
        for name, document in policies.items():
            parse_policy(document, f"{logical_id}: {name}")
    except InvalidPolicy as error:
        raise TemplateError(str(error)) from error
    return {name: json.dumps(document) for name, document in policies.items()}


def resource_policy(document: Properties, logical_id: str) -> str:
    """Return the text of a resource's policy. Raises TemplateError if it cannot be evaluated."""
    try:
        parse_policy(document, logical_id, of_resource=True)
    except InvalidPolicy as error:
        raise TemplateError(str(error)) from error
    return json.dumps(document)
