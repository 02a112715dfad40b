"""The journal of the calls from which moto's state is rebuilt at a start."""

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
NOT_JOURNALLED = frozenset(
    {"Publish", "PublishBatch", "AssumeRole", "PutLogEvents", "PutMetricData"}
)
"""Operations whose effects are not kept: what they add is lost with the process."""

_COMPACTED = ITEM_WRITES | NOT_JOURNALLED
"""Earlier versions journalled some of the others too, so compaction removes both."""

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
    """Calls in the order in which they were made, each with a sequence number."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal at `path`."""
        self._database = Database(path, _SCHEMA)

    def close(self) -> None:
        """Close the journal."""
        self._database.close()

    @contextmanager
    def entry(self, call: RawCall) -> Iterator[int]:
        """Append `call` and yield its sequence number; an error inside removes it again."""
        with self._database.transaction() as connection:
            yield _append(connection, call)

    def calls(self) -> list[tuple[int, RawCall]]:
        """Return every call with its sequence number, in order."""
        rows = self._database.read("SELECT * FROM journal ORDER BY seq")
        return [(row["seq"], _call_from_row(row)) for row in rows]

    def length(self) -> int:
        """Return the number of calls."""
        return int(self._database.read("SELECT count(*) AS n FROM journal")[0]["n"])

    def length_without_item_writes(self) -> int:
        """Return the number of calls that `replace_item_writes` would keep."""
        marks = ", ".join("?" for _ in _COMPACTED)
        count = f"SELECT count(*) AS n FROM journal WHERE operation NOT IN ({marks})"  # noqa: S608
        return int(self._database.read(count, *_COMPACTED)[0]["n"])

    def replace_item_writes(self, puts: Iterable[RawCall]) -> None:
        """Remove every write of an item and append `puts`, in one transaction."""
        marks = ", ".join("?" for _ in _COMPACTED)
        with self._database.transaction() as connection:
            connection.execute(f"DELETE FROM journal WHERE operation IN ({marks})", [*_COMPACTED])  # noqa: S608
            for put in puts:
                _append(connection, put)


def _append(connection: sqlite3.Connection, call: RawCall) -> int:
    """Append `call` to the journal and return its sequence number."""
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


def _call_from_row(row: sqlite3.Row) -> RawCall:
    return RawCall(
        row["service"],
        row["operation"],
        row["method"],
        row["path"],
        json.loads(row["headers"]),
        row["body"],
    )
