"""Stored state machines, their revisions and tags."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.database import Database


@dataclass(frozen=True, slots=True)
class StateMachineRevision:
    """A state machine between two updates.

    `body` holds CreateStateMachine's members: definition, roleArn, type,
    loggingConfiguration, tracingConfiguration, encryptionConfiguration. Times are epoch seconds.
    """

    number: int
    machine_arn: str
    name: str
    created: float
    updated: float
    revision_id: str | None
    body: Mapping[str, Any]


class StateMachineStore:
    """The state machines of the account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, arn: str) -> StateMachineRevision | None:
        """Return the present revision of a state machine, or None."""
        rows = self._database.read(
            "SELECT r.*, m.name, m.created FROM machines m JOIN revisions r ON r.id = m.revision "
            "WHERE m.arn = ?",
            arn,
        )
        return _revision(rows[0]) if rows else None

    def revision(self, number: int) -> StateMachineRevision:
        """Return a revision by its number; it outlives its state machine."""
        rows = self._database.read(
            "SELECT r.*, coalesce(m.name, '') AS name, coalesce(m.created, 0) AS created "
            "FROM revisions r LEFT JOIN machines m ON m.arn = r.machine_arn WHERE r.id = ?",
            number,
        )
        return _revision(rows[0])

    def all(self) -> list[StateMachineRevision]:
        """Return every state machine, by name."""
        rows = self._database.read(
            "SELECT r.*, m.name, m.created FROM machines m JOIN revisions r ON r.id = m.revision "
            "ORDER BY m.name"
        )
        return [_revision(row) for row in rows]

    def create(
        self, arn: str, name: str, body: Mapping[str, Any], now: float, tags: Mapping[str, str]
    ) -> None:
        """Add a state machine."""
        with self._database.transaction() as connection:
            number = _add_revision(connection, arn, None, now, body)
            connection.execute("INSERT INTO machines VALUES (?, ?, ?, ?)", (arn, name, number, now))
            _put_tags(connection, arn, tags)

    def update(self, arn: str, body: Mapping[str, Any], revision_id: str, now: float) -> None:
        """Give a state machine a new revision."""
        with self._database.transaction() as connection:
            number = _add_revision(connection, arn, revision_id, now, body)
            connection.execute("UPDATE machines SET revision = ? WHERE arn = ?", (number, arn))

    def delete(self, arn: str) -> None:
        """Remove a state machine; its revisions stay for the executions that have them."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM machines WHERE arn = ?", (arn,))
            connection.execute("DELETE FROM tags WHERE arn = ?", (arn,))
            connection.execute("DELETE FROM versions WHERE machine_arn = ?", (arn,))
            connection.execute("DELETE FROM aliases WHERE machine_arn = ?", (arn,))

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a resource."""
        rows = self._database.read("SELECT key, value FROM tags WHERE arn = ? ORDER BY key", arn)
        return {row["key"]: row["value"] for row in rows}

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        with self._database.transaction() as connection:
            _put_tags(connection, arn, tags)

    def untag(self, arn: str, keys: list[str]) -> None:
        """Remove tags."""
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM tags WHERE arn = ? AND key = ?", [(arn, key) for key in keys]
            )


def _add_revision(
    connection: sqlite3.Connection,
    arn: str,
    revision_id: str | None,
    now: float,
    body: Mapping[str, Any],
) -> int:
    added = connection.execute(
        "INSERT INTO revisions (machine_arn, revision_id, updated, body) VALUES (?, ?, ?, ?)",
        (arn, revision_id, now, json.dumps(dict(body))),
    )
    return int(added.lastrowid or 0)


def _put_tags(connection: sqlite3.Connection, arn: str, tags: Mapping[str, str]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO tags VALUES (?, ?, ?)",
        [(arn, key, value) for key, value in tags.items()],
    )


def _revision(row: sqlite3.Row) -> StateMachineRevision:
    return StateMachineRevision(
        number=row["id"],
        machine_arn=row["machine_arn"],
        name=row["name"],
        created=row["created"],
        updated=row["updated"],
        revision_id=row["revision_id"],
        body=json.loads(row["body"]),
    )
