"""Where schedules, groups and their tags are kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.events import deliveries

DEFAULT_GROUP = "default"

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS groups (
    name TEXT PRIMARY KEY,
    tags TEXT NOT NULL,
    token TEXT,
    created_at REAL NOT NULL,
    modified_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS schedules (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_name TEXT NOT NULL REFERENCES groups (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    token TEXT,
    created_at REAL NOT NULL,
    modified_at REAL NOT NULL,
    scheduled_at REAL,
    fire_at REAL,
    UNIQUE (group_name, name)
);
"""
    + deliveries.SCHEMA
)


def open_database(folder: Path) -> Database:
    """Open the database of Scheduler in `folder`."""
    return Database(folder / "scheduler.sqlite", SCHEMA)


@dataclass(frozen=True, slots=True)
class Group:
    """A schedule group. Times are seconds since the epoch."""

    name: str
    tags: Mapping[str, str]
    token: str | None
    created_at: float
    modified_at: float


@dataclass(frozen=True, slots=True)
class Firing:
    """When a schedule's next occurrence is, and when in its flexible window it fires."""

    scheduled_at: float
    fire_at: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as it is stored. Times are seconds since the epoch.

    `definition` has the members of CreateSchedule, StartDate and EndDate as seconds.
    """

    group: str
    name: str
    definition: Mapping[str, Any]
    token: str | None
    created_at: float
    modified_at: float
    firing: Firing | None
    id: int = 0


def _schedule(row: sqlite3.Row) -> Schedule:
    firing = None if row["fire_at"] is None else Firing(row["scheduled_at"], row["fire_at"])
    return Schedule(
        row["group_name"],
        row["name"],
        json.loads(row["definition"]),
        row["token"],
        row["created_at"],
        row["modified_at"],
        firing,
        row["id"],
    )


class ScheduleStore:
    """The rows of groups and schedules."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Keep rows in `database`, in which group `default` always exists."""
        self.database = database
        self._clock = clock
        self.add_group(DEFAULT_GROUP, {}, None)

    def add_group(self, name: str, tags: Mapping[str, str], token: str | None) -> bool:
        """Store a group; False when the name is taken."""
        now = self._clock()
        return bool(
            self.database.write(
                "INSERT OR IGNORE INTO groups VALUES (?, ?, ?, ?, ?)",
                name,
                json.dumps(tags),
                token,
                now,
                now,
            )
        )

    def groups(self) -> list[Group]:
        """Return every group, by name."""
        rows = self.database.read("SELECT * FROM groups ORDER BY name")
        return [
            Group(
                row["name"],
                json.loads(row["tags"]),
                row["token"],
                row["created_at"],
                row["modified_at"],
            )
            for row in rows
        ]

    def group(self, name: str) -> Group | None:
        """Return one group, or None."""
        return next((group for group in self.groups() if group.name == name), None)

    def set_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a group."""
        self.database.write(
            "UPDATE groups SET tags = ?, modified_at = ? WHERE name = ?",
            json.dumps(tags),
            self._clock(),
            name,
        )

    def remove_group(self, name: str) -> None:
        """Delete a group and its schedules."""
        self.database.write("DELETE FROM groups WHERE name = ?", name)

    def schedules(self) -> list[Schedule]:
        """Return every schedule, by group and name."""
        return [
            _schedule(row)
            for row in self.database.read("SELECT * FROM schedules ORDER BY group_name, name")
        ]

    def schedule(self, group: str, name: str) -> Schedule | None:
        """Return one schedule, or None."""
        rows = self.database.read(
            "SELECT * FROM schedules WHERE group_name = ? AND name = ?", group, name
        )
        return _schedule(rows[0]) if rows else None

    def put(self, schedule: Schedule) -> None:
        """Store a schedule, or replace the one of the same name in its group."""
        self.database.write(
            "INSERT INTO schedules (group_name, name, definition, token, created_at, modified_at,"
            " scheduled_at, fire_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (group_name, name) DO UPDATE SET definition = excluded.definition,"
            " modified_at = excluded.modified_at, scheduled_at = excluded.scheduled_at,"
            " fire_at = excluded.fire_at",
            schedule.group,
            schedule.name,
            json.dumps(schedule.definition),
            schedule.token,
            schedule.created_at,
            schedule.modified_at,
            schedule.firing.scheduled_at if schedule.firing else None,
            schedule.firing.fire_at if schedule.firing else None,
        )

    def remove(self, schedule: Schedule) -> None:
        """Delete a schedule."""
        self.database.write("DELETE FROM schedules WHERE id = ?", schedule.id)

    def due(self, moment: float) -> list[Schedule]:
        """Return the schedules that fire by `moment`, the earliest first."""
        rows = self.database.read(
            "SELECT * FROM schedules WHERE fire_at <= ? ORDER BY fire_at", moment
        )
        return [_schedule(row) for row in rows]

    def next_fire_at(self) -> float | None:
        """Return when the next schedule fires, or None."""
        at: float | None = self.database.read("SELECT min(fire_at) AS at FROM schedules")[0]["at"]
        return at

    def settle(
        self, connection: sqlite3.Connection, fired: Schedule, following: Firing | None
    ) -> bool:
        """Record that `fired` has fired, in the caller's transaction.

        False when another change came first; then nothing may be fired.
        """
        assert fired.firing is not None
        changed = connection.execute(
            "UPDATE schedules SET scheduled_at = ?, fire_at = ? WHERE id = ? AND fire_at = ?"
            " AND modified_at = ?",
            (
                following.scheduled_at if following else None,
                following.fire_at if following else None,
                fired.id,
                fired.firing.fire_at,
                fired.modified_at,
            ),
        )
        if not changed.rowcount:
            return False
        if following is None and fired.definition.get("ActionAfterCompletion") == "DELETE":
            connection.execute("DELETE FROM schedules WHERE id = ?", (fired.id,))
        return True
