"""Import jobs and imported models, in SQLite.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelImportJob.html
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

_SCHEMA = """
CREATE TABLE IF NOT EXISTS imports (
    id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, model_name TEXT NOT NULL,
    token TEXT UNIQUE, request TEXT NOT NULL, status TEXT NOT NULL, message TEXT,
    architecture TEXT NOT NULL DEFAULT '', context INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL, modified_at REAL NOT NULL, ended_at REAL,
    deleted INTEGER NOT NULL DEFAULT 0);
"""


@dataclass(frozen=True, slots=True)
class ImportJob:
    """An import job and the model that it makes. Times are seconds since the epoch.

    `request` has the parameters of CreateModelImportJob. `deleted` tells that the model was.
    """

    id: str
    request: Mapping[str, Any]
    status: str
    created_at: float
    modified_at: float
    ended_at: float | None
    message: str | None
    architecture: str
    context: int
    deleted: bool

    @property
    def has_model(self) -> bool:
        """Return whether its model exists."""
        return self.status == "Completed" and not self.deleted


class ImportStore:
    """The import jobs and imported models of the account."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the database in `folder`."""
        self._database = Database(folder / "imports.sqlite3", _SCHEMA)
        self._now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, job_id: str, request: Mapping[str, Any], max_models: int) -> ImportJob:
        """Store a new job, or return the one of the same client request token.

        Raises:
            AwsError: ConflictException if a job, or a model that is there, has one of its names;
                ServiceQuotaExceededException if the account has `max_models`.
        """
        token = request.get("clientRequestToken")
        with self._database.transaction() as connection:
            sql = "SELECT * FROM imports WHERE token = ?"
            if token and (found := connection.execute(sql, (token,)).fetchone()):
                return _job(found)
            rows = [_job(row) for row in connection.execute("SELECT * FROM imports")]
            models = [job for job in rows if job.status == "InProgress" or job.has_model]
            taken = {job.request["importedModelName"] for job in models}
            if request["importedModelName"] in taken:
                raise _in_use()
            if len(models) >= max_models:
                raise AwsError(
                    "ServiceQuotaExceededException",
                    f"The account has {max_models} imported models, and may have no more; delete "
                    "one first.",
                    400,
                )
            now = self._now()
            named = request["jobName"], request["importedModelName"]
            try:
                connection.execute(
                    "INSERT INTO imports"
                    " (id, name, model_name, token, request, status, created_at, modified_at)"
                    " VALUES (?, ?, ?, ?, ?, 'InProgress', ?, ?)",
                    (job_id, *named, token, json.dumps(request), now, now),
                )
            except sqlite3.IntegrityError as error:
                raise _in_use() from error
        return self.job(job_id)

    def job(self, identifier: str) -> ImportJob:
        """Return a job by its name, id or ARN. Raises ResourceNotFoundException."""
        last = identifier.rpartition("/")[2]
        rows = self._database.read("SELECT * FROM imports WHERE id = ? OR name = ?", last, last)
        if not rows:
            raise _not_found("model import job")
        return _job(rows[0])

    def model(self, identifier: str) -> ImportJob:
        """Return the job of an imported model, by its name or ARN.

        A model is there once its job is completed, and until it is deleted. Raises
        ResourceNotFoundException.
        """
        last = identifier.rpartition("/")[2]
        sql = "SELECT * FROM imports WHERE id = ? OR model_name = ?"
        for row in self._database.read(sql, last, last):
            if _job(row).has_model:
                return _job(row)
        raise _not_found("imported model")

    def jobs(self) -> list[ImportJob]:
        """Return every job, the oldest first."""
        return [_job(row) for row in self._database.read("SELECT * FROM imports ORDER BY rowid")]

    def complete(self, job: ImportJob, architecture: str, context: int) -> None:
        """End a job whose model is there."""
        now = self._now()
        self._database.write(
            "UPDATE imports SET status = 'Completed', architecture = ?, context = ?,"
            " modified_at = ?, ended_at = ? WHERE id = ?",
            architecture,
            context,
            now,
            now,
            job.id,
        )

    def fail(self, job: ImportJob, message: str) -> None:
        """End a job that made no model."""
        now = self._now()
        self._database.write(
            "UPDATE imports SET status = 'Failed', message = ?, modified_at = ?, ended_at = ?"
            " WHERE id = ?",
            message,
            now,
            now,
            job.id,
        )

    def delete_model(self, job: ImportJob) -> None:
        """Delete an imported model."""
        self._database.write("UPDATE imports SET deleted = 1 WHERE id = ?", job.id)


def _in_use() -> AwsError:
    return AwsError("ConflictException", "The provided job name or model name is in use.", 400)


def _not_found(what: str) -> AwsError:
    return AwsError(
        "ResourceNotFoundException", f"The provided {what} identifier could not be found.", 404
    )


def _job(row: sqlite3.Row) -> ImportJob:
    return ImportJob(
        row["id"],
        json.loads(row["request"]),
        row["status"],
        row["created_at"],
        row["modified_at"],
        row["ended_at"],
        row["message"],
        row["architecture"],
        row["context"],
        bool(row["deleted"]),
    )
