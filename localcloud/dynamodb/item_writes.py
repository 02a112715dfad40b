"""PutItem, UpdateItem and DeleteItem, alone and as parts of a transaction.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.dynamodb.errors import invalid, invalid_values
from localcloud.dynamodb.expressions.conditions import Condition
from localcloud.dynamodb.expressions.paths import project
from localcloud.dynamodb.expressions.syntax import Values
from localcloud.dynamodb.expressions.update_actions import apply_update
from localcloud.dynamodb.expressions.updates import UpdateAction
from localcloud.dynamodb.keys import ItemKey, key_of, key_of_item
from localcloud.dynamodb.request_expressions import RequestExpressions, check_condition
from localcloud.dynamodb.responses import consumed, write_units
from localcloud.dynamodb.store import (
    ItemStore,
    check_index_keys,
    decode_item,
    delete_item,
    encode_item,
    read_item,
    write_item,
)
from localcloud.dynamodb.tables import Table
from localcloud.dynamodb.values import Item, item_size
from localcloud.service import Params, Result

MAX_ITEM_BYTES = 400 * 1024
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""


@dataclass(frozen=True, slots=True)
class ItemWrite:
    """A checked write of one item: `kind` is Put, Update, Delete or ConditionCheck."""

    kind: str
    table: Table
    key: ItemKey
    named: Item
    condition: Condition | None
    actions: tuple[UpdateAction, ...]
    values: Values
    on_failure: str | None

    def perform(self, connection: sqlite3.Connection) -> WrittenItem:
        """Check the condition and write. Raises AwsError, and then nothing is written."""
        stored = read_item(connection, self.table, self.key)
        old = None if stored is None else decode_item(stored)
        check_condition(self.condition, old, self.values, self.on_failure)
        if self.kind == "ConditionCheck":
            return WrittenItem(stored, old, old)
        if self.kind == "Delete":
            delete_item(connection, self.table, self.key, old)
            return WrittenItem(stored, old, None)
        new = self.named if self.kind == "Put" else self._updated(stored)
        write_item(connection, self.table, self.key, new, old)
        return WrittenItem(stored, old, new)

    def _updated(self, stored: bytes | None) -> Item:
        item = dict(self.named) if stored is None else decode_item(stored)
        apply_update(item, self.actions, self.values)
        if item_size(item) > MAX_ITEM_BYTES:
            raise invalid("Item size to update has exceeded the maximum allowed size")
        check_index_keys(self.table, item)
        return item


@dataclass(frozen=True, slots=True)
class WrittenItem:
    """An item before and after a write, None where there is none."""

    stored: bytes | None
    old: Item | None
    new: Item | None

    @property
    def size(self) -> int:
        """The larger of both sizes in bytes, which is what the write counts as."""
        return max(item_size(self.old or {}), item_size(self.new or {}))


def read_write(kind: str, request: Params, store: ItemStore) -> ItemWrite:
    """Read and check a write of one item. Raises AwsError if it is not valid."""
    expressions = RequestExpressions(request)
    actions = expressions.update()
    condition = expressions.condition()
    expressions.finish()
    table = store.table(request["TableName"])
    if kind == "Put":
        named: Item = request["Item"]
        key = check_put(table, named)
    else:
        named = request["Key"]
        key = key_of(table.keys, named)
    _check_keys_stay(table, actions)
    return ItemWrite(
        kind,
        table,
        key,
        named,
        condition,
        actions,
        expressions.values,
        request.get("ReturnValuesOnConditionCheckFailure"),
    )


def check_put(table: Table, item: Item) -> ItemKey:
    """Return the key of an item that is to be put. Raises AwsError if the table cannot hold it."""
    key = key_of_item(table.keys, item)
    check_index_keys(table, item)
    if item_size(item) > MAX_ITEM_BYTES:
        raise invalid("Item size has exceeded the maximum allowed size")
    return key


def _check_keys_stay(table: Table, actions: tuple[UpdateAction, ...]) -> None:
    for action in actions:
        if action.path[0] in table.keys.names:
            raise invalid_values(
                f"Cannot update attribute {action.path[0]}. This attribute is part of the key"
            )


_RETURN_VALUES: Mapping[str, tuple[str, ...]] = {
    "Put": ("NONE", "ALL_OLD"),
    "Delete": ("NONE", "ALL_OLD"),
    "Update": ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"),
}


class ItemWriteOperations:
    """PutItem, UpdateItem and DeleteItem."""

    def __init__(self, store: ItemStore) -> None:
        self._store = store

    def put_item(self, request: Params) -> Result:
        """Put a whole item."""
        return self._write("Put", request)

    def update_item(self, request: Params) -> Result:
        """Change an item, or make it if it does not exist."""
        return self._write("Update", request)

    def delete_item(self, request: Params) -> Result:
        """Remove an item."""
        return self._write("Delete", request)

    def _write(self, kind: str, request: Params) -> Result:
        wanted = request.get("ReturnValues", "NONE")
        if wanted not in _RETURN_VALUES[kind]:
            raise invalid("Return values set to invalid value")
        with self._store.transaction() as connection:
            write = read_write(kind, request, self._store)
            written = write.perform(connection)
        units = write_units(written.size) if "ReturnConsumedCapacity" in request else 0
        return {
            **_returned(wanted, write, written),
            **consumed(request, write.table.name, units),
        }


def _returned(wanted: str, write: ItemWrite, written: WrittenItem) -> dict[str, Any]:
    """Return the member Attributes, if there is something to return."""
    if wanted == "NONE":
        return {}
    if wanted == "ALL_OLD":
        return {} if written.stored is None else {"Attributes": written.stored}
    item = written.old if wanted == "UPDATED_OLD" else written.new
    if item is not None and wanted.startswith("UPDATED"):
        item = project(item, [action.path for action in write.actions])
    return {"Attributes": encode_item(item)} if item else {}
