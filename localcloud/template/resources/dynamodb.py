"""DynamoDB tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.cloudformation.errors import TemplateError
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]

_TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
    "DeletionProtectionEnabled",
)

_FIXED_INDEX_PROPERTIES = ("KeySchema", "Projection")
"""Properties of an index that cannot change; with another value it is created again."""


def _ensure_table(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("TableName") or stack.physical_name(logical_id)
    dynamodb = stack.client("dynamodb")
    settings = {key: properties[key] for key in _TABLE_PROPERTIES if key in properties}
    try:
        dynamodb.create_table(TableName=name, **settings)
    except dynamodb.exceptions.ResourceInUseException:
        _update_table(dynamodb, dynamodb.describe_table(TableName=name)["Table"], properties)
    _set_time_to_live(dynamodb, name, properties.get("TimeToLiveSpecification"))
    recovery = properties.get("PointInTimeRecoverySpecification")
    dynamodb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification=dict(recovery or {"PointInTimeRecoveryEnabled": False}),
    )
    return CreatedResource(name, {"Arn": stack.cloud.arn("dynamodb", f"table/{name}")})


def _update_table(dynamodb: Any, table: Properties, properties: Properties) -> None:
    """Update an existing table. Raises TemplateError for a property that cannot change."""
    name = table["TableName"]
    fixed = {"keys": (table["KeySchema"], properties["KeySchema"])}
    fixed["local indexes"] = (
        _indexes(table.get("LocalSecondaryIndexes")),
        _indexes(properties.get("LocalSecondaryIndexes")),
    )
    for what, (existing, wanted) in fixed.items():
        if existing != wanted:
            raise TemplateError(
                f"Table {name} exists with other {what}, which cannot be changed. "
                "Name the table anew, or delete the data directory."
            )
    change: dict[str, Any] = {
        "BillingMode": properties.get("BillingMode", "PROVISIONED"),
        "DeletionProtectionEnabled": properties.get("DeletionProtectionEnabled", False),
    }
    if "ProvisionedThroughput" in properties:
        change["ProvisionedThroughput"] = properties["ProvisionedThroughput"]
    dynamodb.update_table(TableName=name, **change)
    _update_indexes(dynamodb, table, properties)


def _indexes(listed: list[Properties] | None) -> dict[str, dict[str, Any]]:
    return {
        index["IndexName"]: {key: index[key] for key in _FIXED_INDEX_PROPERTIES}
        for index in listed or []
    }


def _update_indexes(dynamodb: Any, table: Properties, properties: Properties) -> None:
    existing = _indexes(table.get("GlobalSecondaryIndexes"))
    listed = properties.get("GlobalSecondaryIndexes", [])
    wanted = _indexes(listed)
    deleted = [
        {"Delete": {"IndexName": n}} for n in sorted(existing) if existing[n] != wanted.get(n)
    ]
    new = [
        {"Create": dict(i)}
        for i in listed
        if existing.get(i["IndexName"]) != wanted[i["IndexName"]]
    ]
    for update in [*deleted, *new]:  # AWS takes one change a call
        dynamodb.update_table(
            TableName=table["TableName"],
            AttributeDefinitions=properties["AttributeDefinitions"],
            GlobalSecondaryIndexUpdates=[update],
        )


def _set_time_to_live(dynamodb: Any, name: str, wanted: Properties | None) -> None:
    current = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    enabled = current.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    old = current.get("AttributeName") if enabled else None
    new = wanted["AttributeName"] if wanted and wanted["Enabled"] else None
    if old and old != new:
        _switch_time_to_live(dynamodb, name, old, enabled=False)
    if new and new != old:
        _switch_time_to_live(dynamodb, name, new, enabled=True)


def _switch_time_to_live(dynamodb: Any, name: str, attribute: str, *, enabled: bool) -> None:
    dynamodb.update_time_to_live(
        TableName=name,
        TimeToLiveSpecification={"AttributeName": attribute, "Enabled": enabled},
    )


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "AWS::DynamoDB::Table": ResourceType(
        frozenset(
            {
                "TableName",
                *_TABLE_PROPERTIES,
                "TimeToLiveSpecification",
                "PointInTimeRecoverySpecification",
            }
        ),
        _ensure_table,
        required=frozenset({"KeySchema", "AttributeDefinitions"}),
        inert=frozenset({"SSESpecification", "Tags"}),
    ),
}
