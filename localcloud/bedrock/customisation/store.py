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

from localcloud.bedrock.model_jobs import COLUMNS, ModelJob, ModelJobStore, shared_fields
from localcloud.bedrock.resources import name_in_use, not_found
from localcloud.clock import Clock
from localcloud.errors import AwsError

CREATING_S = 3.0
"""How long a deployment is made. On AWS it takes minutes."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS customisations (
    {COLUMNS}, model_name TEXT UNIQUE NOT NULL, metrics TEXT NOT NULL DEFAULT '{{}}');
CREATE TABLE IF NOT EXISTS deployments (
    id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, token TEXT UNIQUE, job_id TEXT NOT NULL,
    request TEXT NOT NULL, created_at REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomisationJob(ModelJob):
    """A customisation job and the model that it makes, with the metrics of its end."""

    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelDeployment:
    """A custom model that answers on demand."""

    id: str
    job_id: str
    request: Mapping[str, Any]
    created_at: float


class CustomisationStore(ModelJobStore[CustomisationJob]):
    """The customisation jobs, custom models and deployments of the account."""

    table = "customisations"
    job_kind = "customization job"
    model_kind = "custom model"

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the database in `folder`."""
        super().__init__(folder / "customisations.sqlite3", _SCHEMA, _job, clock)

    def add(self, job_id: str, request: Mapping[str, Any]) -> CustomisationJob:
        """Store a new job, or return the one of the same client request token.

        Raises ConflictException if another job or model has one of its names.
        """
        with self._database.transaction() as connection:
            if found := self._of_token(connection, request.get("clientRequestToken")):
                return found
            try:
                self._insert(connection, job_id, request, request["customModelName"])
            except sqlite3.IntegrityError as error:
                raise name_in_use("job name or model name") from error
        return self.job(job_id)

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
            sql = "SELECT name FROM deployments WHERE job_id = ?"
            if found := connection.execute(sql, (job.id,)).fetchone():
                raise AwsError(
                    "ConflictException",
                    f"The custom model is deployed as {found['name']}; delete that first.",
                    400,
                )
            self._mark_deleted(connection, job)

    def deploy(self, deployment_id: str, job_id: str, request: Mapping[str, Any]) -> str:
        """Store a deployment and return its id; that of the same client request token is kept.

        Raises ValidationException if its name is taken.
        """
        token = request.get("clientRequestToken")
        with self._database.transaction() as connection:
            sql = "SELECT * FROM deployments WHERE token = ?"
            if token and (found := connection.execute(sql, (token,)).fetchone()):
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
            raise not_found("custom model deployment")
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


def _job(row: sqlite3.Row) -> CustomisationJob:
    return CustomisationJob(**shared_fields(row), metrics=json.loads(row["metrics"]))


def _deployment(row: sqlite3.Row) -> ModelDeployment:
    return ModelDeployment(row["id"], row["job_id"], json.loads(row["request"]), row["created_at"])
