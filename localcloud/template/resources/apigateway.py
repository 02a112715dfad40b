"""The REST API, its deployment and its stage, kept in files for the gateway."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.cloudformation.errors import TemplateError
from localcloud.apigateway.stage import ApiStage
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]


REST_API = "AWS::ApiGateway::RestApi"

API_FILE = "api.json"
"""The file in the template's folder that keeps the swagger of the REST API."""

STAGE_FILE = "stage.json"
"""The file in the template's folder that keeps the properties of the API's stage."""


def read_swagger(folder: Path) -> dict[str, Any]:
    """Read the swagger of the REST API from the template's folder."""
    swagger: dict[str, Any] = json.loads((folder / API_FILE).read_text())
    return swagger


def read_stage(folder: Path) -> ApiStage:
    """Read the stage of the API from the template's folder."""
    return ApiStage.from_properties(json.loads((folder / STAGE_FILE).read_text()))


def _write_rest_api(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    file = stack.cloud.folder("template") / API_FILE
    file.write_text(json.dumps(properties["Body"]))
    return CreatedResource(logical_id.lower(), {"RootResourceId": "root"})


def _check_deployment(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    """Create nothing: the local gateway serves the API as it is, at once, in its one stage.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-deployment.html
    """
    if "StageName" in properties:
        raise TemplateError(
            f"{logical_id}: StageName makes a stage of its own, {properties['StageName']!r}, with "
            "none of the limits and logs of an AWS::ApiGateway::Stage; name stages by that alone."
        )
    return CreatedResource(logical_id)


def _write_stage(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    ApiStage.from_properties(properties)
    (stack.cloud.folder("template") / STAGE_FILE).write_text(json.dumps(properties))
    return CreatedResource(str(properties["StageName"]))


def _ensure_account(
    stack: StackContext, logical_id: str, properties: Mapping[str, Any]
) -> CreatedResource:
    """Create nothing: the local gateway needs no role to write its logs."""
    return CreatedResource(f"{stack.name}-account", {"Id": f"{stack.name}-account"})


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    REST_API: ResourceType(
        frozenset({"Body"}),
        _write_rest_api,
        required=frozenset({"Body"}),
        inert=frozenset({"Name", "Description", "EndpointConfiguration", "Parameters", "Tags"}),
        every_start=True,
    ),
    "AWS::ApiGateway::Deployment": ResourceType(
        frozenset({"StageName"}),
        _check_deployment,
        required=frozenset({"RestApiId"}),
        inert=frozenset({"Description"}),
    ),
    "AWS::ApiGateway::Stage": ResourceType(
        frozenset({"StageName", "MethodSettings", "AccessLogSetting"}),
        _write_stage,
        required=frozenset({"RestApiId", "StageName"}),
        inert=frozenset({"DeploymentId", "TracingEnabled", "Variables", "Tags"}),
        every_start=True,
    ),
    "AWS::ApiGateway::Account": ResourceType(
        frozenset(), _ensure_account, inert=frozenset({"CloudWatchRoleArn"})
    ),
}
