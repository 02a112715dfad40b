"""Batch jobs, in one SQLite file: every change of a status is kept before it is told.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelInvocationJob.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError

RUNNING = ("Submitted", "Validating", "Scheduled", "InProgress", "Stopping")
ENDED = ("Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired")
HOUR_S = 3600.0
DEFAULT_HOURS = 168
"""A job without a timeout of its own may take a week."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, asked TEXT NOT NULL, token TEXT UNIQUE, status TEXT NOT NULL,
    told TEXT NOT NULL DEFAULT '', message TEXT, counts TEXT NOT NULL DEFAULT '{}',
    submitted_at REAL NOT NULL, modified_at REAL NOT NULL, ended_at REAL);
"""


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `asked` is what CreateModelInvocationJob was given; times are epoch seconds."""

    id: str
    asked: Mapping[str, Any]
    status: str
    submitted_at: float
    modified_at: float
    ended_at: float | None = None
    message: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def expires_at(self) -> float:
        """Return when the job times out."""
        hours = self.asked.get("timeoutDurationInHours", DEFAULT_HOURS)
        return self.submitted_at + float(hours) * HOUR_S


class Jobs:
    """Every job of the account."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open the jobs in `folder`."""
        self._database = Database(folder / "jobs.sqlite3", _SCHEMA)
        self.now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, job_id: str, asked: Mapping[str, Any], most: int) -> Job:
        """Keep a job, or return the one that the same token made before.

        Raises ServiceQuotaExceededException if `most` jobs of its model have not ended.
        """
        token = asked.get("clientRequestToken")
        with self._database.transaction() as connection:
            made = connection.execute("SELECT * FROM jobs WHERE token = ?", (token,)).fetchone()
            if token is not None and made is not None:
                return _job(made)
            rows = connection.execute("SELECT * FROM jobs WHERE ended_at IS NULL").fetchall()
            if sum(_job(row).asked["modelId"] == asked["modelId"] for row in rows) >= most:
                raise AwsError(
                    "ServiceQuotaExceededException",
                    f"There are {most} jobs of the model {asked['modelId']} that have not ended.",
                )
            now = self.now()
            connection.execute(
                "INSERT INTO jobs (id, asked, token, status, submitted_at, modified_at)"
                " VALUES (?, ?, ?, 'Submitted', ?, ?)",
                (job_id, json.dumps(asked), token, now, now),
            )
        return self.get(job_id)

    def get(self, identifier: str) -> Job:
        """Return a job by its id or ARN. Raises ResourceNotFoundException."""
        rows = self._database.read("SELECT * FROM jobs WHERE id = ?", identifier.rpartition("/")[2])
        if not rows:
            raise AwsError(
                "ResourceNotFoundException",
                "Could not find a model invocation job matching the provided identifier.",
                404,
            )
        return _job(rows[0])

    def all(self) -> list[Job]:
        """Return every job, oldest first."""
        return [_job(row) for row in self._database.read("SELECT * FROM jobs ORDER BY rowid")]

    def move(self, job: Job, status: str, message: str | None = None) -> Job:
        """Give a job a status, unless it has ended or, but for its end, is being stopped."""
        now, over = self.now(), status in ENDED
        self._database.write(
            "UPDATE jobs SET status = ?, message = ?, modified_at = ?, ended_at = ?"
            " WHERE id = ? AND ended_at IS NULL AND (status != 'Stopping' OR ?)",
            status,
            message,
            now,
            now if over else None,
            job.id,
            over,
        )
        return self.get(job.id)

    def count(self, job: Job, counts: Mapping[str, int]) -> None:
        """Keep how far a job is."""
        self._database.write("UPDATE jobs SET counts = ? WHERE id = ?", json.dumps(counts), job.id)

    def untold(self) -> list[Job]:
        """Return the jobs whose status was not told yet."""
        rows = self._database.read("SELECT * FROM jobs WHERE told != status ORDER BY rowid")
        return [_job(row) for row in rows]

    def tell(self, job: Job) -> None:
        """Keep that the status of a job was told."""
        self._database.write("UPDATE jobs SET told = ? WHERE id = ?", job.status, job.id)


def _job(row: Any) -> Job:
    return Job(
        row["id"],
        json.loads(row["asked"]),
        row["status"],
        row["submitted_at"],
        row["modified_at"],
        row["ended_at"],
        row["message"],
        json.loads(row["counts"]),
    )
