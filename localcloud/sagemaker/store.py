"""Models, endpoint configurations, endpoints, queued invocations and scaling, in one SQLite file.

What a caller was told is in the file before; a killed cloud goes on from there.
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
class Thing:
    """A model, a configuration, a scalable target or a policy: what its making call was given."""

    name: str
    asked: Document
    created_at: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint. `wanted` and `deployed` are deployments as documents; `deployed` is None until
    one worked. `instances` are those that are paid for on AWS. Times are epoch seconds.
    """

    name: str
    config: str
    wanted: Document
    deployed: Document | None
    status: str
    reason: str | None
    instances: int
    created_at: float
    modified_at: float


@dataclass(frozen=True, slots=True)
class Queued:
    """An asynchronous invocation that was accepted and not answered yet."""

    id: int
    endpoint: str
    asked: Document
    accepted_at: float


@dataclass(frozen=True, slots=True)
class Activity:
    """One change of capacity by a policy."""

    id: int
    resource: str
    description: str
    cause: str
    at: float


class Store:
    """The file in `folder`. Safe from any thread."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open the file, or make it."""
        self._database = Database(folder / "sagemaker.sqlite3", _SCHEMA)
        self.now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, kind: str, name: str, asked: Document) -> bool:
        """Keep a thing; False where there is one of that name already."""
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO things VALUES (?, ?, ?, ?)",
                kind,
                name,
                json.dumps(asked),
                self.now(),
            )
        )

    def put(self, kind: str, name: str, asked: Document) -> None:
        """Keep a thing, in the place of another of that name."""
        self._database.write(
            "INSERT INTO things VALUES (?, ?, ?, ?)"
            " ON CONFLICT (kind, name) DO UPDATE SET asked = excluded.asked",
            kind,
            name,
            json.dumps(asked),
            self.now(),
        )

    def get(self, kind: str, name: str) -> Thing | None:
        """Return a thing, or None."""
        rows = self._database.read("SELECT * FROM things WHERE kind = ? AND name = ?", kind, name)
        return _thing(rows[0]) if rows else None

    def all(self, kind: str) -> list[Thing]:
        """Return all things of a kind, oldest first."""
        rows = self._database.read("SELECT * FROM things WHERE kind = ? ORDER BY rowid", kind)
        return [_thing(row) for row in rows]

    def remove(self, kind: str, name: str) -> bool:
        """Forget a thing; False where there was none."""
        return bool(
            self._database.write("DELETE FROM things WHERE kind = ? AND name = ?", kind, name)
        )

    def create_endpoint(self, name: str, config: str, wanted: Document, instances: int) -> bool:
        """Keep an endpoint that is to be made; False where there is one already."""
        now = self.now()
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO endpoints VALUES (?, ?, ?, NULL, 'Creating', NULL, ?, ?, ?)",
                name,
                config,
                json.dumps(wanted),
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
        """Return every endpoint, oldest first."""
        rows = self._database.read("SELECT * FROM endpoints ORDER BY rowid")
        return [_endpoint(row) for row in rows]

    def change_endpoint(self, name: str, **columns: Any) -> None:
        """Set columns of an endpoint; documents are given as such."""
        values = {
            column: json.dumps(value) if isinstance(value, Mapping) else value
            for column, value in columns.items()
        }
        named = ", ".join(f"{column} = ?" for column in values)
        self._database.write(
            f"UPDATE endpoints SET {named}, modified_at = ? WHERE name = ?",  # noqa: S608 - our names
            *values.values(),
            self.now(),
            name,
        )

    def remove_endpoint(self, name: str) -> None:
        """Forget an endpoint, what was queued for it, and how it was scaled."""
        scaled = f"endpoint/{name}/variant/"
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM things WHERE kind IN ('target', 'policy')"
                " AND substr(name, 1, length(?)) = ?",
                (scaled, scaled),
            )
            connection.execute("DELETE FROM invocations WHERE endpoint = ?", (name,))
            connection.execute("DELETE FROM endpoints WHERE name = ?", (name,))

    def enqueue(self, endpoint: str, asked: Document) -> None:
        """Keep an invocation that was accepted."""
        self._database.write(
            "INSERT INTO invocations (endpoint, asked, accepted_at) VALUES (?, ?, ?)",
            endpoint,
            json.dumps(asked),
            self.now(),
        )

    def queued(self, endpoint: str) -> list[Queued]:
        """Return what is queued for an endpoint, in order."""
        rows = self._database.read(
            "SELECT * FROM invocations WHERE endpoint = ? ORDER BY id", endpoint
        )
        return [
            Queued(row["id"], row["endpoint"], json.loads(row["asked"]), row["accepted_at"])
            for row in rows
        ]

    def backlog(self, endpoint: str) -> int:
        """Return how many invocations of an endpoint are not answered."""
        (row,) = self._database.read(
            "SELECT COUNT(*) AS many FROM invocations WHERE endpoint = ?", endpoint
        )
        return int(row["many"])

    def settle(self, queued: Queued) -> None:
        """Forget an invocation that was answered."""
        self._database.write("DELETE FROM invocations WHERE id = ?", queued.id)

    def note(self, resource: str, description: str, cause: str) -> None:
        """Keep a change of capacity."""
        self._database.write(
            "INSERT INTO activities (resource, description, cause, at) VALUES (?, ?, ?, ?)",
            resource,
            description,
            cause,
            self.now(),
        )

    def activities(self) -> list[Activity]:
        """Return the changes of capacity, newest first."""
        rows = self._database.read("SELECT * FROM activities ORDER BY id DESC")
        return [Activity(**dict(row)) for row in rows]


def _thing(row: Any) -> Thing:
    return Thing(row["name"], json.loads(row["asked"]), row["created_at"])


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
