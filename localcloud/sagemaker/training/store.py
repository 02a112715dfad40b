"""Training jobs in SQLite.

Names are compared without case, since ARNs have them in lower case.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database

FINAL_STATUSES = ("Completed", "Failed", "Stopped")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    name TEXT PRIMARY KEY COLLATE NOCASE, asked TEXT NOT NULL, status TEXT NOT NULL,
    created_at REAL NOT NULL, modified_at REAL NOT NULL, started_at REAL, ended_at REAL,
    reason TEXT, artefact TEXT, metrics TEXT NOT NULL, transitions TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class TrainingJobRecord:
    """A training job. Times are seconds since the epoch.

    Attributes:
        request: the request that created it.
        started_at: when its program started.
        reason: why it failed.
        artefact: the S3 URI of its model.
        metrics: the last value of each metric, with its time.
        transitions: its secondary statuses so far.
    """

    name: str
    request: Mapping[str, Any]
    status: str
    created_at: float
    modified_at: float
    started_at: float | None
    ended_at: float | None
    reason: str | None
    artefact: str | None
    metrics: Mapping[str, Sequence[float]]
    transitions: Sequence[Mapping[str, Any]]

    @property
    def secondary_status(self) -> str:
        """The current secondary status."""
        return str(self.transitions[-1]["status"])


class TrainingJobStore:
    """The store of training jobs. Thread-safe."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the file in `folder`."""
        self._database = Database(folder / "training.sqlite3", _SCHEMA)
        self.now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, name: str, request: Mapping[str, Any]) -> bool:
        """Add a job that shall run; return False if one of that name exists."""
        now = self.now()
        first = [{"status": "Starting", "message": "Starting the training job", "at": now}]
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO jobs (name, asked, status, created_at, modified_at, metrics,"
                " transitions) VALUES (?, ?, 'InProgress', ?, ?, '{}', ?)",
                name,
                json.dumps(request),
                now,
                now,
                json.dumps(first),
            )
        )

    def get(self, name: str) -> TrainingJobRecord | None:
        """Return a job, or None."""
        rows = self._database.read("SELECT * FROM jobs WHERE name = ?", name)
        return _record(rows[0]) if rows else None

    def all(self) -> list[TrainingJobRecord]:
        """Return all jobs, oldest first."""
        return [_record(row) for row in self._database.read("SELECT * FROM jobs ORDER BY rowid")]

    def update(self, name: str, **columns: Any) -> None:
        """Set columns of a job, which are written as JSON if they are mappings or lists."""
        assignments = ", ".join(f"{column} = ?" for column in columns)
        values = [
            json.dumps(value) if isinstance(value, Mapping | list) else value
            for value in columns.values()
        ]
        self._database.write(
            f"UPDATE jobs SET {assignments}, modified_at = ? WHERE name = ?",  # noqa: S608 - our names
            *values,
            self.now(),
            name,
        )

    def mark_stopping(self, name: str) -> bool:
        """Set a job in progress to Stopping; return False if it is not in progress."""
        return bool(
            self._database.write(
                "UPDATE jobs SET status = 'Stopping', modified_at = ? WHERE name = ?"
                " AND status = 'InProgress'",
                self.now(),
                name,
            )
        )

    def add_transition(self, name: str, secondary: str, message: str, **columns: Any) -> None:
        """Add a secondary status to a job, and set columns at the same time."""
        job = self.get(name)
        if job is None:
            return
        transition = {"status": secondary, "message": message, "at": self.now()}
        self.update(name, transitions=[*job.transitions, transition], **columns)


def _record(row: Any) -> TrainingJobRecord:
    columns = dict(row)
    columns["request"] = json.loads(columns.pop("asked"))
    for name in ("metrics", "transitions"):
        columns[name] = json.loads(columns[name])
    return TrainingJobRecord(**columns)
