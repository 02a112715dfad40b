"""Tuning, processing and transform jobs in SQLite.

Names are compared without case, since ARNs have them in lower case.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from localcloud.clock import Clock
from localcloud.database import Database

JobKind = Literal["tuning", "processing", "transform"]
FINAL_STATUSES = ("Completed", "Failed", "Stopped")

_COLUMNS = {"request": "asked", "state": "told"}
"""Fields whose column has another name. These columns are JSON."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    kind TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, asked TEXT NOT NULL,
    status TEXT NOT NULL, created_at REAL NOT NULL, modified_at REAL NOT NULL, started_at REAL,
    ended_at REAL, reason TEXT, told TEXT NOT NULL, PRIMARY KEY (kind, name));
"""


@dataclass(frozen=True, slots=True)
class SageMakerJob:
    """A job. Times are seconds since the epoch.

    Attributes:
        request: the request that created it.
        started_at: when its work began.
        reason: why it failed.
        state: further data that depends on its kind.
    """

    kind: JobKind
    name: str
    request: Mapping[str, Any]
    status: str
    created_at: float
    modified_at: float
    started_at: float | None
    ended_at: float | None
    reason: str | None
    state: Mapping[str, Any]


class JobStore:
    """The store of tuning, processing and transform jobs. Thread-safe."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the file in `folder`."""
        self._database = Database(folder / "jobs.sqlite3", _SCHEMA)
        self.now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(
        self,
        kind: JobKind,
        name: str,
        request: Mapping[str, Any],
        state: Mapping[str, Any] | None = None,
    ) -> bool:
        """Add a job that shall run; return False if one of that kind and name exists."""
        now = self.now()
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO jobs (kind, name, asked, status, created_at, modified_at,"
                " told) VALUES (?, ?, ?, 'InProgress', ?, ?, ?)",
                kind,
                name,
                json.dumps(request),
                now,
                now,
                json.dumps(state or {}),
            )
        )

    def get(self, kind: JobKind, name: str) -> SageMakerJob | None:
        """Return a job, or None."""
        rows = self._database.read("SELECT * FROM jobs WHERE kind = ? AND name = ?", kind, name)
        return _job(rows[0]) if rows else None

    def all(self, kind: JobKind) -> list[SageMakerJob]:
        """Return all jobs of a kind, oldest first."""
        rows = self._database.read("SELECT * FROM jobs WHERE kind = ? ORDER BY rowid", kind)
        return [_job(row) for row in rows]

    def unfinished(self, kind: JobKind) -> list[SageMakerJob]:
        """Return the jobs of a kind that have not ended, oldest first."""
        return [each for each in self.all(kind) if each.status not in FINAL_STATUSES]

    def update(self, kind: JobKind, name: str, **columns: Any) -> None:
        """Set fields of a job, which are written as JSON if they are mappings."""
        assignments = ", ".join(f"{_COLUMNS.get(name, name)} = ?" for name in columns)
        values = [
            json.dumps(value) if isinstance(value, Mapping) else value for value in columns.values()
        ]
        self._database.write(
            f"UPDATE jobs SET {assignments}, modified_at = ? WHERE kind = ? AND name = ?",  # noqa: S608 - our names
            *values,
            self.now(),
            kind,
            name,
        )

    def mark_stopping(self, kind: JobKind, name: str) -> bool:
        """Set a job in progress to Stopping; return False if it is not in progress."""
        return bool(
            self._database.write(
                "UPDATE jobs SET status = 'Stopping', modified_at = ? WHERE kind = ? AND name = ?"
                " AND status = 'InProgress'",
                self.now(),
                kind,
                name,
            )
        )

    def finish(self, kind: JobKind, name: str, status: str, reason: str | None = None) -> None:
        """Set the final status of a job."""
        self.update(kind, name, status=status, reason=reason, ended_at=self.now())


def _job(row: Any) -> SageMakerJob:
    columns = dict(row)
    for field, column in _COLUMNS.items():
        columns[field] = json.loads(columns.pop(column))
    return SageMakerJob(**columns)
