"""DynamoDB tables from their CloudFormation type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.cloudformation.errors import TemplateError
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]

_SETTINGS = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
    "DeletionProtectionEnabled",
)
_FIXED = ("KeySchema", "Projection")
"""What cannot be changed of an index; with another value it has to be made anew."""


def _table(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("TableName") or shop.physical_name(logical_id)
    dynamodb = shop.client("dynamodb")
    settings = {key: properties[key] for key in _SETTINGS if key in properties}
    try:
        dynamodb.create_table(TableName=name, **settings)
    except dynamodb.exceptions.ResourceInUseException:
        _change(dynamodb, dynamodb.describe_table(TableName=name)["Table"], properties)
    _expire(dynamodb, name, properties.get("TimeToLiveSpecification"))
    recovery = properties.get("PointInTimeRecoverySpecification")
    dynamodb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification=dict(recovery or {"PointInTimeRecoveryEnabled": False}),
    )
    return CreatedResource(name, {"Arn": shop.context.arn("dynamodb", f"table/{name}")})


def _change(dynamodb: Any, table: Properties, properties: Properties) -> None:
    """Bring a table that is there into line. Raises TemplateError for what is fixed."""
    name = table["TableName"]
    keys = {"keys": (table["KeySchema"], properties["KeySchema"])}
    keys["local indexes"] = (
        _indexes(table.get("LocalSecondaryIndexes")),
        _indexes(properties.get("LocalSecondaryIndexes")),
    )
    for what, (there, wanted) in keys.items():
        if there != wanted:
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
    _change_indexes(dynamodb, table, properties)


def _indexes(listed: list[Properties] | None) -> dict[str, dict[str, Any]]:
    return {each["IndexName"]: {key: each[key] for key in _FIXED} for each in listed or []}


def _change_indexes(dynamodb: Any, table: Properties, properties: Properties) -> None:
    there = _indexes(table.get("GlobalSecondaryIndexes"))
    listed = properties.get("GlobalSecondaryIndexes", [])
    wanted = _indexes(listed)
    gone = [{"Delete": {"IndexName": n}} for n in sorted(there) if there[n] != wanted.get(n)]
    new = [
        {"Create": dict(i)} for i in listed if there.get(i["IndexName"]) != wanted[i["IndexName"]]
    ]
    for update in [*gone, *new]:  # AWS takes one a call
        dynamodb.update_table(
            TableName=table["TableName"],
            AttributeDefinitions=properties["AttributeDefinitions"],
            GlobalSecondaryIndexUpdates=[update],
        )


def _expire(dynamodb: Any, name: str, wanted: Properties | None) -> None:
    now = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    on = now.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    is_now = now.get("AttributeName") if on else None
    to_be = wanted["AttributeName"] if wanted and wanted["Enabled"] else None
    if is_now and is_now != to_be:
        _switch(dynamodb, name, is_now, enabled=False)
    if to_be and to_be != is_now:
        _switch(dynamodb, name, to_be, enabled=True)


def _switch(dynamodb: Any, name: str, attribute: str, *, enabled: bool) -> None:
    dynamodb.update_time_to_live(
        TableName=name,
        TimeToLiveSpecification={"AttributeName": attribute, "Enabled": enabled},
    )


TYPES: Mapping[str, ResourceType] = {
    "AWS::DynamoDB::Table": ResourceType(
        frozenset(
            {
                "TableName",
                *_SETTINGS,
                "TimeToLiveSpecification",
                "PointInTimeRecoverySpecification",
            }
        ),
        _table,
        required=frozenset({"KeySchema", "AttributeDefinitions"}),
        inert=frozenset({"SSESpecification", "Tags"}),
    ),
}
