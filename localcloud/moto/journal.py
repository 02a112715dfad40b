"""The journal of the calls from which moto's state is rebuilt at a start."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcloud.database import Database

NOT_JOURNALLED = frozenset(
    {"Publish", "PublishBatch", "AssumeRole", "PutLogEvents", "PutMetricData"}
)
"""Operations whose effects are not kept: what they add is lost with the process."""

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
        """Open or create the journal at `path`, without what only earlier versions kept.

        Only its owner may read it, since secrets are in it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._database = Database(path, _SCHEMA)
        marks = ", ".join("?" for _ in NOT_JOURNALLED)
        self._database.write(
            f"DELETE FROM journal WHERE operation IN ({marks})",  # noqa: S608
            *NOT_JOURNALLED,
        )
        self._remove_deleted_log_streams()

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

    def _remove_deleted_log_streams(self) -> None:
        """Remove the creation and the deletion of log streams that are gone.

        The access log makes a stream for so many lines and deletes the oldest, which would make
        each start slower than the last. Of a stream nothing else is journalled.
        """
        rows = self._database.read(
            "SELECT seq, operation, body FROM journal WHERE service = 'logs' "
            "AND operation IN ('CreateLogStream', 'DeleteLogStream') ORDER BY seq"
        )
        created: dict[tuple[str, str], int] = {}
        gone: list[int] = []
        for row in rows:
            params = json.loads(row["body"])
            stream = (params["logGroupName"], params["logStreamName"])
            if row["operation"] == "CreateLogStream":
                created[stream] = row["seq"]
            elif stream in created:
                gone += [created.pop(stream), row["seq"]]
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM journal WHERE seq = ?", [(seq,) for seq in gone])

    def calls_of(self, service: str) -> list[tuple[int, RawCall]]:
        """Return the calls of one service with their sequence numbers, in order."""
        rows = self._database.read("SELECT * FROM journal WHERE service = ? ORDER BY seq", service)
        return [(row["seq"], _call_from_row(row)) for row in rows]

    def remove_calls_of(self, service: str) -> None:
        """Remove the calls of one service."""
        self._database.write("DELETE FROM journal WHERE service = ?", service)


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
