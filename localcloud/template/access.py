"""Roles, log groups and the REST API from their CloudFormation types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from infra.cloudformation.errors import TemplateError
from localcloud.template.policies import role_policies
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]

ROLE = "AWS::IAM::Role"
REST_API = "AWS::ApiGateway::RestApi"
API_FILE = "api.json"
"""Where, in the template's folder, the REST API's swagger is kept for the gateway."""


def _role(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("RoleName") or shop.physical_name(logical_id)
    path = properties.get("Path", "/")
    iam = shop.client("iam")
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    wanted = role_policies(properties, logical_id)
    try:
        made = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)
    except iam.exceptions.EntityAlreadyExistsException:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        _delete_policies(iam, name, wanted)
        made = iam.get_role(RoleName=name)
    for policy, document in wanted.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
    role = made["Role"]
    return CreatedResource(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _delete_policies(iam: Any, role: str, wanted: Mapping[str, str]) -> None:
    """Delete the policies of `role` that are no longer wanted."""
    there = iam.list_role_policies(RoleName=role)["PolicyNames"]
    for name in sorted(set(there) - set(wanted)):
        iam.delete_role_policy(RoleName=role, PolicyName=name)


def _log_group(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("LogGroupName") or shop.physical_name(logical_id)
    logs = shop.client("logs")
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=name)
    if "RetentionInDays" in properties:
        logs.put_retention_policy(
            logGroupName=name, retentionInDays=int(properties["RetentionInDays"])
        )
    else:
        logs.delete_retention_policy(logGroupName=name)
    return CreatedResource(name, {"Arn": shop.context.arn("logs", f"log-group:{name}:*")})


def _rest_api(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    file = shop.context.folder("template") / API_FILE
    file.write_text(json.dumps(properties["Body"]))
    return CreatedResource(logical_id.lower(), {"RootResourceId": "root"})


def _deployed(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    """A deployment: the local gateway serves the API as it is, at once, by its one stage.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-deployment.html
    """
    if "StageName" in properties:
        raise TemplateError(
            f"{logical_id}: StageName makes a stage of its own, {properties['StageName']!r}, with "
            "none of the limits and logs of an AWS::ApiGateway::Stage; name stages by that alone."
        )
    return CreatedResource(logical_id)


TYPES: Mapping[str, ResourceType] = {
    ROLE: ResourceType(
        frozenset(
            {"RoleName", "AssumeRolePolicyDocument", "Policies", "ManagedPolicyArns", "Path"}
        ),
        _role,
        required=frozenset({"AssumeRolePolicyDocument"}),
        inert=frozenset({"Description", "Tags"}),
    ),
    "AWS::Logs::LogGroup": ResourceType(
        frozenset({"LogGroupName", "RetentionInDays"}),
        _log_group,
        inert=frozenset({"KmsKeyId", "Tags"}),
    ),
    REST_API: ResourceType(
        frozenset({"Body"}),
        _rest_api,
        required=frozenset({"Body"}),
        inert=frozenset({"Name", "Description", "EndpointConfiguration", "Parameters", "Tags"}),
        every_start=True,
    ),
    "AWS::ApiGateway::Deployment": ResourceType(
        frozenset({"StageName"}),
        _deployed,
        required=frozenset({"RestApiId"}),
        inert=frozenset({"Description"}),
    ),
}
