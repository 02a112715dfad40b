"""Definitions of tables and their indexes.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from localcloud.dynamodb.errors import invalid, invalid_values
from localcloud.dynamodb.keys import MAX_HASH_BYTES, MAX_RANGE_BYTES, KeyAttribute, KeySchema
from localcloud.dynamodb.values import Item

Definition = Mapping[str, Any]
_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}")


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index: its key, and the attributes that it holds (None for all)."""

    id: int
    name: str
    keys: KeySchema
    is_global: bool
    attributes: frozenset[str] | None

    def visible(self, item: Item) -> Item:
        """Return the attributes of `item` that the index holds."""
        if self.attributes is None:
            return item
        return {name: value for name, value in item.items() if name in self.attributes}


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `definition` holds what DescribeTable answers and the API takes."""

    id: int
    name: str
    created_at: float
    definition: Definition
    keys: KeySchema
    indexes: tuple[Index, ...] = ()
    ttl_attribute: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def index(self, name: str) -> Index:
        """Return an index by name. Raises AwsError if there is none."""
        found = next((index for index in self.indexes if index.name == name), None)
        if found is None:
            raise invalid(f"The table does not have the specified index: {name}")
        return found

    def with_settings(self, **changed: Any) -> Table:
        """Return the table with some of its settings changed."""
        return replace(self, settings={**self.settings, **changed})


def build_table(
    table_id: int,
    name: str,
    created_at: float,
    definition: Definition,
    settings: Mapping[str, Any],
) -> Table:
    """Return the table of a stored, already checked definition."""
    types = {each["AttributeName"]: each["AttributeType"] for each in _attributes(definition)}
    keys = _key_schema(definition["KeySchema"], types)
    indexes = []
    for listed, is_global in _listed_indexes(definition):
        index_keys = _key_schema(listed["KeySchema"], types)
        attributes = _projected(listed["Projection"], (*keys.names, *index_keys.names))
        number = settings["index_ids"][listed["IndexName"]]
        indexes.append(Index(number, listed["IndexName"], index_keys, is_global, attributes))
    return Table(
        table_id,
        name,
        created_at,
        definition,
        keys,
        tuple(indexes),
        settings.get("ttl_attribute"),
        settings,
    )


def number_indexes(definition: Definition, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with a number for each index of a definition; a new one gets a new number."""
    known = settings.get("index_ids", {})
    following = settings.get("next_index_id", 0)
    numbers = {}
    for index, _ in _listed_indexes(definition):
        name = index["IndexName"]
        if name in known:
            numbers[name] = known[name]
        else:
            numbers[name], following = following, following + 1
    return {**settings, "index_ids": numbers, "next_index_id": following}


def check_name(name: str) -> None:
    """Raise AwsError for a name that no table may have."""
    if not _NAME.fullmatch(name):
        raise invalid(
            "TableName must be at least 3 characters long and at most 255 characters long, "
            "containing only the characters a-z, A-Z, 0-9, '_', '-' and '.'"
        )


def check_definition(definition: Definition) -> None:
    """Raise AwsError if keys, attributes, indexes or billing do not fit together."""
    defined = [each["AttributeName"] for each in _attributes(definition)]
    schemas = [definition["KeySchema"], *(i["KeySchema"] for i, _ in _listed_indexes(definition))]
    for schema in schemas:
        _check_schema(schema)
    used = sorted({each["AttributeName"] for schema in schemas for each in schema})
    missing = [name for name in used if name not in defined]
    if missing:
        raise invalid_values(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(missing)}], AttributeDefinitions: [{', '.join(defined)}]"
        )
    if len(defined) != len(used):
        raise invalid_values(
            "Number of attributes in KeySchema does not exactly match number of attributes "
            f"defined in AttributeDefinitions: [{', '.join(defined)}], keys used: "
            f"[{', '.join(used)}]"
        )
    _check_indexes(definition)
    _check_billing(definition)


def _check_schema(schema: Sequence[Mapping[str, str]]) -> None:
    kinds = [each["KeyType"] for each in schema]
    if kinds not in (["HASH"], ["HASH", "RANGE"]):
        raise invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    names = [each["AttributeName"] for each in schema]
    if len(set(names)) != len(names):
        raise invalid(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        )


def _check_indexes(definition: Definition) -> None:
    listed = [index for index, _ in _listed_indexes(definition)]
    names = [index["IndexName"] for index in listed]
    for name in names:
        if names.count(name) > 1:
            raise invalid_values(f"Duplicate index name: {name}")
        if not _NAME.fullmatch(name):
            raise invalid("IndexName must be at least 3 characters long and at most 255")
    for index in listed:
        projection = index["Projection"]
        given = bool(projection.get("NonKeyAttributes"))
        if (projection.get("ProjectionType") == "INCLUDE") != given:
            raise invalid_values("ProjectionType INCLUDE goes with NonKeyAttributes, and only it")
    for index in definition.get("LocalSecondaryIndexes") or ():
        if index["KeySchema"][0] != definition["KeySchema"][0]:
            raise invalid_values(
                f"Index KeySchema does not have a range key for index: {index['IndexName']}"
                if len(index["KeySchema"]) == 1
                else "Table KeySchema and index KeySchema do not have the same hash key for "
                f"index: {index['IndexName']}"
            )


def _check_billing(definition: Definition) -> None:
    provisioned = definition.get("BillingMode", "PROVISIONED") == "PROVISIONED"
    if provisioned and not definition.get("ProvisionedThroughput"):
        raise invalid_values(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
            "PROVISIONED"
        )
    if not provisioned and definition.get("ProvisionedThroughput"):
        raise invalid_values(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode "
            "is PAY_PER_REQUEST"
        )


def _attributes(definition: Definition) -> Sequence[Mapping[str, str]]:
    attributes: Sequence[Mapping[str, str]] = definition.get("AttributeDefinitions") or ()
    return attributes


def _listed_indexes(definition: Definition) -> list[tuple[Definition, bool]]:
    local = definition.get("LocalSecondaryIndexes") or ()
    everywhere = definition.get("GlobalSecondaryIndexes") or ()
    return [*((index, False) for index in local), *((index, True) for index in everywhere)]


def _key_schema(schema: Sequence[Mapping[str, str]], types: Mapping[str, str]) -> KeySchema:
    names = [each["AttributeName"] for each in schema]
    partition = KeyAttribute(names[0], types[names[0]], MAX_HASH_BYTES)
    if len(names) == 1:
        return KeySchema(partition)
    return KeySchema(partition, KeyAttribute(names[1], types[names[1]], MAX_RANGE_BYTES))


def _projected(projection: Mapping[str, Any], keys: Sequence[str]) -> frozenset[str] | None:
    if projection.get("ProjectionType", "ALL") == "ALL":
        return None
    return frozenset({*keys, *(projection.get("NonKeyAttributes") or ())})
