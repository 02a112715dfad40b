"""The journal of the calls that moto's state is made of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcloud.database import Database

ITEM_WRITES = frozenset(
    {
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "TransactWriteItems",
        "ExecuteStatement",
        "BatchExecuteStatement",
        "ExecuteTransaction",
    }
)
LEAVES_NOTHING = frozenset(
    {"Publish", "PublishBatch", "AssumeRole", "PutLogEvents", "PutMetricData"}
)
"""Calls that are no part of what is kept: what they add is gone with the process."""
_REPLACED = ITEM_WRITES | LEAVES_NOTHING
_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL, operation TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call as it came over the wire, which is how moto takes it."""

    service: str
    operation: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Journal:
    """Calls in the order in which they were done, each with its number."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal at `path`."""
        self._database = Database(path, _SCHEMA)

    def close(self) -> None:
        """Close the journal."""
        self._database.close()

    @contextmanager
    def entry(self, call: RawCall) -> Iterator[int]:
        """Write `call` and yield its number; an error inside takes it out again."""
        with self._database.transaction() as connection:
            yield _write(connection, call)

    def calls(self) -> list[tuple[int, RawCall]]:
        """Return every call with its number, in order."""
        rows = self._database.read("SELECT * FROM journal ORDER BY seq")
        return [(row["seq"], _call_of(row)) for row in rows]

    def length(self) -> int:
        """Return how many calls there are."""
        return int(self._database.read("SELECT count(*) AS n FROM journal")[0]["n"])

    def others(self) -> int:
        """Return how many calls `replace_item_writes` would leave."""
        marks = ", ".join("?" for _ in _REPLACED)
        counted = f"SELECT count(*) AS n FROM journal WHERE operation NOT IN ({marks})"  # noqa: S608
        return int(self._database.read(counted, *_REPLACED)[0]["n"])

    def replace_item_writes(self, puts: Iterable[RawCall]) -> None:
        """Put `puts` at the end in place of every write of an item, all at once."""
        marks = ", ".join("?" for _ in _REPLACED)
        with self._database.transaction() as connection:
            connection.execute(f"DELETE FROM journal WHERE operation IN ({marks})", [*_REPLACED])  # noqa: S608
            for put in puts:
                _write(connection, put)


def _write(connection: sqlite3.Connection, call: RawCall) -> int:
    """Append `call` to the journal and return its number."""
    cursor = connection.execute(
        "INSERT INTO journal (service, operation, method, path, headers, body) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            call.service,
            call.operation,
            call.method,
            call.path,
            json.dumps(dict(call.headers)),
            call.body,
        ),
    )
    return int(cursor.lastrowid or 0)


def _call_of(row: sqlite3.Row) -> RawCall:
    return RawCall(
        row["service"],
        row["operation"],
        row["method"],
        row["path"],
        json.loads(row["headers"]),
        row["body"],
    )
