"""Training jobs as they are kept, in one SQLite file.

Names differ in more than case, since ARNs have them in lower case.
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

ENDED = ("Completed", "Failed", "Stopped")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    name TEXT PRIMARY KEY COLLATE NOCASE, asked TEXT NOT NULL, status TEXT NOT NULL,
    created_at REAL NOT NULL, modified_at REAL NOT NULL, started_at REAL, ended_at REAL,
    reason TEXT, artefact TEXT, metrics TEXT NOT NULL, transitions TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Record:
    """A job. `transitions` are its secondary statuses, `metrics` the last value of each.

    Times are epoch seconds; `started_at` is when its program began, `reason` why it failed and
    `artefact` the address of its model.
    """

    name: str
    asked: Mapping[str, Any]
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
    def secondary(self) -> str:
        """Return the secondary status that it is in."""
        return str(self.transitions[-1]["status"])


class Records:
    """The jobs of a folder. Safe from any thread."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open the file, or make it."""
        self._database = Database(folder / "training.sqlite3", _SCHEMA)
        self.now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, name: str, asked: Mapping[str, Any]) -> bool:
        """Keep a job that is to run; False where there is one of that name already."""
        now = self.now()
        first = [{"status": "Starting", "message": "Starting the training job", "at": now}]
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO jobs (name, asked, status, created_at, modified_at, metrics,"
                " transitions) VALUES (?, ?, 'InProgress', ?, ?, '{}', ?)",
                name,
                json.dumps(asked),
                now,
                now,
                json.dumps(first),
            )
        )

    def get(self, name: str) -> Record | None:
        """Return a job, or None."""
        rows = self._database.read("SELECT * FROM jobs WHERE name = ?", name)
        return _record(rows[0]) if rows else None

    def all(self) -> list[Record]:
        """Return every job, oldest first."""
        return [_record(row) for row in self._database.read("SELECT * FROM jobs ORDER BY rowid")]

    def change(self, name: str, **columns: Any) -> None:
        """Set columns of a job."""
        named = ", ".join(f"{column} = ?" for column in columns)
        values = [
            json.dumps(value) if isinstance(value, Mapping | list) else value
            for value in columns.values()
        ]
        self._database.write(
            f"UPDATE jobs SET {named}, modified_at = ? WHERE name = ?",  # noqa: S608 - our names
            *values,
            self.now(),
            name,
        )

    def begin_to_stop(self, name: str) -> bool:
        """Let a job that is in progress stop; False where it is not."""
        return bool(
            self._database.write(
                "UPDATE jobs SET status = 'Stopping', modified_at = ? WHERE name = ?"
                " AND status = 'InProgress'",
                self.now(),
                name,
            )
        )

    def pass_to(self, name: str, secondary: str, message: str, **columns: Any) -> None:
        """Let a job come to a secondary status, and set columns with it."""
        found = self.get(name)
        if found is None:
            return
        came = {"status": secondary, "message": message, "at": self.now()}
        self.change(name, transitions=[*found.transitions, came], **columns)


def _record(row: Any) -> Record:
    known = dict(row)
    for name in ("asked", "metrics", "transitions"):
        known[name] = json.loads(known[name])
    return Record(**known)
