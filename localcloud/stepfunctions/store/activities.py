"""Stored activities, and the tasks that wait for a worker to take them."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.database import Database


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity; `created` is epoch seconds."""

    arn: str
    name: str
    created: float


@dataclass(frozen=True, slots=True)
class ActivityTask:
    """A scheduled task of an activity; `input` is JSON text."""

    number: int
    token: str
    input: str


class ActivityStore:
    """The activities of the account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, arn: str, name: str, now: float) -> None:
        """Add an activity, unless it exists."""
        self._database.write("INSERT OR IGNORE INTO activities VALUES (?, ?, ?)", arn, name, now)

    def find(self, arn: str) -> Activity | None:
        """Return an activity, or None."""
        rows = self._database.read("SELECT * FROM activities WHERE arn = ?", arn)
        return Activity(**rows[0]) if rows else None

    def all(self) -> list[Activity]:
        """Return every activity, by name."""
        return [
            Activity(**row) for row in self._database.read("SELECT * FROM activities ORDER BY name")
        ]

    def delete(self, arn: str) -> None:
        """Remove an activity, its tags and its waiting tasks."""
        self._database.write("DELETE FROM activities WHERE arn = ?", arn)
        self._database.write("DELETE FROM activity_tasks WHERE activity_arn = ?", arn)
        self._database.write("DELETE FROM tags WHERE arn = ?", arn)

    def oldest_task(self, arn: str) -> ActivityTask | None:
        """Return the task that has waited longest, or None."""
        rows = self._database.read(
            "SELECT id AS number, token, input FROM activity_tasks WHERE activity_arn = ? "
            "ORDER BY id LIMIT 1",
            arn,
        )
        return ActivityTask(**rows[0]) if rows else None

    def remove_task(self, task: ActivityTask) -> None:
        """Remove a task that a worker has taken, or that nobody waits for."""
        self._database.write("DELETE FROM activity_tasks WHERE id = ?", task.number)
