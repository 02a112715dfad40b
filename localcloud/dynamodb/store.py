"""Tables, items and index entries in SQLite.

An item is a row whose key is the table, the partition key and the sort key, as bytes that sort
as DynamoDB does. An index has an entry for each item that it holds, by the index's own key. So a
query costs what it returns, however much else is stored.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localcloud.database import Database
from localcloud.dynamodb.errors import table_not_found
from localcloud.dynamodb.keys import ItemKey, index_key_of
from localcloud.dynamodb.tables import Index, Table, build_table
from localcloud.dynamodb.values import Item, item_size
from localcloud.errors import AwsError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tables (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created_at REAL NOT NULL,
    definition TEXT NOT NULL, settings TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS items (
    table_id INTEGER NOT NULL, hash BLOB NOT NULL, range BLOB NOT NULL, size INTEGER NOT NULL,
    expires_at INTEGER, item BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS items_by_key ON items (table_id, hash, range);
CREATE INDEX IF NOT EXISTS items_by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS entries (
    table_id INTEGER NOT NULL, index_id INTEGER NOT NULL, hash BLOB NOT NULL, range BLOB NOT NULL,
    item_hash BLOB NOT NULL, item_range BLOB NOT NULL,
    PRIMARY KEY (table_id, index_id, hash, range, item_hash, item_range)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, request TEXT NOT NULL, used_at REAL NOT NULL
);
"""

_KEY = "table_id = ? AND hash = ? AND range = ?"


def encode_item(item: Item) -> bytes:
    """Return an item as it is stored and sent."""
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()


def decode_item(stored: bytes) -> Item:
    """Return a stored item."""
    item: Item = json.loads(stored)
    return item


