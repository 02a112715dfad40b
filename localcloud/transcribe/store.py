"""Transcription jobs in SQLite.

https://docs.aws.amazon.com/transcribe/latest/APIReference/API_TranscriptionJob.html
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError

OPEN_STATUSES = ("QUEUED", "IN_PROGRESS")
MAX_OPEN = 100
"""The jobs of an account that run at once: AWS's default quota.

https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    name TEXT PRIMARY KEY, request TEXT NOT NULL, role TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT, language TEXT, score REAL, created_at REAL NOT NULL, started_at REAL,
    ended_at REAL);
"""


@dataclass(frozen=True, slots=True)
class TranscriptionJob:
    """A job. Times are seconds since the epoch.

    `request` has the parameters of StartTranscriptionJob, `role` is the ARN of the role that reads
    and writes S3, "" for the administrator. `language` and its `score` are what was identified.
    """

    name: str
    request: Mapping[str, Any]
    role: str
    status: str
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    reason: str | None = None
    language: str | None = None
    score: float | None = None


class TranscriptionJobStore:
    """The transcription jobs of the account."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the database in `folder`."""
        self._database = Database(folder / "jobs.sqlite3", _SCHEMA)
        self._now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, request: Mapping[str, Any], role: str) -> TranscriptionJob:
        """Store a new job.

        Raises:
            AwsError: ConflictException if there is a job of that name, whatever became of it;
                LimitExceededException if `MAX_OPEN` jobs have not ended.
        """
        name = str(request["TranscriptionJobName"])
        with self._database.transaction() as connection:
            running = connection.execute(
                "SELECT count(*) FROM jobs WHERE ended_at IS NULL"
            ).fetchone()[0]
            if running >= MAX_OPEN:
                raise AwsError(
                    "LimitExceededException",
                    "You have too many jobs running at the same time. Try your request again"
                    " later.",
                )
            try:
                connection.execute(
                    "INSERT INTO jobs (name, request, role, status, created_at)"
                    " VALUES (?, ?, ?, 'QUEUED', ?)",
                    (name, json.dumps(request), role, self._now()),
                )
            except sqlite3.IntegrityError as error:
                raise AwsError(
                    "ConflictException",
                    "The requested job name already exists. Use a different job name.",
                ) from error
        return self.job(name)

    def job(self, name: str) -> TranscriptionJob:
        """Return a job. Raises NotFoundException."""
        rows = self._database.read("SELECT * FROM jobs WHERE name = ?", name)
        if not rows:
            raise AwsError(
                "NotFoundException",
                "The requested job couldn't be found. Check the job name and try your request"
                " again.",
            )
        return _job(rows[0])

    def jobs(self) -> list[TranscriptionJob]:
        """Return every job, the oldest first."""
        rows = self._database.read("SELECT * FROM jobs ORDER BY created_at, rowid")
        return [_job(row) for row in rows]

    def first_open(self) -> TranscriptionJob | None:
        """Return the oldest job that has not ended."""
        return next((job for job in self.jobs() if job.status in OPEN_STATUSES), None)

    def begin(self, job: TranscriptionJob) -> None:
        """Mark a job as running, from its first start on."""
        self._database.write(
            "UPDATE jobs SET status = 'IN_PROGRESS', started_at = coalesce(started_at, ?)"
            " WHERE name = ?",
            self._now(),
            job.name,
        )

    def complete(self, job: TranscriptionJob, language: str, score: float | None) -> None:
        """End a job that is done; `language` is the one that it was transcribed in."""
        self._database.write(
            "UPDATE jobs SET status = 'COMPLETED', ended_at = ?, language = ?, score = ?"
            " WHERE name = ?",
            *(self._now(), language, score, job.name),
        )

    def fail(self, job: TranscriptionJob, reason: str) -> None:
        """End a job that failed."""
        self._database.write(
            "UPDATE jobs SET status = 'FAILED', ended_at = ?, reason = ? WHERE name = ?",
            *(self._now(), reason, job.name),
        )

    def delete(self, name: str) -> None:
        """Delete a job. Raises NotFoundException."""
        if not self._database.write("DELETE FROM jobs WHERE name = ?", name):
            self.job(name)


def _job(row: sqlite3.Row) -> TranscriptionJob:
    return TranscriptionJob(
        name=row["name"],
        request=json.loads(row["request"]),
        role=row["role"],
        status=row["status"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        reason=row["reason"],
        language=row["language"],
        score=row["score"],
    )
