"""Import jobs and imported models, in SQLite.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelImportJob.html
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.bedrock.model_jobs import COLUMNS, ModelJob, ModelJobStore, shared_fields
from localcloud.bedrock.resources import name_in_use
from localcloud.clock import Clock
from localcloud.errors import AwsError

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS imports (
    {COLUMNS}, model_name TEXT NOT NULL, architecture TEXT NOT NULL DEFAULT '',
    context INTEGER NOT NULL DEFAULT 0);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJob(ModelJob):
    """An import job and the model that it makes, with what its config says of that."""

    architecture: str = ""
    context: int = 0


class ImportStore(ModelJobStore[ImportJob]):
    """The import jobs and imported models of the account."""

    table = "imports"
    job_kind = "model import job"
    model_kind = "imported model"

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the database in `folder`."""
        super().__init__(folder / "imports.sqlite3", _SCHEMA, _job, clock)

    def add(self, job_id: str, request: Mapping[str, Any], max_models: int) -> ImportJob:
        """Store a new job, or return the one of the same client request token.

        Raises:
            AwsError: ConflictException if a job, or a model that is there, has one of its names;
                ServiceQuotaExceededException if the account has `max_models`.
        """
        name = request["importedModelName"]
        with self._database.transaction() as connection:
            if found := self._of_token(connection, request.get("clientRequestToken")):
                return found
            rows = [_job(row) for row in connection.execute("SELECT * FROM imports")]
            models = [job for job in rows if job.status == "InProgress" or job.has_model]
            if name in {job.request["importedModelName"] for job in models}:
                raise name_in_use("job name or model name")
            if len(models) >= max_models:
                raise AwsError(
                    "ServiceQuotaExceededException",
                    f"The account has {max_models} imported models, and may have no more; delete "
                    "one first.",
                    400,
                )
            try:
                self._insert(connection, job_id, request, name)
            except sqlite3.IntegrityError as error:
                raise name_in_use("job name or model name") from error
        return self.job(job_id)


def _job(row: sqlite3.Row) -> ImportJob:
    return ImportJob(**shared_fields(row), architecture=row["architecture"], context=row["context"])