class ItemStore:
    """The database of all tables. Items are read and written on a connection of it."""

    def __init__(self, path: Path) -> None:
        """Open or create the database at `path`."""
        self.database = Database(path, _SCHEMA)
        rows = self.database.read("SELECT * FROM tables")
        self._tables = {row["name"]: _table_of_row(row) for row in rows}
        self._changing_tables = threading.Lock()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection on which every read sees one state."""
        with self.database.snapshot() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection whose changes are all made at the end, or none.

        No table changes meanwhile, so what is written by one that was looked up here fits it.
        """
        with self.database.transaction() as connection:
            yield connection

    @contextmanager
    def _change_of_tables(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for changes that `_tables` shows once they are made, or never."""
        with self._changing_tables:
            before = self._tables
            try:
                with self.transaction() as connection:
                    yield connection
            except BaseException:
                self._tables = before
                raise

    def table(self, name: str) -> Table:
        """Return a table by its name or ARN. Raises AwsError if it does not exist."""
        found = self.find_table(name)
        if found is None:
            raise table_not_found(name)
        return found

    def find_table(self, name: str) -> Table | None:
        """Return a table by its name or ARN, None if it does not exist."""
        return self._tables.get(name.rpartition(":table/")[2] if name.startswith("arn:") else name)

    def table_names(self) -> list[str]:
        """Return the names of all tables, sorted."""
        return sorted(self._tables)

    def create_table(
        self, name: str, created_at: float, definition: Mapping[str, Any], settings: Any
    ) -> Table:
        """Add a table whose definition was checked."""
        with self._change_of_tables() as connection:
            cursor = connection.execute(
                "INSERT INTO tables (name, created_at, definition, settings) VALUES (?, ?, ?, ?)",
                (name, created_at, json.dumps(definition), json.dumps(settings)),
            )
            number = int(cursor.lastrowid or 0)
            table = build_table(number, name, created_at, definition, settings)
            self._tables = {**self._tables, name: table}
        return table

    def replace_table(self, table: Table) -> None:
        """Store a changed definition or changed settings; entries of changed indexes are remade."""
        old = self._tables[table.name]
        with self._change_of_tables() as connection:
            connection.execute(
                "UPDATE tables SET definition = ?, settings = ? WHERE id = ?",
                (json.dumps(table.definition), json.dumps(table.settings), table.id),
            )
            kept = {index.id for index in table.indexes}
            for index in old.indexes:
                if index.id not in kept:
                    connection.execute(
                        "DELETE FROM entries WHERE table_id = ? AND index_id = ?",
                        (table.id, index.id),
                    )
            added = [index for index in table.indexes if index not in old.indexes]
            if added or old.ttl_attribute != table.ttl_attribute:
                self._restore_items(connection, table, added)
            self._tables = {**self._tables, table.name: table}

    def delete_table(self, table: Table) -> None:
        """Remove a table with its items."""
        with self._change_of_tables() as connection:
            for place in ("items", "entries"):
                connection.execute(f"DELETE FROM {place} WHERE table_id = ?", (table.id,))  # noqa: S608
            connection.execute("DELETE FROM tables WHERE id = ?", (table.id,))
            others = {name: each for name, each in self._tables.items() if name != table.name}
            self._tables = others

    def count(self, table: Table) -> tuple[int, int]:
        """Return the number of a table's items, and their bytes."""
        query = "SELECT count(*) AS items, total(size) AS bytes FROM items WHERE table_id = ?"
        [row] = self.database.read(query, table.id)
        return int(row["items"]), int(row["bytes"])

    def _restore_items(
        self, connection: sqlite3.Connection, table: Table, added: list[Index]
    ) -> None:
        """Enter every item into new indexes, and note anew when it expires."""
        rows = connection.execute(
            "SELECT rowid, hash, range, item FROM items WHERE table_id = ?", (table.id,)
        ).fetchall()
        for row in rows:
            item = decode_item(row["item"])
            key = ItemKey(row["hash"], row["range"])
            connection.execute(
                "UPDATE items SET expires_at = ? WHERE rowid = ?",
                (expiry_of(table, item), row["rowid"]),
            )
            for index in added:
                _enter(connection, table, index, key, item)


def read_item(connection: sqlite3.Connection, table: Table, key: ItemKey) -> bytes | None:
    """Return the item under a key as it is stored, None if there is none."""
    row = connection.execute(
        f"SELECT item FROM items WHERE {_KEY}",  # noqa: S608
        (table.id, key.hash, key.range),
    ).fetchone()
    return None if row is None else row[0]


def write_item(
    connection: sqlite3.Connection, table: Table, key: ItemKey, item: Item, old: Item | None
) -> None:
    """Put an item in place of `old`, the one under its key."""
    connection.execute(
        "INSERT INTO items (table_id, hash, range, size, expires_at, item) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (table_id, hash, range) DO UPDATE SET "
        "size = excluded.size, expires_at = excluded.expires_at, item = excluded.item",
        (
            table.id,
            key.hash,
            key.range,
            item_size(item),
            expiry_of(table, item),
            encode_item(item),
        ),
    )
    for index in table.indexes:
        if old is not None:
            _leave(connection, table, index, key, old)
        _enter(connection, table, index, key, item)


def delete_item(
    connection: sqlite3.Connection, table: Table, key: ItemKey, old: Item | None
) -> None:
    """Remove `old`, the item under a key, if there is one."""
    if old is None:
        return
    connection.execute(
        f"DELETE FROM items WHERE {_KEY}",  # noqa: S608
        (table.id, key.hash, key.range),
    )
    for index in table.indexes:
        _leave(connection, table, index, key, old)


def expiry_of(table: Table, item: Item) -> int | None:
    """Return when an item expires, in seconds since the epoch, None if it does not."""
    value = item.get(table.ttl_attribute or "")
    if value is None or "N" not in value:
        return None
    seconds = int(float(value["N"]))
    return seconds if 0 <= seconds < 2**62 else None


def check_index_keys(table: Table, item: Item) -> None:
    """Raise AwsError if an attribute has a type or size that an index does not hold."""
    for index in table.indexes:
        index_key_of(index.name, index.keys, item)


def _entry_of(index: Index, item: Item) -> ItemKey | None:
    """Return the key of an item in an index; one that was put before an index may not fit it."""
    try:
        return index_key_of(index.name, index.keys, item)
    except AwsError:
        return None


def _enter(
    connection: sqlite3.Connection, table: Table, index: Index, key: ItemKey, item: Item
) -> None:
    entry = _entry_of(index, item)
    if entry is not None:
        connection.execute(
            "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)",
            (table.id, index.id, entry.hash, entry.range, key.hash, key.range),
        )


def _leave(
    connection: sqlite3.Connection, table: Table, index: Index, key: ItemKey, item: Item
) -> None:
    entry = _entry_of(index, item)
    if entry is not None:
        connection.execute(
            "DELETE FROM entries WHERE table_id = ? AND index_id = ? AND hash = ? AND range = ? "
            "AND item_hash = ? AND item_range = ?",
            (table.id, index.id, entry.hash, entry.range, key.hash, key.range),
        )


def _table_of_row(row: sqlite3.Row) -> Table:
    return build_table(
        row["id"],
        row["name"],
        row["created_at"],
        json.loads(row["definition"]),
        json.loads(row["settings"]),
    )
