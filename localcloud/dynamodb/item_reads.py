"""GetItem, BatchGetItem and BatchWriteItem.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.dynamodb.errors import invalid
from localcloud.dynamodb.expressions.paths import Path, project
from localcloud.dynamodb.item_writes import check_put
from localcloud.dynamodb.keys import ItemKey, key_of
from localcloud.dynamodb.request_expressions import RequestExpressions
from localcloud.dynamodb.responses import capacity, consumed, read_units, write_units
from localcloud.dynamodb.store import (
    ItemStore,
    decode_item,
    delete_item,
    encode_item,
    read_item,
    write_item,
)
from localcloud.dynamodb.tables import Table
from localcloud.dynamodb.values import Item, item_size
from localcloud.service import Params, Result

MAX_KEYS = 100
MAX_WRITES = 25
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
_DUPLICATES = "Provided list of item keys contains duplicates"


class ItemReadOperations:
    """GetItem and the two batches."""

    def __init__(self, store: ItemStore) -> None:
        self._store = store

    def get_item(self, request: Params) -> Result:
        """Return the item under a key, or nothing."""
        expressions = RequestExpressions(request)
        paths = expressions.projection()
        expressions.finish()
        table = self._store.table(request["TableName"])
        key = key_of(table.keys, request["Key"])
        with self._store.snapshot() as connection:
            stored = read_item(connection, table, key)
        units = read_units(len(stored or b""), consistent=bool(request.get("ConsistentRead")))
        item = {} if stored is None else {"Item": _projected(stored, paths)}
        return {**item, **consumed(request, table.name, units)}

    def batch_get_item(self, request: Params) -> Result:
        """Return the items that exist under keys of several tables, up to 16 MB."""
        if sum(len(part["Keys"]) for part in request["RequestItems"].values()) > MAX_KEYS:
            raise invalid("Too many items requested for the BatchGetItem call")
        responses: dict[str, list[bytes]] = {}
        unprocessed: dict[str, Any] = {}
        capacities = []
        left = MAX_RESPONSE_BYTES
        wanted = request.get("ReturnConsumedCapacity", "NONE")
        for name, part in request["RequestItems"].items():
            expressions = RequestExpressions(part)
            paths = expressions.projection()
            expressions.finish()
            table = self._store.table(name)
            keys = [key_of(table.keys, key) for key in part["Keys"]]
            _check_distinct(keys)
            found = responses.setdefault(name, [])
            units = 0.0
            with self._store.snapshot() as connection:
                for position, key in enumerate(keys):
                    stored = read_item(connection, table, key)
                    size = len(stored or b"")
                    if size > left:
                        unprocessed[name] = {**part, "Keys": part["Keys"][position:]}
                        break
                    left -= size
                    units += read_units(size, consistent=bool(part.get("ConsistentRead")))
                    if stored is not None:
                        found.append(_projected(stored, paths))
            if wanted != "NONE":
                capacities.append(capacity(wanted, table.name, units))
        return {
            "Responses": responses,
            "UnprocessedKeys": unprocessed,
            **({"ConsumedCapacity": capacities} if wanted != "NONE" else {}),
        }

    def batch_write_item(self, request: Params) -> Result:
        """Put and remove items without conditions."""
        wanted = request.get("ReturnConsumedCapacity", "NONE")
        if sum(map(len, request["RequestItems"].values())) > MAX_WRITES:
            raise invalid(
                "1 validation error detected: Value at 'requestItems' failed to satisfy "
                f"constraint: Member must have length less than or equal to {MAX_WRITES}, "
                "Member must have length greater than or equal to 1"
            )
        capacities = []
        with self._store.transaction() as connection:
            writes = [
                (table := self._store.table(name), [_read_write(table, each) for each in listed])
                for name, listed in request["RequestItems"].items()
            ]
            for _, listed in writes:
                _check_distinct([key for key, _ in listed])
            for table, listed in writes:
                units = sum(_write(connection, table, key, item) for key, item in listed)
                if wanted != "NONE":
                    capacities.append(capacity(wanted, table.name, units))
        return {
            "UnprocessedItems": {},
            **({"ConsumedCapacity": capacities} if wanted != "NONE" else {}),
        }


def _projected(stored: bytes, paths: tuple[Path, ...] | None) -> bytes:
    return stored if paths is None else encode_item(project(decode_item(stored), paths))


def _read_write(table: Table, request: Mapping[str, Any]) -> tuple[ItemKey, Item | None]:
    """Return the key and the item of a put, or the key and None of a removal."""
    if len(request) != 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one "
            "of the supported datatypes"
            if request
            else "A write request must have a PutRequest or a DeleteRequest"
        )
    if "PutRequest" in request:
        item: Item = request["PutRequest"]["Item"]
        return check_put(table, item), item
    return key_of(table.keys, request["DeleteRequest"]["Key"]), None


def _write(connection: sqlite3.Connection, table: Table, key: ItemKey, item: Item | None) -> float:
    """Write one item and return the units of it."""
    stored = read_item(connection, table, key)
    old = None if stored is None else decode_item(stored)
    if item is None:
        delete_item(connection, table, key, old)
    else:
        write_item(connection, table, key, item, old)
    return write_units(max(item_size(old or {}), item_size(item or {})))


def _check_distinct(keys: Sequence[ItemKey]) -> None:
    if len(set(keys)) < len(keys):
        raise invalid(_DUPLICATES)
