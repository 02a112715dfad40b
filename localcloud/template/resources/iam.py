"""IAM roles and their policies; a policy that cannot be evaluated here is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from infra.cloudformation.errors import TemplateError
from localcloud.iam import managed_policies
from localcloud.iam.conditions import InvalidPolicy
from localcloud.iam.policy import parse_policy
from localcloud.template.stack import (
    CreatedResource,
    ResourceType,
    StackContext,
    TemplateStack,
)

Properties = Mapping[str, Any]


ROLE = "AWS::IAM::Role"
ROLE_POLICY = "AWS::IAM::RolePolicy"
_log = logging.getLogger(__name__)


def _ensure_role(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("RoleName") or stack.physical_name(logical_id)
    path = properties.get("Path", "/")
    iam = stack.client("iam")
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    policies = role_policies(properties, logical_id)
    try:
        response = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)
    except iam.exceptions.EntityAlreadyExistsException:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        _delete_other_policies(iam, name, policies)
        response = iam.get_role(RoleName=name)
    for policy, document in policies.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
    role = response["Role"]
    return CreatedResource(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _delete_other_policies(iam: Any, role: str, policies: Mapping[str, str]) -> None:
    """Delete the policies of `role` that the template no longer has."""
    existing = iam.list_role_policies(RoleName=role)["PolicyNames"]
    for name in sorted(set(existing) - set(policies)):
        iam.delete_role_policy(RoleName=role, PolicyName=name)


def _ensure_role_policy(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    ((name, document),) = role_policies({"Policies": [properties]}, logical_id).items()
    stack.client("iam").put_role_policy(
        RoleName=properties["RoleName"], PolicyName=name, PolicyDocument=document
    )
    return CreatedResource(logical_id)


def restore_roles(stack: StackContext, applied: TemplateStack) -> None:
    """Give each role of the template exactly the policies and the trust that the template has.

    What is right is left alone, so that a start without damage writes nothing. An update of a
    role deletes the policies that it does not list itself; this puts those of their own back.
    """
    iam = stack.client("iam")
    actual = _read_roles(iam)
    apart: dict[str, dict[str, str]] = {}
    for logical_id, properties in applied.properties(ROLE_POLICY).items():
        documents = role_policies({"Policies": [properties]}, logical_id)
        apart.setdefault(properties["RoleName"], {}).update(documents)
    names = applied.refs(ROLE)
    for logical_id, properties in applied.properties(ROLE).items():
        name = names[logical_id]
        policies = role_policies(properties, logical_id) | apart.get(name, {})
        trust = properties["AssumeRolePolicyDocument"]
        expected = (trust, {each: json.loads(text) for each, text in policies.items()})
        if actual.get(name) == expected:
            continue
        if name in actual:
            _log.warning("the policies of the role %s were changed; the template's apply", name)
        _ensure_role(stack, logical_id, properties)
        for policy, document in apart.get(name, {}).items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)


def _read_roles(iam: Any) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return the trust and the inline policies of every role, by its name."""
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["Role"])
    return {
        role["RoleName"]: (
            role["AssumeRolePolicyDocument"],
            {each["PolicyName"]: each["PolicyDocument"] for each in role["RolePolicyList"]},
        )
        for page in pages
        for role in page["RoleDetailList"]
    }


def role_policies(properties: Properties, logical_id: str) -> dict[str, str]:
    """Return the texts of a role's policies by name, with AWS's managed ones that it names.

    Raises:
        TemplateError: The local cloud does not know a policy, or cannot evaluate it.
    """
    inline = properties.get("Policies", [])
    policies = {policy["PolicyName"]: policy["PolicyDocument"] for policy in inline}
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


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    ROLE: ResourceType(
        frozenset(
            {"RoleName", "AssumeRolePolicyDocument", "Policies", "ManagedPolicyArns", "Path"}
        ),
        _ensure_role,
        required=frozenset({"AssumeRolePolicyDocument"}),
        inert=frozenset({"Description", "Tags"}),
    ),
    ROLE_POLICY: ResourceType(
        frozenset(),
        _ensure_role_policy,
        required=frozenset({"RoleName", "PolicyName", "PolicyDocument"}),
    ),
}
