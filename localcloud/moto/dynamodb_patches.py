"""Patches of moto's DynamoDB whose cost would grow with the table.

- A query sorts its own partition and reads each key once. moto sorts the whole table for each
  query and reads both keys again at each comparison.
- A transaction keeps copies of the items that it names, to undo it. moto copies every table.
- A response writes an attribute value by the type that it names. moto looks, for each of ten
  types and under several spellings, whether the value has it; that was 80 % of a query's time.

They change attributes of moto's classes while it works, so one thread at a time may use moto.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.model import StructureShape
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

Operations = Sequence[Mapping[str, Mapping[str, Any]]]

_KEY_TYPES = frozenset({"S", "N", "B"})
"""The types of a partition key; a value of another type is in no table and cannot be found."""

_moto_query = Table.query
_moto_transact_write_items = DynamoDBBackend.transact_write_items
_moto_serialize_structure = BaseJSONSerializer._serialize_type_structure


def install() -> None:
    """Replace the methods of moto's classes."""
    Table.query = _query  # type: ignore[assignment,method-assign]
    Table.all_items = _all_items  # type: ignore[method-assign,assignment]
    DynamoDBBackend.transact_write_items = _transact_write_items  # type: ignore[assignment]
    BaseJSONSerializer._serialize_type_structure = _serialize_structure  # type: ignore[method-assign,assignment]


def _query(table: Table, hash_key: DynamoType | None, *args: Any, **kwargs: Any) -> Any:
    if hash_key is None or hash_key.type not in _KEY_TYPES or table.all_indexes():
        return _moto_query(table, hash_key, *args, **kwargs)
    partition = _sorted(_partition(table, hash_key))
    table.all_items = lambda: partition  # type: ignore[method-assign]
    try:
        return _moto_query(table, hash_key, *args, **kwargs)
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
    return sorted(items, key=_sort_key)


def _sort_key(item: Item) -> tuple[Any, ...]:
    keys = (item.hash_key, item.range_key)
    return tuple(key.cast_value for key in keys if key is not None)


@dataclass(frozen=True, slots=True)
class _ItemBackup:
    """A copy of the item that a table has under a key, None if it has none."""

    table: Table
    hash_key: DynamoType
    range_key: DynamoType | None
    item: Item | None

    def restore(self) -> None:
        if self.item is None:
            self.table.delete_item(self.hash_key, self.range_key)
        elif self.range_key is None:
            self.table.items[self.hash_key] = self.item  # type: ignore[assignment]
        else:
            self.table.items[self.hash_key][self.range_key] = self.item


def _transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    if any(table.stream_shard is not None for table in backend.tables.values()):
        _moto_transact_write_items(backend, transact_items)  # stream records must be undone, too
        return
    backups = list(_back_up_items(backend, transact_items))
    try:
        with _tables_not_copied():
            _moto_transact_write_items(backend, transact_items)
    except BaseException:
        for backup in backups:
            backup.restore()
        raise


def _back_up_items(backend: DynamoDBBackend, operations: Operations) -> Iterator[_ItemBackup]:
    """Copy the items that `operations` name; an operation without a whole key changes nothing."""
    for request in (request for operation in operations for request in operation.values()):
        table = backend.tables.get(str(request.get("TableName")))
        key = request.get("Key", request.get("Item"))
        if table is None or key is None:
            continue
        try:
            hash_key, range_key = backend.get_keys_value(table, dict(key))
            item = table.get_item(hash_key, range_key)
        except (JsonRESTError, ValueError, KeyError):
            continue
        yield _ItemBackup(table, hash_key, range_key, copy.deepcopy(item))


@contextmanager
def _tables_not_copied() -> Iterator[None]:
    Table.__deepcopy__ = lambda table, _: table  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del Table.__deepcopy__  # type: ignore[attr-defined]


def _serialize_structure(
    serializer: BaseJSONSerializer,
    serialized: dict[str, Any],
    value: Any,
    shape: StructureShape,
    key: str,
) -> None:
    kind = _only_type(value) if shape.name == "AttributeValue" and key else None
    member = shape.members.get(kind) if kind else None
    if kind is None or member is None:
        _moto_serialize_structure(serializer, serialized, value, shape, key)
        return
    attribute_value: dict[str, Any] = {}
    serializer._serialize(attribute_value, value[kind], member, kind)
    serialized[key] = attribute_value


def _only_type(value: object) -> str | None:
    if not isinstance(value, dict) or len(value) != 1:
        return None
    [(kind, content)] = value.items()
    return None if content is None else str(kind)
