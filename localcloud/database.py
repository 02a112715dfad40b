"""SQLite as the services use it: durable before it is acknowledged, one writer at a time.

A killed process loses nothing that was committed (the pages are with the operating system);
WAL with `synchronous=NORMAL` also keeps the file whole when the machine loses power.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Database:
    """One SQLite file, with a connection for each thread that asks."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open or create `path` and run `schema` (idempotent CREATE … IF NOT EXISTS)."""
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection().executescript(schema)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, timeout=30, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
            self._local.connection = connection
            with self._guard:
                self._connections.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside BEGIN IMMEDIATE; commit at the end, roll back on error."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def read(self, sql: str, *arguments: object) -> list[sqlite3.Row]:
        """Run one SELECT and return its rows."""
        return self._connection().execute(sql, arguments).fetchall()

    def write(self, sql: str, *arguments: object) -> int:
        """Run one statement in its own transaction and return how many rows it changed."""
        with self.transaction() as connection:
            return connection.execute(sql, arguments).rowcount

    def close(self) -> None:
        """Close every connection. No thread may use the database afterwards."""
        with self._guard:
            while self._connections:
                self._connections.pop().close()
