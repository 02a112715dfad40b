"""Roles, log groups and the REST API from their CloudFormation types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.template.stack import Created, ResourceType, Workshop

Properties = Mapping[str, Any]

API_FILE = "api.json"
"""Where, in the template's folder, the REST API's swagger is kept for the gateway."""


def _role(shop: Workshop, logical_id: str, properties: Properties) -> Created:
    name = properties.get("RoleName") or shop.physical_name(logical_id)
    iam = shop.client("iam")
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    try:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    except iam.exceptions.EntityAlreadyExistsException:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    for policy in properties.get("Policies", []):
        iam.put_role_policy(
            RoleName=name,
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )
    return Created(name, {"Arn": f"arn:aws:iam::{shop.surroundings.account_id}:role/{name}"})


def _log_group(shop: Workshop, logical_id: str, properties: Properties) -> Created:
    name = properties.get("LogGroupName") or shop.physical_name(logical_id)
    logs = shop.client("logs")
    try:
        logs.create_log_group(logGroupName=name)
    except logs.exceptions.ResourceAlreadyExistsException:
        logs.describe_log_groups(logGroupNamePrefix=name)
    if "RetentionInDays" in properties:
        logs.put_retention_policy(
            logGroupName=name, retentionInDays=int(properties["RetentionInDays"])
        )
    return Created(name, {"Arn": shop.surroundings.arn("logs", f"log-group:{name}:*")})


def _rest_api(shop: Workshop, logical_id: str, properties: Properties) -> Created:
    file = shop.surroundings.folder("template") / API_FILE
    file.write_text(json.dumps(properties["Body"]))
    return Created(logical_id.lower(), {"RootResourceId": "root"})


def _deployed(shop: Workshop, logical_id: str, properties: Properties) -> Created:
    """A deployment or a stage: the local gateway serves the API as it is, at once."""
    return Created(properties.get("StageName") or logical_id)


TYPES: Mapping[str, ResourceType] = {
    "AWS::IAM::Role": ResourceType(
        frozenset(
            {
                "RoleName",
                "AssumeRolePolicyDocument",
                "Policies",
                "ManagedPolicyArns",
                "Description",
                "Path",
                "Tags",
            }
        ),
        _role,
    ),
    "AWS::Logs::LogGroup": ResourceType(
        frozenset({"LogGroupName", "RetentionInDays", "Tags"}), _log_group
    ),
    "AWS::ApiGateway::RestApi": ResourceType(
        frozenset({"Body", "Name", "Description", "EndpointConfiguration", "Parameters", "Tags"}),
        _rest_api,
        every_start=True,
    ),
    "AWS::ApiGateway::Deployment": ResourceType(
        frozenset({"Description", "RestApiId", "StageName"}), _deployed
    ),
    "AWS::ApiGateway::Stage": ResourceType(
        frozenset({"DeploymentId", "RestApiId", "StageName", "TracingEnabled", "Variables"}),
        _deployed,
    ),
}
