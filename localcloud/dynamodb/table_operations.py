"""Operations on tables: creation, description, changes, time to live, recovery, tags.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.clock import Clock, utc
from localcloud.dynamodb.errors import invalid, invalid_values, table_not_found
from localcloud.dynamodb.store import ItemStore
from localcloud.dynamodb.tables import (
    Definition,
    Table,
    build_table,
    check_definition,
    check_name,
    number_indexes,
)
from localcloud.errors import AwsError, unsupported
from localcloud.service import CloudContext, Params, Result

_DEFINITION = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
    "DeletionProtectionEnabled",
    "TableClass",
    "SSESpecification",
)
_MAX_LISTED = 100


class TableOperations:
    """Operations on tables."""

    def __init__(self, context: CloudContext, store: ItemStore, clock: Clock) -> None:
        self._context = context
        self._store = store
        self._clock = clock

    def create_table(self, request: Params) -> Result:
        """Create a table, which is active at once."""
        name = request["TableName"]
        check_name(name)
        if (request.get("StreamSpecification") or {}).get("StreamEnabled"):
            raise unsupported("DynamoDB", "streams of changes")
        if self._store.find_table(name) is not None:
            raise AwsError("ResourceInUseException", f"Table already exists: {name}")
        definition = {each: request[each] for each in _DEFINITION if each in request}
        check_definition(definition)
        settings = number_indexes(definition, {"tags": _tags(request.get("Tags") or ())})
        table = self._store.create_table(name, self._clock(), definition, settings)
        return {"TableDescription": self._describe(table)}

    def describe_table(self, request: Params) -> Result:
        """Describe a table."""
        return {"Table": self._describe(self._store.table(request["TableName"]))}

    def list_tables(self, request: Params) -> Result:
        """List the names of tables."""
        start, limit = request.get("ExclusiveStartTableName", ""), request.get("Limit", _MAX_LISTED)
        names = [name for name in self._store.table_names() if name > start]
        page = names[:limit]
        more = {"LastEvaluatedTableName": page[-1]} if len(names) > len(page) else {}
        return {"TableNames": page, **more}

    def delete_table(self, request: Params) -> Result:
        """Remove a table with its items."""
        table = self._store.table(request["TableName"])
        if table.definition.get("DeletionProtectionEnabled"):
            raise invalid(
                "Resource cannot be deleted as it is currently protected against deletion. "
                "Disable deletion protection first."
            )
        described = self._describe(table)
        self._store.delete_table(table)
        return {"TableDescription": {**described, "TableStatus": "DELETING"}}

    def update_table(self, request: Params) -> Result:
        """Change a table's billing, protection or global indexes."""
        table = self._store.table(request["TableName"])
        if (request.get("StreamSpecification") or {}).get("StreamEnabled"):
            raise unsupported("DynamoDB", "streams of changes")
        definition = _changed(table.definition, request)
        check_definition(definition)
        settings = number_indexes(definition, table.settings)
        changed = build_table(table.id, table.name, table.created_at, definition, settings)
        self._store.replace_table(changed)
        return {"TableDescription": self._describe(changed)}

    def update_time_to_live(self, request: Params) -> Result:
        """Name the attribute that says when an item expires, or end that."""
        table = self._store.table(request["TableName"])
        wanted = request["TimeToLiveSpecification"]
        attribute, enabled = wanted["AttributeName"], wanted["Enabled"]
        if enabled and table.ttl_attribute is not None:
            raise invalid("TimeToLive is already enabled")
        if not enabled and table.ttl_attribute is None:
            raise invalid("TimeToLive is already disabled")
        if not enabled and table.ttl_attribute != attribute:
            raise invalid(
                f"TimeToLive is active on a different AttributeName: current AttributeName is "
                f"{table.ttl_attribute}"
            )
        self._set(table, ttl_attribute=attribute if enabled else None)
        return {"TimeToLiveSpecification": wanted}

    def describe_time_to_live(self, request: Params) -> Result:
        """Describe the time to live of a table."""
        attribute = self._store.table(request["TableName"]).ttl_attribute
        if attribute is None:
            return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
        return {
            "TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}
        }

    def update_continuous_backups(self, request: Params) -> Result:
        """Note whether recovery to a point in time is wanted; the local cloud has none."""
        table = self._store.table(request["TableName"])
        wanted = request["PointInTimeRecoverySpecification"]
        return _backups(self._set(table, recovery=wanted), self._clock())

    def describe_continuous_backups(self, request: Params) -> Result:
        """Describe whether recovery to a point in time is wanted."""
        table = self._store.find_table(request["TableName"])
        if table is None:
            raise AwsError("TableNotFoundException", f"Table not found: {request['TableName']}")
        return _backups(table, self._clock())

    def create_backup(self, request: Params) -> Result:
        """Refuse a backup."""
        raise AwsError(
            "UnsupportedOperation",
            "The local cloud keeps no backups of tables; copy its data directory, "
            "or use backups on AWS.",
            501,
        )

    def tag_resource(self, request: Params) -> Result:
        """Add tags to a table."""
        table = self._tagged(request)
        self._set(table, tags={**table.settings.get("tags", {}), **_tags(request["Tags"])})
        return {}

    def untag_resource(self, request: Params) -> Result:
        """Remove tags from a table."""
        table = self._tagged(request)
        tags = table.settings.get("tags", {})
        self._set(table, tags={k: v for k, v in tags.items() if k not in request["TagKeys"]})
        return {}

    def list_tags_of_resource(self, request: Params) -> Result:
        """List the tags of a table."""
        tags = self._tagged(request).settings.get("tags", {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _tagged(self, request: Params) -> Table:
        table = self._store.find_table(request["ResourceArn"])
        if table is None:
            raise table_not_found(request["ResourceArn"].rpartition("/")[2])
        return table

    def _set(self, table: Table, **settings: Any) -> Table:
        changed = {**table.settings, **settings}
        new = build_table(table.id, table.name, table.created_at, table.definition, changed)
        self._store.replace_table(new)
        return new

    def _describe(self, table: Table) -> dict[str, Any]:
        count, size = self._store.count(table)
        arn = self._context.arn("dynamodb", f"table/{table.name}")
        definition = table.definition
        described: dict[str, Any] = {
            "AttributeDefinitions": definition["AttributeDefinitions"],
            "TableName": table.name,
            "KeySchema": definition["KeySchema"],
            "TableStatus": "ACTIVE",
            "CreationDateTime": round(utc(table.created_at).timestamp(), 3),
            "ProvisionedThroughput": _throughput(definition),
            "TableSizeBytes": size,
            "ItemCount": count,
            "TableArn": arn,
            "TableId": f"{table.id:08x}-0000-4000-8000-000000000000",
            "DeletionProtectionEnabled": definition.get("DeletionProtectionEnabled", False),
        }
        if definition.get("BillingMode") == "PAY_PER_REQUEST":
            described["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
        for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
            if definition.get(kind):
                described[kind] = [_describe_index(each, kind, arn) for each in definition[kind]]
        return described


def _describe_index(index: Definition, kind: str, table_arn: str) -> dict[str, Any]:
    described = {**index, "IndexArn": f"{table_arn}/index/{index['IndexName']}"}
    if kind == "GlobalSecondaryIndexes":
        described["IndexStatus"] = "ACTIVE"
        described["ProvisionedThroughput"] = _throughput(index)
    return described


def _throughput(definition: Definition) -> dict[str, Any]:
    given = definition.get("ProvisionedThroughput") or {}
    return {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": given.get("ReadCapacityUnits", 0),
        "WriteCapacityUnits": given.get("WriteCapacityUnits", 0),
    }


def _tags(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _backups(table: Table, now: float) -> Result:
    wanted = table.settings.get("recovery") or {}
    enabled = bool(wanted.get("PointInTimeRecoveryEnabled"))
    recovery: dict[str, Any] = {"PointInTimeRecoveryStatus": "ENABLED" if enabled else "DISABLED"}
    if enabled:
        recovery["RecoveryPeriodInDays"] = wanted.get("RecoveryPeriodInDays", 35)
        recovery["EarliestRestorableDateTime"] = round(table.created_at, 3)
        recovery["LatestRestorableDateTime"] = round(now, 3)
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        }
    }


def _changed(definition: Definition, request: Params) -> dict[str, Any]:
    """Return a table's definition after UpdateTable."""
    changed = {
        **definition,
        **{each: request[each] for each in _DEFINITION if each in request},
    }
    if request.get("BillingMode") == "PAY_PER_REQUEST":
        changed.pop("ProvisionedThroughput", None)
    indexes = {each["IndexName"]: each for each in definition.get("GlobalSecondaryIndexes") or ()}
    updates = request.get("GlobalSecondaryIndexUpdates") or ()
    if sum("Update" not in update for update in updates) > 1:
        raise AwsError(
            "LimitExceededException",
            "Subscriber limit exceeded: Only 1 online index can be created or deleted "
            "simultaneously per table",
        )
    for update in updates:
        _update_index(indexes, update)
    changed["GlobalSecondaryIndexes"] = list(indexes.values())
    used = {
        each["AttributeName"]
        for schema in (
            changed["KeySchema"],
            *(i["KeySchema"] for i in changed.get("LocalSecondaryIndexes") or ()),
            *(i["KeySchema"] for i in indexes.values()),
        )
        for each in schema
    }
    known = {
        each["AttributeName"]: each
        for each in [*definition["AttributeDefinitions"], *changed["AttributeDefinitions"]]
    }
    changed["AttributeDefinitions"] = [each for name, each in known.items() if name in used]
    return changed


def _update_index(indexes: dict[str, Any], update: Mapping[str, Any]) -> None:
    [(what, change)] = update.items()
    name = change["IndexName"]
    if what == "Create":
        if name in indexes:
            raise invalid_values(f"Attempting to create an index which already exists: {name}")
        indexes[name] = change
        return
    if name not in indexes:
        raise AwsError(
            "ResourceNotFoundException",
            f"Requested resource not found: no index {name} exists on the table",
        )
    if what == "Delete":
        del indexes[name]
    else:
        indexes[name] = {**indexes[name], **change}
