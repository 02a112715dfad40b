"""SQLite as the services use it: durable before it is acknowledged, one writer at a time.

A killed process loses nothing that was committed (the pages are with the operating system);
WAL with `synchronous=NORMAL` also keeps the file whole when the machine loses power.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Database:
    """One SQLite file with a pool of connections, usable from any thread."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open or create `path` and run `schema` (idempotent CREATE … IF NOT EXISTS)."""
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._writer = threading.RLock()
        weakref.finalize(self, _close_all, self._idle)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._borrowed() as connection:
            connection.executescript(schema)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=30, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            with self._guard:
                self._idle.append(connection)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside BEGIN IMMEDIATE; commit at the end, roll back on error.

        Do not nest: an inner transaction would wait for the outer one.
        """
        with self._writer, self._borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def read(self, sql: str, *arguments: object) -> list[sqlite3.Row]:
        """Run one SELECT and return its rows."""
        with self._borrowed() as connection:
            return connection.execute(sql, arguments).fetchall()

    def write(self, sql: str, *arguments: object) -> int:
        """Run one statement in its own transaction and return how many rows it changed."""
        with self.transaction() as connection:
            return connection.execute(sql, arguments).rowcount

    def close(self) -> None:
        """Close every connection. No thread may use the database afterwards."""
        with self._guard:
            _close_all(self._idle)


def _close_all(connections: list[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()
