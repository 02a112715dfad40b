"""The database of Scheduler: schedules, groups and their tags."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.events import delivery_queue

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
CREATE TABLE IF NOT EXISTS group_deletions (
    group_name TEXT PRIMARY KEY REFERENCES groups (name) ON DELETE CASCADE,
    at REAL NOT NULL
);
"""
    + delivery_queue.SCHEMA
)


def open_database(folder: Path) -> Database:
    """Open the database of Scheduler in `folder`."""
    return Database(folder / "scheduler.sqlite", SCHEMA)


@dataclass(frozen=True, slots=True)
class ScheduleGroup:
    """A schedule group. Times are seconds since the epoch.

    It is being deleted, and is gone at `deletes_at`, unless that is None.
    """

    name: str
    tags: Mapping[str, str]
    token: str | None
    created_at: float
    modified_at: float
    deletes_at: float | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """The scheduled time of an occurrence, and when in the flexible time window it fires."""

    scheduled_at: float
    fire_at: float


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A schedule as it is stored. Times are seconds since the epoch.

    `definition` has the members of CreateSchedule, StartDate and EndDate as seconds.
    """

    group: str
    name: str
    definition: Mapping[str, Any]
    token: str | None
    created_at: float
    modified_at: float
    occurrence: Occurrence | None
    id: int = 0


def _schedule(row: sqlite3.Row) -> StoredSchedule:
    occurrence = None if row["fire_at"] is None else Occurrence(row["scheduled_at"], row["fire_at"])
    return StoredSchedule(
        row["group_name"],
        row["name"],
        json.loads(row["definition"]),
        row["token"],
        row["created_at"],
        row["modified_at"],
        occurrence,
        row["id"],
    )


class ScheduleStore:
    """The rows of groups and schedules."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Store rows in `database`, and add the group `default` if it is missing."""
        self.database = database
        self._clock = clock
        self.add_group(DEFAULT_GROUP, {}, None)

    def add_group(self, name: str, tags: Mapping[str, str], token: str | None) -> bool:
        """Store a group; return False if the name is taken."""
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

    def groups(self) -> list[ScheduleGroup]:
        """Return every group, by name."""
        rows = self.database.read(
            "SELECT groups.*, at FROM groups LEFT JOIN group_deletions ON group_name = name"
            " ORDER BY name"
        )
        return [
            ScheduleGroup(
                row["name"],
                json.loads(row["tags"]),
                row["token"],
                row["created_at"],
                row["modified_at"],
                row["at"],
            )
            for row in rows
        ]

    def group(self, name: str) -> ScheduleGroup | None:
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

    def begin_group_deletion(self, name: str, at: float) -> None:
        """Let a group and its schedules be deleted at `at`, if that is not so already."""
        self.database.write("INSERT OR IGNORE INTO group_deletions VALUES (?, ?)", name, at)

    def end_group_deletions(self, moment: float) -> None:
        """Delete the groups, and their schedules, whose deletion is due at `moment`."""
        self.database.write(
            "DELETE FROM groups WHERE name IN (SELECT group_name FROM group_deletions"
            " WHERE at <= ?)",
            moment,
        )

    def schedules(self) -> list[StoredSchedule]:
        """Return every schedule, by group and name."""
        return [
            _schedule(row)
            for row in self.database.read("SELECT * FROM schedules ORDER BY group_name, name")
        ]

    def schedule(self, group: str, name: str) -> StoredSchedule | None:
        """Return one schedule, or None."""
        rows = self.database.read(
            "SELECT * FROM schedules WHERE group_name = ? AND name = ?", group, name
        )
        return _schedule(rows[0]) if rows else None

    def put(self, schedule: StoredSchedule) -> None:
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
            schedule.occurrence.scheduled_at if schedule.occurrence else None,
            schedule.occurrence.fire_at if schedule.occurrence else None,
        )

    def remove(self, schedule: StoredSchedule) -> None:
        """Delete a schedule."""
        self.database.write("DELETE FROM schedules WHERE id = ?", schedule.id)

    def due(self, moment: float) -> list[StoredSchedule]:
        """Return the schedules that are due at `moment`, in seconds since the epoch, by time."""
        rows = self.database.read(
            "SELECT * FROM schedules WHERE fire_at <= ? ORDER BY fire_at", moment
        )
        return [_schedule(row) for row in rows]

    def next_fire_at(self) -> float | None:
        """Return when the next schedule fires or group is deleted, or None if none will."""
        rows = self.database.read(
            "SELECT min(fire_at) AS at FROM schedules UNION SELECT min(at) FROM group_deletions"
        )
        return min((row["at"] for row in rows if row["at"] is not None), default=None)

    def record_firing(
        self, connection: sqlite3.Connection, fired: StoredSchedule, following: Occurrence | None
    ) -> bool:
        """Record in the caller's transaction that `fired` has fired, and what follows.

        Return False if the schedule was changed meanwhile; then it must not fire.
        """
        assert fired.occurrence is not None
        changed = connection.execute(
            "UPDATE schedules SET scheduled_at = ?, fire_at = ? WHERE id = ? AND fire_at = ?"
            " AND modified_at = ?",
            (
                following.scheduled_at if following else None,
                following.fire_at if following else None,
                fired.id,
                fired.occurrence.fire_at,
                fired.modified_at,
            ),
        )
        if not changed.rowcount:
            return False
        if following is None and fired.definition.get("ActionAfterCompletion") == "DELETE":
            connection.execute("DELETE FROM schedules WHERE id = ?", (fired.id,))
        return True
