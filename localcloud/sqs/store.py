"""The SQLite schema of SQS, and the store of queues and their tags."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.sqs.queues import Queue

SCHEMA = """
CREATE TABLE IF NOT EXISTS queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    arn TEXT NOT NULL,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at REAL NOT NULL,
    modified_at REAL NOT NULL,
    purged_at REAL
);
CREATE TABLE IF NOT EXISTS deleted_queues (name TEXT PRIMARY KEY, deleted_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    queue_id INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL,
    system TEXT NOT NULL,
    group_id TEXT,
    deduplication_id TEXT,
    sent_at REAL NOT NULL,
    visible_at REAL NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    first_received_at REAL,
    received_at REAL,
    receipt TEXT,
    source_arn TEXT
);
CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue_id, visible_at, sequence);
CREATE INDEX IF NOT EXISTS messages_sent ON messages (queue_id, sent_at);
CREATE INDEX IF NOT EXISTS messages_group ON messages (queue_id, group_id, visible_at);
CREATE TABLE IF NOT EXISTS deduplications (
    queue_id INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    deduplication_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    sent_at REAL NOT NULL,
    PRIMARY KEY (queue_id, scope, deduplication_id)
);
CREATE TABLE IF NOT EXISTS attempts (
    queue_id INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    attempt_id TEXT NOT NULL,
    received_at REAL NOT NULL,
    receipts TEXT NOT NULL,
    PRIMARY KEY (queue_id, attempt_id)
);
CREATE TABLE IF NOT EXISTS moves (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    handle TEXT NOT NULL UNIQUE,
    source_arn TEXT NOT NULL,
    destination_arn TEXT,
    rate INTEGER,
    moved INTEGER NOT NULL DEFAULT 0,
    to_move INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    started_at REAL NOT NULL
);
"""


def open_database(folder: Path) -> Database:
    """Open the database of SQS in `folder`."""
    return Database(folder / "sqs.sqlite", SCHEMA)


def _queue_from_row(row: sqlite3.Row) -> Queue:
    return Queue(
        row["id"],
        row["name"],
        row["arn"],
        json.loads(row["attributes"]),
        row["created_at"],
        row["modified_at"],
    )


class QueueStore:
    """The queues that exist."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Keep queues in `database`."""
        self._database = database
        self._clock = clock

    def find(self, name: str) -> Queue | None:
        """Return the queue called `name`, or None."""
        rows = self._database.read("SELECT * FROM queues WHERE name = ?", name)
        return _queue_from_row(rows[0]) if rows else None

    def find_by_arn(self, arn: str) -> Queue | None:
        """Return the queue with `arn`, or None."""
        rows = self._database.read("SELECT * FROM queues WHERE arn = ?", arn)
        return _queue_from_row(rows[0]) if rows else None

    def all(self) -> list[Queue]:
        """Return every queue, by name."""
        return [
            _queue_from_row(row)
            for row in self._database.read("SELECT * FROM queues ORDER BY name")
        ]

    def dead_letter_sources(self, arn: str) -> list[Queue]:
        """Return the queues whose dead letters go to `arn`, by name."""
        return [queue for queue in self.all() if queue.redrive and queue.redrive[0] == arn]

    def add(
        self, name: str, arn: str, attributes: Mapping[str, str], tags: Mapping[str, str]
    ) -> bool:
        """Store a new queue; return False if the name is taken."""
        now = self._clock()
        with self._database.transaction() as connection:
            added = connection.execute(
                "INSERT OR IGNORE INTO queues (name, arn, attributes, tags, created_at,"
                " modified_at) VALUES (?, ?, ?, ?, ?, ?)",
                (name, arn, json.dumps(attributes), json.dumps(tags), now, now),
            )
            connection.execute("DELETE FROM deleted_queues WHERE name = ?", (name,))
            return added.rowcount == 1

    def remove(self, queue: Queue) -> None:
        """Delete `queue` with its messages, and record when."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM queues WHERE id = ?", (queue.id,))
            connection.execute(
                "INSERT OR REPLACE INTO deleted_queues VALUES (?, ?)", (queue.name, self._clock())
            )

    def deleted_at(self, name: str) -> float | None:
        """Return when a queue called `name` was last deleted, in seconds since the epoch."""
        rows = self._database.read("SELECT deleted_at FROM deleted_queues WHERE name = ?", name)
        return rows[0]["deleted_at"] if rows else None

    def set_attributes(self, queue: Queue, attributes: Mapping[str, str]) -> None:
        """Replace the attributes of `queue`."""
        self._database.write(
            "UPDATE queues SET attributes = ?, modified_at = ? WHERE id = ?",
            json.dumps(attributes),
            self._clock(),
            queue.id,
        )

    def tags(self, queue: Queue) -> dict[str, str]:
        """Return the tags of `queue`."""
        rows = self._database.read("SELECT tags FROM queues WHERE id = ?", queue.id)
        return dict(json.loads(rows[0]["tags"])) if rows else {}

    def set_tags(self, queue: Queue, tags: Mapping[str, str]) -> None:
        """Replace the tags of `queue`."""
        self._database.write("UPDATE queues SET tags = ? WHERE id = ?", json.dumps(tags), queue.id)

    def purge(self, queue: Queue, not_after: float) -> bool:
        """Delete every message of `queue`; return False if it was purged after `not_after`."""
        now = self._clock()
        with self._database.transaction() as connection:
            claimed = connection.execute(
                "UPDATE queues SET purged_at = ? WHERE id = ? AND ifnull(purged_at, 0) <= ?",
                (now, queue.id, not_after),
            )
            if claimed.rowcount == 0:
                return False
            connection.execute("DELETE FROM messages WHERE queue_id = ?", (queue.id,))
            return True
