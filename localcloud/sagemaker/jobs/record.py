"""Jobs of tuning, processing and transforming as they are kept, in one SQLite file.

Names differ in more than case, since ARNs have them in lower case.
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

Kind = Literal["tuning", "processing", "transform"]
ENDED = ("Completed", "Failed", "Stopped")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    kind TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, asked TEXT NOT NULL,
    status TEXT NOT NULL, created_at REAL NOT NULL, modified_at REAL NOT NULL, started_at REAL,
    ended_at REAL, reason TEXT, told TEXT NOT NULL, PRIMARY KEY (kind, name));
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A job. `asked` is the request that made it, `told` what its kind keeps of it besides.

    Times are epoch seconds; `started_at` is when its work began, `reason` why it failed.
    """

    kind: Kind
    name: str
    asked: Mapping[str, Any]
    status: str
    created_at: float
    modified_at: float
    started_at: float | None
    ended_at: float | None
    reason: str | None
    told: Mapping[str, Any]


class Jobs:
    """The jobs of a folder. Safe from any thread."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open the file, or make it."""
        self._database = Database(folder / "jobs.sqlite3", _SCHEMA)
        self.now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(
        self, kind: Kind, name: str, asked: Mapping[str, Any], told: Mapping[str, Any] | None = None
    ) -> bool:
        """Keep a job that is to run; False where there is one of that kind and name already."""
        now = self.now()
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO jobs (kind, name, asked, status, created_at, modified_at,"
                " told) VALUES (?, ?, ?, 'InProgress', ?, ?, ?)",
                kind,
                name,
                json.dumps(asked),
                now,
                now,
                json.dumps(told or {}),
            )
        )

    def get(self, kind: Kind, name: str) -> Job | None:
        """Return a job, or None."""
        rows = self._database.read("SELECT * FROM jobs WHERE kind = ? AND name = ?", kind, name)
        return _job(rows[0]) if rows else None

    def all(self, kind: Kind) -> list[Job]:
        """Return every job of a kind, oldest first."""
        rows = self._database.read("SELECT * FROM jobs WHERE kind = ? ORDER BY rowid", kind)
        return [_job(row) for row in rows]

    def going(self, kind: Kind) -> list[Job]:
        """Return the jobs of a kind that have not ended, oldest first."""
        return [each for each in self.all(kind) if each.status not in ENDED]

    def change(self, kind: Kind, name: str, **columns: Any) -> None:
        """Set columns of a job."""
        named = ", ".join(f"{column} = ?" for column in columns)
        values = [
            json.dumps(value) if isinstance(value, Mapping) else value for value in columns.values()
        ]
        self._database.write(
            f"UPDATE jobs SET {named}, modified_at = ? WHERE kind = ? AND name = ?",  # noqa: S608 - our names
            *values,
            self.now(),
            kind,
            name,
        )

    def begin_to_stop(self, kind: Kind, name: str) -> bool:
        """Let a job that is in progress stop; False where it is not."""
        return bool(
            self._database.write(
                "UPDATE jobs SET status = 'Stopping', modified_at = ? WHERE kind = ? AND name = ?"
                " AND status = 'InProgress'",
                self.now(),
                kind,
                name,
            )
        )

    def settle(self, kind: Kind, name: str, status: str, reason: str | None = None) -> None:
        """Let a job end."""
        self.change(kind, name, status=status, reason=reason, ended_at=self.now())


def _job(row: Any) -> Job:
    known = dict(row)
    for name in ("asked", "told"):
        known[name] = json.loads(known[name])
    return Job(**known)
