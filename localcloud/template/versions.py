"""Published versions of functions, and aliases that name them, from their CloudFormation types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]


def _version(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = _name(properties["FunctionName"])
    number = shop.lambdas.publish(name, logical_id)
    arn = shop.context.arn("lambda", f"function:{name}:{number}")
    return CreatedResource(arn, {"Version": number, "FunctionArn": arn})


def _alias(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name, alias = _name(properties["FunctionName"]), properties["Name"]
    arn = shop.lambdas.point(name, alias, str(properties["FunctionVersion"]))
    return CreatedResource(arn, {"AliasArn": arn})


def _name(function: str) -> str:
    """Return the name in an ARN, or the name that it is."""
    return function.rpartition(":function:")[2]


TYPES: Mapping[str, ResourceType] = {
    "AWS::Lambda::Version": ResourceType(
        frozenset(),
        _version,
        required=frozenset({"FunctionName"}),
        inert=frozenset({"Description", "CodeSha256"}),
        every_start=True,
    ),
    # Without RoutingConfig and ProvisionedConcurrencyConfig: an alias means one version here.
    "AWS::Lambda::Alias": ResourceType(
        frozenset(),
        _alias,
        required=frozenset({"FunctionName", "FunctionVersion", "Name"}),
        inert=frozenset({"Description"}),
        every_start=True,
    ),
}
