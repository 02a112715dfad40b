"""moto's DynamoDB transactions, at a cost that does not grow with the table.

To be able to undo a transaction, moto copies every table that it names, so that each write
takes as long as the table is large. Here only the items that it names are copied.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

Operations = Sequence[Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a table and the item that was there, if any."""

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


_write_whole = DynamoDBBackend.transact_write_items


def _transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    if any(table.stream_shard is not None for table in backend.tables.values()):
        _write_whole(backend, transact_items)  # a stream's records have to be undone, too
        return
    places = list(_places(backend, transact_items))
    try:
        with _tables_not_copied():
            _write_whole(backend, transact_items)
    except BaseException:
        for place in places:
            place.restore()
        raise


def _places(backend: DynamoDBBackend, operations: Operations) -> Iterator[_Place]:
    """Yield the places that `operations` name; one without a whole key changes nothing."""
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
        yield _Place(table, hash_key, range_key, copy.deepcopy(item))


@contextmanager
def _tables_not_copied() -> Iterator[None]:
    Table.__deepcopy__ = lambda table, _: table  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del Table.__deepcopy__  # type: ignore[attr-defined]


def install() -> None:
    """Let moto undo transactions by item. Only one thread at a time may use moto then."""
    DynamoDBBackend.transact_write_items = _transact_write_items  # type: ignore[assignment]
