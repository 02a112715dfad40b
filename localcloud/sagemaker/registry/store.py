"""Model package groups and model packages in SQLite.

The version number of a package is one more than the highest that its group ever had.
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

_SCHEMA = """
CREATE TABLE IF NOT EXISTS groups (
    name TEXT PRIMARY KEY COLLATE NOCASE, asked TEXT NOT NULL, created_at REAL NOT NULL,
    highest INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS versions (
    of TEXT NOT NULL COLLATE NOCASE, number INTEGER NOT NULL, asked TEXT NOT NULL,
    created_at REAL NOT NULL, modified_at REAL NOT NULL, token TEXT,
    PRIMARY KEY (of, number), UNIQUE (of, token));
"""


@dataclass(frozen=True, slots=True)
class ModelPackageGroup:
    """A model package group, with the request that created it. Times are epoch seconds."""

    name: str
    request: Mapping[str, Any]
    created_at: float


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A model package: a numbered version in a group, with its request as updated since."""

    group: str
    number: int
    request: Mapping[str, Any]
    created_at: float
    modified_at: float

    @property
    def name(self) -> str:
        """The name by which lists are ordered, which is that of the group."""
        return self.group


class ModelPackageStore:
    """The store of the model registry. Thread-safe."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open or create the file in `folder`."""
        self._database = Database(folder / "registry.sqlite3", _SCHEMA)
        self._now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add_group(self, name: str, request: Mapping[str, Any]) -> bool:
        """Add a group; return False if one of that name exists."""
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO groups (name, asked, created_at) VALUES (?, ?, ?)",
                name,
                json.dumps(request),
                self._now(),
            )
        )

    def group(self, name: str) -> ModelPackageGroup | None:
        """Return a group, or None."""
        rows = self._database.read("SELECT * FROM groups WHERE name = ?", name)
        return _group(rows[0]) if rows else None

    def groups(self) -> list[ModelPackageGroup]:
        """Return all groups, oldest first."""
        return [_group(row) for row in self._database.read("SELECT * FROM groups ORDER BY rowid")]

    def remove_group(self, name: str) -> None:
        """Remove a group that has no packages."""
        self._database.write("DELETE FROM groups WHERE name = ?", name)

    def add(
        self, group: ModelPackageGroup, request: Mapping[str, Any], token: str | None
    ) -> ModelPackage:
        """Add the next package of a group, or return the one that `token` created."""
        now = self._now()
        with self._database.transaction() as connection:
            existing = connection.execute(
                "SELECT * FROM versions WHERE of = ? AND token = ?", (group.name, token)
            ).fetchone()
            if existing is not None:
                return _package(existing)
            connection.execute(
                "UPDATE groups SET highest = highest + 1 WHERE name = ?", (group.name,)
            )
            (number,) = connection.execute(
                "SELECT highest FROM groups WHERE name = ?", (group.name,)
            ).fetchone()
            connection.execute(
                "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?)",
                (group.name, number, json.dumps(request), now, now, token),
            )
        return ModelPackage(group.name, number, request, now, now)

    def get(self, group: str, number: int) -> ModelPackage | None:
        """Return a package by its group and version number, or None."""
        rows = self._database.read(
            "SELECT * FROM versions WHERE of = ? AND number = ?", group, number
        )
        return _package(rows[0]) if rows else None

    def all(self, group: str | None = None) -> list[ModelPackage]:
        """Return all packages, or those of one group, oldest first."""
        rows = self._database.read(
            "SELECT * FROM versions WHERE ? IS NULL OR of = ? ORDER BY rowid", group, group
        )
        return [_package(row) for row in rows]

    def update(self, package: ModelPackage, request: Mapping[str, Any]) -> None:
        """Replace the request of a package."""
        self._database.write(
            "UPDATE versions SET asked = ?, modified_at = ? WHERE of = ? AND number = ?",
            json.dumps(request),
            self._now(),
            package.group,
            package.number,
        )

    def remove(self, package: ModelPackage) -> None:
        """Remove a package; its number is not used again."""
        self._database.write(
            "DELETE FROM versions WHERE of = ? AND number = ?", package.group, package.number
        )


def _group(row: Any) -> ModelPackageGroup:
    return ModelPackageGroup(row["name"], json.loads(row["asked"]), row["created_at"])


def _package(row: Any) -> ModelPackage:
    return ModelPackage(
        row["of"], row["number"], json.loads(row["asked"]), row["created_at"], row["modified_at"]
    )
