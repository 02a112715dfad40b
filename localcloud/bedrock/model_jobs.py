"""Jobs that make a model each, as rows of a table: customisations and imports."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from localcloud.bedrock.resources import not_found
from localcloud.clock import Clock
from localcloud.database import Database

OPEN_STATUSES = ("InProgress", "Stopping")
COLUMNS = """
    id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, token TEXT UNIQUE, request TEXT NOT NULL,
    status TEXT NOT NULL, message TEXT, created_at REAL NOT NULL, modified_at REAL NOT NULL,
    ended_at REAL, deleted INTEGER NOT NULL DEFAULT 0"""
"""The columns of such a table, beside `model_name` and those of its kind."""


class ModelJobFailed(Exception):  # noqa: N818 - named for what it tells
    """Raised for a job that failed; the text is the reason."""


class ModelJobInterrupted(Exception):  # noqa: N818 - named for what it tells
    """Raised by a job that was told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelJob:
    """A job and the model that it makes. Times are seconds since the epoch.

    `request` has the parameters of the operation that created it. `deleted` tells that the model
    was.
    """

    id: str
    request: Mapping[str, Any]
    status: str
    created_at: float
    modified_at: float
    ended_at: float | None = None
    message: str | None = None
    deleted: bool = False

    @property
    def has_model(self) -> bool:
        """Return whether its model exists."""
        return self.status == "Completed" and not self.deleted


J = TypeVar("J", bound=ModelJob)


def shared_fields(row: sqlite3.Row) -> dict[str, Any]:
    """Return the fields that the jobs of every kind have, as arguments of their class."""
    return {
        "id": row["id"],
        "request": json.loads(row["request"]),
        "status": row["status"],
        "created_at": row["created_at"],
        "modified_at": row["modified_at"],
        "ended_at": row["ended_at"],
        "message": row["message"],
        "deleted": bool(row["deleted"]),
    }


class ModelJobStore(Generic[J]):
    """The jobs of one kind, in one table of a database of their own."""

    table: ClassVar[str]
    job_kind: ClassVar[str]
    model_kind: ClassVar[str]
    """The name of its jobs and models in messages."""

    def __init__(
        self, path: Path, schema: str, read: Callable[[sqlite3.Row], J], clock: Clock
    ) -> None:
        """Open or create the database at `path`; `read` makes a job of a row."""
        self._database = Database(path, schema)
        self._read = read
        self._now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _of_token(self, connection: sqlite3.Connection, token: str | None) -> J | None:
        """Return the job that a client request token created, if there is one."""
        if token is None:
            return None
        sql = f"SELECT * FROM {self.table} WHERE token = ?"  # noqa: S608 - a name of this project
        row = connection.execute(sql, (token,)).fetchone()
        return None if row is None else self._read(row)

    def _insert(
        self, connection: sqlite3.Connection, job_id: str, request: Mapping[str, Any], model: str
    ) -> None:
        """Store a job whose model is to have a name. Raises IntegrityError if a name is taken."""
        now = self._now()
        connection.execute(
            f"INSERT INTO {self.table}"  # noqa: S608 - a name of this project
            " (id, name, model_name, token, request, status, created_at, modified_at)"
            " VALUES (?, ?, ?, ?, ?, 'InProgress', ?, ?)",
            (
                job_id,
                request["jobName"],
                model,
                request.get("clientRequestToken"),
                json.dumps(request),
                now,
                now,
            ),
        )

    def job(self, identifier: str) -> J:
        """Return a job by its name, id or ARN. Raises ResourceNotFoundException."""
        last = identifier.rpartition("/")[2]
        sql = f"SELECT * FROM {self.table} WHERE id = ? OR name = ?"  # noqa: S608 - as above
        rows = self._database.read(sql, last, last)
        if not rows:
            raise not_found(self.job_kind)
        return self._read(rows[0])

    def model(self, identifier: str) -> J:
        """Return the job of a model, by the model's name or ARN; raises ResourceNotFoundException.

        A model is there once its job is completed, and until it is deleted.
        """
        last = identifier.rpartition("/")[2]
        sql = f"SELECT * FROM {self.table} WHERE id = ? OR model_name = ?"  # noqa: S608 - as above
        for row in self._database.read(sql, last, last):
            if (job := self._read(row)).has_model:
                return job
        raise not_found(self.model_kind)

    def jobs(self) -> list[J]:
        """Return every job, the oldest first."""
        sql = f"SELECT * FROM {self.table} ORDER BY rowid"  # noqa: S608 - as above
        return [self._read(row) for row in self._database.read(sql)]

    def first_open(self) -> J | None:
        """Return the oldest job that has not ended."""
        return next((job for job in self.jobs() if job.status in OPEN_STATUSES), None)

    def end(
        self, job: J, status: str, message: str | None = None, **found: str | int | None
    ) -> None:
        """End a job, unless it has ended, with what it found by columns of its kind."""
        now, own = self._now(), "".join(f", {column} = ?" for column in found)
        self._database.write(
            f"UPDATE {self.table} SET status = ?, message = ?, modified_at = ?,"  # noqa: S608 - as above
            f" ended_at = ?{own} WHERE id = ? AND ended_at IS NULL",
            *(status, message, now, now, *found.values(), job.id),
        )

    def delete_model(self, job: J) -> None:
        """Delete the model of a job."""
        with self._database.transaction() as connection:
            self._mark_deleted(connection, job)

    def _mark_deleted(self, connection: sqlite3.Connection, job: J) -> None:
        sql = f"UPDATE {self.table} SET deleted = 1 WHERE id = ?"  # noqa: S608 - as above
        connection.execute(sql, (job.id,))
