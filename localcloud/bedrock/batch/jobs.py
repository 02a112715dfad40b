"""Model invocation jobs in SQLite, and the events of their status changes.

A status is stored before its event is published, so that no event is lost.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelInvocationJob.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.clock import Clock, iso, utc
from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.service import CloudContext

OPEN_STATUSES = ("Submitted", "Validating", "Scheduled", "InProgress", "Stopping")
FINAL_STATUSES = ("Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired")
HOUR_S = 3600.0
DEFAULT_HOURS = 168
"""Timeout of a job that does not set one: a week."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, asked TEXT NOT NULL, token TEXT UNIQUE, status TEXT NOT NULL,
    told TEXT NOT NULL DEFAULT '', message TEXT, counts TEXT NOT NULL DEFAULT '{}',
    submitted_at REAL NOT NULL, modified_at REAL NOT NULL, ended_at REAL);
"""


@dataclass(frozen=True, slots=True)
class InvocationJob:
    """A model invocation job. Times are seconds since the epoch.

    `request` has the parameters of CreateModelInvocationJob.
    """

    id: str
    request: Mapping[str, Any]
    status: str
    submitted_at: float
    modified_at: float
    ended_at: float | None = None
    message: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def expires_at(self) -> float:
        """The time at which the job times out."""
        hours = self.request.get("timeoutDurationInHours", DEFAULT_HOURS)
        return self.submitted_at + float(hours) * HOUR_S


class InvocationJobStore:
    """The model invocation jobs of the account."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the database in `folder`."""
        self._database = Database(folder / "jobs.sqlite3", _SCHEMA)
        self.now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, job_id: str, request: Mapping[str, Any], max_open: int) -> InvocationJob:
        """Store a new job, or return the one that the same client request token created.

        Raises ServiceQuotaExceededException if `max_open` jobs of its model have not ended.
        """
        token = request.get("clientRequestToken")
        with self._database.transaction() as connection:
            existing = connection.execute("SELECT * FROM jobs WHERE token = ?", (token,)).fetchone()
            if token is not None and existing is not None:
                return _job(existing)
            rows = connection.execute("SELECT * FROM jobs WHERE ended_at IS NULL").fetchall()
            if sum(_job(row).request["modelId"] == request["modelId"] for row in rows) >= max_open:
                raise AwsError(
                    "ServiceQuotaExceededException",
                    f"There are {max_open} jobs of the model {request['modelId']} "
                    "that have not ended.",
                )
            now = self.now()
            connection.execute(
                "INSERT INTO jobs (id, asked, token, status, submitted_at, modified_at)"
                " VALUES (?, ?, ?, 'Submitted', ?, ?)",
                (job_id, json.dumps(request), token, now, now),
            )
        return self.get(job_id)

    def get(self, identifier: str) -> InvocationJob:
        """Return a job by its id or ARN. Raises ResourceNotFoundException."""
        rows = self._database.read("SELECT * FROM jobs WHERE id = ?", identifier.rpartition("/")[2])
        if not rows:
            raise AwsError(
                "ResourceNotFoundException",
                "Could not find a model invocation job matching the provided identifier.",
                404,
            )
        return _job(rows[0])

    def all(self) -> list[InvocationJob]:
        """Return every job, oldest first."""
        return [_job(row) for row in self._database.read("SELECT * FROM jobs ORDER BY rowid")]

    def set_status(
        self, job: InvocationJob, status: str, message: str | None = None
    ) -> InvocationJob:
        """Set the status of a job and return the job as stored.

        Nothing changes if the job has ended. A job that is stopping accepts a final status only.
        """
        now, is_final = self.now(), status in FINAL_STATUSES
        self._database.write(
            "UPDATE jobs SET status = ?, message = ?, modified_at = ?, ended_at = ?"
            " WHERE id = ? AND ended_at IS NULL AND (status != 'Stopping' OR ?)",
            status,
            message,
            now,
            now if is_final else None,
            job.id,
            is_final,
        )
        return self.get(job.id)

    def set_counts(self, job: InvocationJob, counts: Mapping[str, int]) -> None:
        """Store the record counts of a job."""
        self._database.write("UPDATE jobs SET counts = ? WHERE id = ?", json.dumps(counts), job.id)

    def unpublished(self) -> list[InvocationJob]:
        """Return the jobs whose current status has not been published."""
        rows = self._database.read("SELECT * FROM jobs WHERE told != status ORDER BY rowid")
        return [_job(row) for row in rows]

    def mark_published(self, job: InvocationJob) -> None:
        """Store that the status of a job has been published."""
        self._database.write("UPDATE jobs SET told = ? WHERE id = ?", job.status, job.id)


def _job(row: Any) -> InvocationJob:
    return InvocationJob(
        row["id"],
        json.loads(row["asked"]),
        row["status"],
        row["submitted_at"],
        row["modified_at"],
        row["ended_at"],
        row["message"],
        json.loads(row["counts"]),
    )


def status_event(surroundings: CloudContext, job: InvocationJob, arn: str) -> dict[str, Any]:
    """Return the EventBridge event of the current status of `job`.

    https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge-how-it-works.html
    """
    model = str(job.request["modelId"])
    if not model.startswith("arn:"):
        model = f"arn:aws:bedrock:{surroundings.region}::foundation-model/{model}"
    created = utc(job.submitted_at)
    return {
        "source": "aws.bedrock",
        "detail-type": "Batch Inference Job State Change",
        "time": iso(job.modified_at),
        "resources": [arn],
        "detail": {
            "version": "0.0",
            "accountId": surroundings.account_id,
            "batchJobName": job.request["jobName"],
            "batchJobArn": arn,
            "batchModelId": model,
            "status": job.status,
            "failureMessage": job.message or "",
            "creationTime": f"{created:%b} {created.day}, {created:%Y, %I:%M:%S %p}",
        },
    }
