"""The stage of a REST API, and what an account lets API Gateway do, from CloudFormation's types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.apigateway.stage import Stage
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

STAGE_FILE = "stage.json"
"""Where, in the template's folder, the properties of the API's stage are kept for the gateway."""


def read_stage(folder: Path) -> Stage:
    """Return the stage that is kept in the template's `folder`."""
    return Stage.of(json.loads((folder / STAGE_FILE).read_text()))


def _stage(shop: StackContext, logical_id: str, properties: Mapping[str, Any]) -> CreatedResource:
    Stage.of(properties)
    (shop.context.folder("template") / STAGE_FILE).write_text(json.dumps(properties))
    return CreatedResource(str(properties["StageName"]))


def _account(shop: StackContext, logical_id: str, properties: Mapping[str, Any]) -> CreatedResource:
    """A role for logs: the local gateway writes them as itself."""
    return CreatedResource(f"{shop.name}-account", {"Id": f"{shop.name}-account"})


TYPES: Mapping[str, ResourceType] = {
    "AWS::ApiGateway::Stage": ResourceType(
        frozenset({"StageName", "MethodSettings", "AccessLogSetting"}),
        _stage,
        required=frozenset({"RestApiId", "StageName"}),
        inert=frozenset({"DeploymentId", "TracingEnabled", "Variables", "Tags"}),
        every_start=True,
    ),
    "AWS::ApiGateway::Account": ResourceType(
        frozenset(), _account, inert=frozenset({"CloudWatchRoleArn"})
    ),
}
