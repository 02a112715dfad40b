"""Models, endpoint configurations, endpoints, queued invocations and scaling in SQLite.

Every change is in the file before it is acknowledged, so that a killed cloud can continue.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database

Document = Mapping[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS things (
    kind TEXT NOT NULL, name TEXT NOT NULL, asked TEXT NOT NULL, created_at REAL NOT NULL,
    PRIMARY KEY (kind, name));
CREATE TABLE IF NOT EXISTS endpoints (
    name TEXT PRIMARY KEY, config TEXT NOT NULL, wanted TEXT NOT NULL, deployed TEXT,
    status TEXT NOT NULL, reason TEXT, instances INTEGER NOT NULL, created_at REAL NOT NULL,
    modified_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS invocations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL, asked TEXT NOT NULL,
    accepted_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS invocations_of ON invocations (endpoint, id);
CREATE TABLE IF NOT EXISTS activities (
    id INTEGER PRIMARY KEY AUTOINCREMENT, resource TEXT NOT NULL, description TEXT NOT NULL,
    cause TEXT NOT NULL, at REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class StoredDefinition:
    """A model, configuration, scalable target or policy, with the request that created it."""

    name: str
    request: Document
    created_at: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint. Times are seconds since the epoch.

    Attributes:
        desired: the document of the deployment that it shall have.
        deployed: the document of the deployment in service, None until one succeeded.
        reason: why the last deployment failed.
        instances: the number that is billed on AWS.
    """

    name: str
    config: str
    desired: Document
    deployed: Document | None
    status: str
    reason: str | None
    instances: int
    created_at: float
    modified_at: float


@dataclass(frozen=True, slots=True)
class QueuedInvocation:
    """An asynchronous invocation that was accepted and has no result yet."""

    id: int
    endpoint: str
    request: Document
    accepted_at: float


@dataclass(frozen=True, slots=True)
class ScalingActivity:
    """A change of capacity by a scaling policy."""

    id: int
    resource: str
    description: str
    cause: str
    at: float


class HostingStore:
    """The store of endpoints and what belongs to them. Thread-safe."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the file in `folder`."""
        self._database = Database(folder / "sagemaker.sqlite3", _SCHEMA)
        self.now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add_definition(self, kind: str, name: str, request: Document) -> bool:
        """Add a definition; return False if one of that kind and name exists."""
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO things VALUES (?, ?, ?, ?)",
                kind,
                name,
                json.dumps(request),
                self.now(),
            )
        )

    def put_definition(self, kind: str, name: str, request: Document) -> None:
        """Add a definition, or replace the one of that kind and name."""
        self._database.write(
            "INSERT INTO things VALUES (?, ?, ?, ?)"
            " ON CONFLICT (kind, name) DO UPDATE SET asked = excluded.asked",
            kind,
            name,
            json.dumps(request),
            self.now(),
        )

    def definition(self, kind: str, name: str) -> StoredDefinition | None:
        """Return a definition, or None."""
        rows = self._database.read("SELECT * FROM things WHERE kind = ? AND name = ?", kind, name)
        return _definition(rows[0]) if rows else None

    def definitions(self, kind: str) -> list[StoredDefinition]:
        """Return all definitions of a kind, oldest first."""
        rows = self._database.read("SELECT * FROM things WHERE kind = ? ORDER BY rowid", kind)
        return [_definition(row) for row in rows]

    def remove_definition(self, kind: str, name: str) -> bool:
        """Remove a definition; return False if it did not exist."""
        return bool(
            self._database.write("DELETE FROM things WHERE kind = ? AND name = ?", kind, name)
        )

    def create_endpoint(self, name: str, config: str, desired: Document, instances: int) -> bool:
        """Add an endpoint in status Creating; return False if one of that name exists."""
        now = self.now()
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO endpoints VALUES (?, ?, ?, NULL, 'Creating', NULL, ?, ?, ?)",
                name,
                config,
                json.dumps(desired),
                instances,
                now,
                now,
            )
        )

    def endpoint(self, name: str) -> Endpoint | None:
        """Return an endpoint, or None."""
        rows = self._database.read("SELECT * FROM endpoints WHERE name = ?", name)
        return _endpoint(rows[0]) if rows else None

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints, oldest first."""
        rows = self._database.read("SELECT * FROM endpoints ORDER BY rowid")
        return [_endpoint(row) for row in rows]

    def update_endpoint(self, name: str, **columns: Any) -> None:
        """Set columns of an endpoint, which are written as JSON if they are documents."""
        values = {
            column: json.dumps(value) if isinstance(value, Mapping) else value
            for column, value in columns.items()
        }
        assignments = ", ".join(f"{column} = ?" for column in values)
        self._database.write(
            f"UPDATE endpoints SET {assignments}, modified_at = ? WHERE name = ?",  # noqa: S608 - our names
            *values.values(),
            self.now(),
            name,
        )

    def remove_endpoint(self, name: str) -> None:
        """Remove an endpoint with its queued invocations, scalable targets and policies."""
        resource_prefix = f"endpoint/{name}/variant/"
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM things WHERE kind IN ('target', 'policy')"
                " AND substr(name, 1, length(?)) = ?",
                (resource_prefix, resource_prefix),
            )
            connection.execute("DELETE FROM invocations WHERE endpoint = ?", (name,))
            connection.execute("DELETE FROM endpoints WHERE name = ?", (name,))

    def enqueue(self, endpoint: str, request: Document) -> None:
        """Add an accepted invocation."""
        self._database.write(
            "INSERT INTO invocations (endpoint, asked, accepted_at) VALUES (?, ?, ?)",
            endpoint,
            json.dumps(request),
            self.now(),
        )

    def queued_invocations(self, endpoint: str) -> list[QueuedInvocation]:
        """Return the queued invocations of an endpoint, in order."""
        rows = self._database.read(
            "SELECT * FROM invocations WHERE endpoint = ? ORDER BY id", endpoint
        )
        return [
            QueuedInvocation(
                row["id"], row["endpoint"], json.loads(row["asked"]), row["accepted_at"]
            )
            for row in rows
        ]

    def backlog(self, endpoint: str) -> int:
        """Return the number of invocations of an endpoint without a result."""
        (row,) = self._database.read(
            "SELECT COUNT(*) AS many FROM invocations WHERE endpoint = ?", endpoint
        )
        return int(row["many"])

    def remove_invocation(self, queued: QueuedInvocation) -> None:
        """Remove an invocation that has a result."""
        self._database.write("DELETE FROM invocations WHERE id = ?", queued.id)

    def record_activity(self, resource: str, description: str, cause: str) -> None:
        """Add a change of capacity."""
        self._database.write(
            "INSERT INTO activities (resource, description, cause, at) VALUES (?, ?, ?, ?)",
            resource,
            description,
            cause,
            self.now(),
        )

    def activities(self) -> list[ScalingActivity]:
        """Return the changes of capacity, newest first."""
        rows = self._database.read("SELECT * FROM activities ORDER BY id DESC")
        return [ScalingActivity(**dict(row)) for row in rows]


def _definition(row: Any) -> StoredDefinition:
    return StoredDefinition(row["name"], json.loads(row["asked"]), row["created_at"])


def _endpoint(row: Any) -> Endpoint:
    return Endpoint(
        row["name"],
        row["config"],
        json.loads(row["wanted"]),
        json.loads(row["deployed"]) if row["deployed"] else None,
        row["status"],
        row["reason"],
        row["instances"],
        row["created_at"],
        row["modified_at"],
    )
