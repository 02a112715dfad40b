"""Models, endpoint configurations, endpoints, queued invocations and scaling in SQLite.

Every change is in the file before it is acknowledged, so that a killed cloud can continue.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.sagemaker.hosting.fleet import Fleet, VariantCapacity

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
CREATE TABLE IF NOT EXISTS capacities (
    endpoint TEXT NOT NULL, variant TEXT NOT NULL, weight REAL NOT NULL, instances INTEGER NOT NULL,
    PRIMARY KEY (endpoint, variant));
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
class TrafficShift:
    """The progress of a blue/green update.

    Attributes:
        share: the share of invocations that the new fleet serves.
        status: the status of the new fleet's variants in DescribeEndpoint.
        since: when the status was reached, in seconds since the epoch.
    """

    share: float
    status: str
    since: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint. Times are seconds since the epoch.

    Attributes:
        desired: the fleet that it shall have.
        deployed: the fleet in service, None until one succeeded.
        reason: why the last deployment failed.
        capacities: weight and instances of each variant in service by name, else empty.
        shift: the progress of a blue/green update, None while there is none.
        guardrails: the DeploymentConfig of the last update that had one.
    """

    name: str
    config: str
    desired: Fleet
    deployed: Fleet | None
    status: str
    reason: str | None
    capacities: Mapping[str, VariantCapacity]
    shift: TrafficShift | None
    guardrails: Document | None
    created_at: float
    modified_at: float

    @property
    def is_deploying(self) -> bool:
        """Whether it is updated to another fleet, and not only to other weights."""
        return self.status == "Updating" and self.desired != self.deployed

    @property
    def fleet(self) -> Fleet:
        """The fleet in service, or before there is one, the one that is being deployed."""
        return self.deployed or self.desired


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
        self._database.add_column("endpoints", "shift TEXT")
        self._database.add_column("endpoints", "guardrails TEXT")
        self._database.add_column("endpoints", "weights_until REAL")
        self.now = clock
        self._add_missing_capacities()

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

    def create_endpoint(self, name: str, config: str, desired: Fleet) -> bool:
        """Add an endpoint in status Creating; return False if one of that name exists."""
        now = self.now()
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO endpoints (name, config, wanted, status, instances,"
                " created_at, modified_at) VALUES (?, ?, ?, 'Creating', 0, ?, ?)",
                name,
                config,
                json.dumps(desired.to_document()),
                now,
                now,
            )
        )

    def endpoint(self, name: str) -> Endpoint | None:
        """Return an endpoint, or None."""
        return next(iter(self._read_endpoints("WHERE name = ?", name)), None)

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints, oldest first."""
        return self._read_endpoints("ORDER BY rowid")

    def update_endpoint(self, name: str, **columns: Any) -> None:
        """Set columns of an endpoint; fleets, shifts and documents are written as JSON."""
        values = {column: _column_value(value) for column, value in columns.items()}
        assignments = ", ".join(f"{column} = ?" for column in values)
        self._database.write(
            f"UPDATE endpoints SET {assignments}, modified_at = ? WHERE name = ?",  # noqa: S608 - our names
            *values.values(),
            self.now(),
            name,
        )

    def put_in_service(self, name: str, fleet: Fleet) -> None:
        """Have a fleet serve an endpoint, with the capacities that it starts with."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE endpoints SET status = 'InService', reason = NULL, shift = NULL,"
                " deployed = ?, modified_at = ? WHERE name = ?",
                (json.dumps(fleet.to_document()), self.now(), name),
            )
            _put_capacities(connection, name, fleet.capacities())

    def set_capacities(
        self,
        name: str,
        changes: Mapping[str, tuple[float | None, int | None]],
        updating_s: float = 0.0,
    ) -> None:
        """Set weight and instances of variants by name; what is None stays as it is.

        The endpoint is shown as Updating for `updating_s` seconds.
        """
        with self._database.transaction() as connection:
            for variant, (weight, instances) in changes.items():
                connection.execute(
                    "UPDATE capacities SET weight = coalesce(?, weight),"
                    " instances = coalesce(?, instances) WHERE endpoint = ? AND variant = ?",
                    (weight, instances, name, variant),
                )
            now = self.now()
            connection.execute(
                "UPDATE endpoints SET modified_at = ?, weights_until = ? WHERE name = ?",
                (now, now + updating_s, name),
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
            connection.execute("DELETE FROM capacities WHERE endpoint = ?", (name,))
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

    def _read_endpoints(self, clause: str, *values: Any) -> list[Endpoint]:
        """Return endpoints with the capacities that belong to their fleets."""
        with self._database.snapshot() as connection:
            rows = connection.execute(f"SELECT * FROM endpoints {clause}", values).fetchall()  # noqa: S608 - our clause
            capacities = connection.execute("SELECT * FROM capacities").fetchall()
        by_endpoint: dict[str, dict[str, VariantCapacity]] = defaultdict(dict)
        for row in capacities:
            capacity = VariantCapacity(row["weight"], row["instances"])
            by_endpoint[row["endpoint"]][row["variant"]] = capacity
        now = self.now()
        return [_endpoint(row, by_endpoint[row["name"]], now) for row in rows]

    def _add_missing_capacities(self) -> None:
        """Give endpoints of an older file, which has one count an endpoint, their capacities."""
        older = self._database.read(
            "SELECT name, instances FROM endpoints WHERE deployed IS NOT NULL"
            " AND name NOT IN (SELECT endpoint FROM capacities)"
        )
        for row in older:
            (endpoint,) = self._read_endpoints("WHERE name = ?", row["name"])
            (variant,) = endpoint.fleet.variants
            capacity = VariantCapacity(variant.initial_weight, row["instances"])
            with self._database.transaction() as connection:
                _put_capacities(connection, endpoint.name, {variant.variant_name: capacity})


def _put_capacities(
    connection: sqlite3.Connection, name: str, capacities: Mapping[str, VariantCapacity]
) -> None:
    connection.execute("DELETE FROM capacities WHERE endpoint = ?", (name,))
    connection.executemany(
        "INSERT INTO capacities VALUES (?, ?, ?, ?)",
        [(name, variant, each.weight, each.instances) for variant, each in capacities.items()],
    )


def _endpoint(row: Any, capacities: Mapping[str, VariantCapacity], now: float) -> Endpoint:
    is_reweighted = row["status"] == "InService" and (row["weights_until"] or 0) > now
    return Endpoint(
        row["name"],
        row["config"],
        Fleet.from_document(json.loads(row["wanted"])),
        Fleet.from_document(json.loads(row["deployed"])) if row["deployed"] else None,
        "Updating" if is_reweighted else row["status"],
        row["reason"],
        capacities,
        TrafficShift(**json.loads(row["shift"])) if row["shift"] else None,
        json.loads(row["guardrails"]) if row["guardrails"] else None,
        row["created_at"],
        row["modified_at"],
    )


def _column_value(value: Any) -> Any:
    if isinstance(value, Fleet):
        return json.dumps(value.to_document())
    if isinstance(value, TrafficShift):
        return json.dumps(asdict(value))
    return json.dumps(value) if isinstance(value, Mapping) else value


def _definition(row: Any) -> StoredDefinition:
    return StoredDefinition(row["name"], json.loads(row["asked"]), row["created_at"])
