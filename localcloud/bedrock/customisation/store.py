"""Customisation jobs, custom models and their deployments, in SQLite.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelCustomizationJob.html
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError

OPEN_STATUSES = ("InProgress", "Stopping")

CREATING_S = 3.0
"""How long a deployment is made. On AWS it takes minutes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS customisations (
    id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, model_name TEXT UNIQUE NOT NULL,
    token TEXT UNIQUE, request TEXT NOT NULL, status TEXT NOT NULL, message TEXT,
    metrics TEXT NOT NULL DEFAULT '{}', created_at REAL NOT NULL, modified_at REAL NOT NULL,
    ended_at REAL, deleted INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS deployments (
    id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, token TEXT UNIQUE, job_id TEXT NOT NULL,
    request TEXT NOT NULL, created_at REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class CustomisationJob:
    """A customisation job and the model that it makes. Times are seconds since the epoch.

    `request` has the parameters of CreateModelCustomizationJob. `deleted` tells that the model was.
    """

    id: str
    request: Mapping[str, Any]
    status: str
    created_at: float
    modified_at: float
    ended_at: float | None = None
    message: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    deleted: bool = False

    @property
    def has_model(self) -> bool:
        """Return whether its model exists."""
        return self.status == "Completed" and not self.deleted


@dataclass(frozen=True, slots=True)
class ModelDeployment:
    """A custom model that answers on demand."""

    id: str
    job_id: str
    request: Mapping[str, Any]
    created_at: float


class CustomisationStore:
    """The customisation jobs, custom models and deployments of the account."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the database in `folder`."""
        self._database = Database(folder / "customisations.sqlite3", _SCHEMA)
        self._now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, job_id: str, request: Mapping[str, Any]) -> CustomisationJob:
        """Store a new job, or return the one of the same client request token.

        Raises ConflictException if another job or model has one of its names.
        """
        token = request.get("clientRequestToken")
        with self._database.transaction() as connection:
            if found := _by_token(connection, "customisations", token):
                return _job(found)
            now = self._now()
            try:
                connection.execute(
                    "INSERT INTO customisations"
                    " (id, name, model_name, token, request, status, created_at, modified_at)"
                    " VALUES (?, ?, ?, ?, ?, 'InProgress', ?, ?)",
                    (
                        job_id,
                        request["jobName"],
                        request["customModelName"],
                        token,
                        json.dumps(request),
                        now,
                        now,
                    ),
                )
            except sqlite3.IntegrityError as error:
                raise AwsError(
                    "ConflictException", "The provided job name or model name is in use.", 400
                ) from error
        return self.job(job_id)

    def job(self, identifier: str) -> CustomisationJob:
        """Return a job by its name, id or ARN. Raises ResourceNotFoundException."""
        last = identifier.rpartition("/")[2]
        rows = self._database.read(
            "SELECT * FROM customisations WHERE id = ? OR name = ?", last, last
        )
        if not rows:
            raise _not_found("customization job")
        return _job(rows[0])

    def model(self, identifier: str) -> CustomisationJob:
        """Return the job of a custom model, by its name or ARN; raises ResourceNotFoundException.

        A model is there once its job is completed, and until it is deleted.
        """
        last = identifier.rpartition("/")[2]
        rows = self._database.read(
            "SELECT * FROM customisations WHERE id = ? OR model_name = ?", last, last
        )
        if not rows or not _job(rows[0]).has_model:
            raise _not_found("custom model")
        return _job(rows[0])

    def jobs(self) -> list[CustomisationJob]:
        """Return every job, the oldest first."""
        rows = self._database.read("SELECT * FROM customisations ORDER BY rowid")
        return [_job(row) for row in rows]

    def end(
        self,
        job: CustomisationJob,
        status: str,
        message: str | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """End a job, unless it has ended."""
        now = self._now()
        self._database.write(
            "UPDATE customisations SET status = ?, message = ?, metrics = ?, modified_at = ?,"
            " ended_at = ? WHERE id = ? AND ended_at IS NULL",
            status,
            message,
            json.dumps(metrics or {}),
            now,
            now,
            job.id,
        )

    def mark_stopping(self, job: CustomisationJob) -> bool:
        """Let a job in progress stop; return False if it is not in progress."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE customisations SET status = 'Stopping', modified_at = ?"
                " WHERE id = ? AND status = 'InProgress'",
                (self._now(), job.id),
            )
            return changed.rowcount == 1

    def delete_model(self, job: CustomisationJob) -> None:
        """Delete a custom model. Raises ConflictException while it is deployed."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT name FROM deployments WHERE job_id = ?", (job.id,)
            ).fetchone()
            if row is not None:
                raise AwsError(
                    "ConflictException",
                    f"The custom model is deployed as {row['name']}; delete that first.",
                    400,
                )
            connection.execute("UPDATE customisations SET deleted = 1 WHERE id = ?", (job.id,))

    def deploy(self, deployment_id: str, job_id: str, request: Mapping[str, Any]) -> str:
        """Store a deployment and return its id; that of the same client request token is kept.

        Raises ValidationException if its name is taken.
        """
        token = request.get("clientRequestToken")
        with self._database.transaction() as connection:
            if found := _by_token(connection, "deployments", token):
                return str(found["id"])
            try:
                connection.execute(
                    "INSERT INTO deployments (id, name, token, job_id, request, created_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        deployment_id,
                        request["modelDeploymentName"],
                        token,
                        job_id,
                        json.dumps(request),
                        self._now(),
                    ),
                )
            except sqlite3.IntegrityError as error:
                raise AwsError(
                    "ValidationException", "The provided model deployment name is in use."
                ) from error
        return deployment_id

    def deployment(self, identifier: str) -> ModelDeployment:
        """Return a deployment by its name, id or ARN. Raises ResourceNotFoundException."""
        last = identifier.rpartition("/")[2]
        rows = self._database.read("SELECT * FROM deployments WHERE id = ? OR name = ?", last, last)
        if not rows:
            raise _not_found("custom model deployment")
        return _deployment(rows[0])

    def deployments(self) -> list[ModelDeployment]:
        """Return every deployment, the oldest first."""
        rows = self._database.read("SELECT * FROM deployments ORDER BY rowid")
        return [_deployment(row) for row in rows]

    def deployment_status(self, deployment: ModelDeployment) -> str:
        """Return the status of a deployment, which is Creating for a while, as on AWS."""
        return "Creating" if self._now() < deployment.created_at + CREATING_S else "Active"

    def delete_deployment(self, deployment: ModelDeployment) -> None:
        """Delete a deployment; its model stays."""
        self._database.write("DELETE FROM deployments WHERE id = ?", deployment.id)


def _by_token(connection: sqlite3.Connection, table: str, token: str | None) -> Any:
    if token is None:
        return None
    sql = f"SELECT * FROM {table} WHERE token = ?"  # noqa: S608 - one of two names of this file
    return connection.execute(sql, (token,)).fetchone()


def _not_found(what: str) -> AwsError:
    return AwsError(
        "ResourceNotFoundException", f"The provided {what} identifier could not be found.", 404
    )


def _job(row: sqlite3.Row) -> CustomisationJob:
    return CustomisationJob(
        row["id"],
        json.loads(row["request"]),
        row["status"],
        row["created_at"],
        row["modified_at"],
        row["ended_at"],
        row["message"],
        json.loads(row["metrics"]),
        bool(row["deleted"]),
    )


def _deployment(row: sqlite3.Row) -> ModelDeployment:
    return ModelDeployment(row["id"], row["job_id"], json.loads(row["request"]), row["created_at"])
