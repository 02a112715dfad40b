"""Stored aliases of state machines."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from localcloud.database import Database


@dataclass(frozen=True, slots=True)
class StateMachineAlias:
    """An alias: a name for one or two versions. Times are epoch seconds.

    `routes` pairs the ARN of a version with the percentage of executions that it runs; the
    percentages make 100.
    """

    arn: str
    machine_arn: str
    name: str
    description: str | None
    routes: tuple[tuple[str, int], ...]
    created: float
    updated: float


class MachineAliasStore:
    """The aliases of the account's state machines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, arn: str) -> StateMachineAlias | None:
        """Return an alias, or None."""
        rows = self._database.read("SELECT * FROM aliases WHERE arn = ?", arn)
        return _alias(rows[0]) if rows else None

    def of_machine(self, machine_arn: str) -> list[StateMachineAlias]:
        """Return the aliases of a state machine in the order of their creation."""
        rows = self._database.read(
            "SELECT * FROM aliases WHERE machine_arn = ? ORDER BY created, name", machine_arn
        )
        return [_alias(row) for row in rows]

    def put(self, alias: StateMachineAlias) -> None:
        """Add an alias, or replace the one of its ARN."""
        self._database.write(
            "INSERT OR REPLACE INTO aliases VALUES (?, ?, ?, ?, ?, ?, ?)",
            alias.arn,
            alias.machine_arn,
            alias.name,
            alias.description,
            json.dumps(alias.routes),
            alias.created,
            alias.updated,
        )

    def delete(self, arn: str) -> None:
        """Delete an alias if it exists."""
        self._database.write("DELETE FROM aliases WHERE arn = ?", arn)


def _alias(row: sqlite3.Row) -> StateMachineAlias:
    routes = tuple((str(arn), int(weight)) for arn, weight in json.loads(row["routes"]))
    return StateMachineAlias(
        arn=row["arn"],
        machine_arn=row["machine_arn"],
        name=row["name"],
        description=row["description"],
        routes=routes,
        created=row["created"],
        updated=row["updated"],
    )
