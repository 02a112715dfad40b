"""Stored versions of state machines."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from localcloud.database import Database

_COLUMNS = "arn, machine_arn, number, revision, description, created"


@dataclass(frozen=True, slots=True)
class StateMachineVersion:
    """A version: the number of a published revision. `created` is epoch seconds."""

    arn: str
    machine_arn: str
    number: int
    revision: int
    description: str | None
    created: float


class MachineVersionStore:
    """The versions of the account's state machines. A number is never given twice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, arn: str) -> StateMachineVersion | None:
        """Return a version, or None."""
        rows = self._database.read(
            f"SELECT {_COLUMNS} FROM versions WHERE arn = ? AND NOT deleted",  # noqa: S608 - a literal
            arn,
        )
        return StateMachineVersion(**rows[0]) if rows else None

    def of_machine(self, machine_arn: str) -> list[StateMachineVersion]:
        """Return the versions of a state machine, newest first."""
        rows = self._database.read(
            f"SELECT {_COLUMNS} FROM versions WHERE machine_arn = ? AND NOT deleted "  # noqa: S608 - a literal
            "ORDER BY number DESC",
            machine_arn,
        )
        return [StateMachineVersion(**row) for row in rows]

    def publish(
        self, machine_arn: str, revision: int, description: str | None, now: float
    ) -> StateMachineVersion:
        """Add a version of a revision."""
        with self._database.transaction() as connection:
            number = _last_number(connection, machine_arn) + 1
            version = StateMachineVersion(
                f"{machine_arn}:{number}", machine_arn, number, revision, description, now
            )
            connection.execute(
                f"INSERT INTO versions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - a literal
                (version.arn, machine_arn, number, revision, description, now),
            )
        return version

    def delete(self, arn: str) -> None:
        """Delete a version; its number stays taken."""
        self._database.write("UPDATE versions SET deleted = 1 WHERE arn = ?", arn)


def _last_number(connection: sqlite3.Connection, machine_arn: str) -> int:
    found = connection.execute(
        "SELECT max(number) FROM versions WHERE machine_arn = ?", (machine_arn,)
    ).fetchone()
    return int(found[0] or 0)
