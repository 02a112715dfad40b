"""SQLite databases of the services: one writer at a time, durable once committed.

A killed process loses nothing that was committed, as the operating system has the pages. WAL
with `synchronous=NORMAL` also keeps the file consistent when the machine loses power.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcloud.storage_errors import corrupt_database

MIN_FREE_BYTES = 8 * 1024 * 1024
"""A start leaves a file as it is that has less free within it."""


class Database:
    """One SQLite file with a pool of connections, usable from any thread."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open or create the file and run `schema`, which must be idempotent.

        Raises CorruptDatabaseError for a damaged file, as every later use of it does.
        """
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._write_lock = threading.RLock()
        weakref.finalize(self, _close_all, self._idle)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            connection.executescript(schema)
            self._give_back_free_pages(connection)

    def _give_back_free_pages(self, connection: sqlite3.Connection) -> None:
        """Shrink the file if most of it is free, which SQLite does not do when rows are deleted.

        It is copied for that, so the disk must have room for it once more.
        https://www.sqlite.org/lang_vacuum.html
        """
        pragmas = ("freelist_count", "page_count", "page_size")
        free, pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas)
        room = shutil.disk_usage(self._path.parent).free
        if free * size >= MIN_FREE_BYTES and 2 * free > pages and room > pages * size:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=30, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._idle_lock:
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or self._connect()
            yield connection
        except sqlite3.Error as error:
            damaged = corrupt_database(error, self._path)
            if damaged is not None:
                raise damaged from error
            raise
        finally:
            if connection is not None:
                with self._idle_lock:
                    self._idle.append(connection)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction that is committed at the end, rolled back on error.

        It begins as BEGIN IMMEDIATE. Do not nest: an inner one would wait for the outer one.
        """
        with self._write_lock, self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def add_column(self, table: str, definition: str) -> None:
        """Add a column that `CREATE TABLE IF NOT EXISTS` does not add to an older file."""
        name = definition.partition(" ")[0]
        columns = self.read("SELECT name FROM pragma_table_info(?)", table)
        if name not in {row["name"] for row in columns}:
            self.write(f"ALTER TABLE {table} ADD COLUMN {definition}")

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection whose reads all see the same state; nothing may be written on it."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    def read(self, sql: str, *arguments: object) -> list[sqlite3.Row]:
        """Run one SELECT and return its rows."""
        with self._connection() as connection:
            return connection.execute(sql, arguments).fetchall()

    def write(self, sql: str, *arguments: object) -> int:
        """Run one statement in its own transaction and return how many rows it changed."""
        with self.transaction() as connection:
            return connection.execute(sql, arguments).rowcount

    def close(self) -> None:
        """Close every connection. No thread may use the database afterwards."""
        with self._idle_lock:
            _close_all(self._idle)


def _close_all(connections: list[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()
