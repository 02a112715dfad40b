"""moto's DynamoDB queries, at a cost that grows with the partition and not with the table.

For each query moto sorts the whole table, and reads both keys anew at each comparison. Here a
query sorts its partition alone, a scan the table, and each key is read once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

_KEY_TYPES = frozenset({"S", "N", "B"})
"""What a partition key may be; another value is in no table, and cannot be looked up."""

_query_whole = Table.query


def _query(table: Table, hash_key: DynamoType | None, *args: Any, **kwargs: Any) -> Any:
    if hash_key is None or hash_key.type not in _KEY_TYPES or table.all_indexes():
        return _query_whole(table, hash_key, *args, **kwargs)
    partition = _sorted(_partition(table, hash_key))
    table.all_items = lambda: partition  # type: ignore[method-assign]
    try:
        return _query_whole(table, hash_key, *args, **kwargs)
    finally:
        del table.all_items


def _all_items(table: Table) -> list[Item]:
    return _sorted(item for key in table.items for item in _partition(table, key))


def _partition(table: Table, hash_key: DynamoType) -> Iterable[Item]:
    found: Any = table.items.get(hash_key)
    if found is None:
        return ()
    return found.values() if table.range_key_attr else (found,)


def _sorted(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=_keys)


def _keys(item: Item) -> tuple[Any, ...]:
    keys = (item.hash_key, item.range_key)
    return tuple(key.cast_value for key in keys if key is not None)


def install() -> None:
    """Let moto sort what is asked for. Only one thread at a time may use moto then."""
    Table.query = _query  # type: ignore[assignment,method-assign]
    Table.all_items = _all_items  # type: ignore[method-assign,assignment]
