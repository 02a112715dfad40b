"""Keys of tables and indexes: their attributes, their checks, and their order as bytes."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localcloud.dynamodb.errors import invalid, invalid_values
from localcloud.dynamodb.numbers import sortable_number
from localcloud.dynamodb.values import Item, Value, binary_size, kind_of, text_size

MAX_HASH_BYTES = 2048
MAX_RANGE_BYTES = 1024
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

_MISMATCH = "The provided key element does not match the schema"
_EMPTY_WORDS = {"S": "string", "B": "binary"}


@dataclass(frozen=True, slots=True)
class KeyAttribute:
    """An attribute of a key; its type is "S", "N" or "B"."""

    name: str
    type: str
    max_bytes: int


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The partition key, and the sort key if there is one."""

    hash: KeyAttribute
    range: KeyAttribute | None = None

    def __iter__(self) -> Iterator[KeyAttribute]:
        yield self.hash
        if self.range is not None:
            yield self.range

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the attributes."""
        return tuple(key.name for key in self)


@dataclass(frozen=True, slots=True)
class ItemKey:
    """The key of an item as bytes that sort as DynamoDB does; `range` is b"" without a sort key."""

    hash: bytes
    range: bytes = b""


def key_bytes(value: Value) -> bytes:
    """Return bytes that sort as the values of a key do."""
    [(kind, content)] = value.items()
    if kind == "S":
        encoded: bytes = content.encode()
        return encoded
    return sortable_number(content) if kind == "N" else base64.b64decode(content)


def check_key_value(key: KeyAttribute, value: Value) -> None:
    """Raise AwsError if a key's value, of the right type, is empty or too long."""
    [(kind, content)] = value.items()
    if kind == "N":
        return
    size = text_size(content) if kind == "S" else binary_size(content)
    if not size:
        raise invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            f"cannot contain an empty {_EMPTY_WORDS[kind]} value. Key: {key.name}"
        )
    if size > key.max_bytes:
        which = "hashkey" if key.max_bytes == MAX_HASH_BYTES else "rangekey"
        raise invalid_values(
            f"Size of {which} has exceeded the maximum size limit of{key.max_bytes} bytes"
        )


def key_of(schema: KeySchema, named: Mapping[str, Value]) -> ItemKey:
    """Return the key that a request names. Raises AwsError unless it is exactly the schema's."""
    if len(named) != len(schema.names):
        raise invalid(_MISMATCH)
    parts = []
    for key in schema:
        value = named.get(key.name)
        if value is None or kind_of(value) != key.type:
            raise invalid(_MISMATCH)
        check_key_value(key, value)
        parts.append(key_bytes(value))
    return ItemKey(*parts)


def key_of_item(schema: KeySchema, item: Item) -> ItemKey:
    """Return the key of an item that is written. Raises AwsError if it lacks a valid one."""
    parts = []
    for key in schema:
        value = item.get(key.name)
        if value is None:
            raise invalid_values(f"Missing the key {key.name} in the item")
        if kind_of(value) != key.type:
            raise invalid_values(
                f"Type mismatch for key {key.name} expected: {key.type} actual: {kind_of(value)}"
            )
        check_key_value(key, value)
        parts.append(key_bytes(value))
    return ItemKey(*parts)


def index_key_of(index: str, schema: KeySchema, item: Item) -> ItemKey | None:
    """Return the key of an item in an index, None if it is not in it.

    Raises:
        AwsError: An attribute has a type or a size that the index does not hold.
    """
    parts = []
    for key in schema:
        value = item.get(key.name)
        if value is None:
            continue
        if kind_of(value) != key.type:
            raise invalid_values(
                f"Type mismatch for Index Key {key.name} Expected: {key.type} "
                f"Actual: {kind_of(value)} IndexName: {index}"
            )
        _check_index_value(index, key, value)
        parts.append(key_bytes(value))
    return ItemKey(*parts) if len(parts) == len(schema.names) else None


def _check_index_value(index: str, key: KeyAttribute, value: Value) -> None:
    if value in ({"S": ""}, {"B": ""}):
        raise invalid(
            "One or more parameter values are not valid. A value specified for a secondary index "
            "key is not supported. The AttributeValue for a key attribute cannot contain an empty "
            f"{_EMPTY_WORDS[key.type]} value. IndexName: {index}, IndexKey: {key.name}"
        )
    check_key_value(key, value)
