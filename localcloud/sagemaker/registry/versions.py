"""Groups and versions as they are kept, in one SQLite file.

A version's number is one more than the highest that its group ever had.
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
class Group:
    """A group: what its making call was given, and when, in epoch seconds."""

    name: str
    asked: Mapping[str, Any]
    created_at: float


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a group. `asked` is what it was made with, as it was changed since."""

    of: str
    number: int
    asked: Mapping[str, Any]
    created_at: float
    modified_at: float

    @property
    def name(self) -> str:
        """Return what lists are ordered by: versions have their group's name."""
        return self.of


class Versions:
    """The registry of a folder. Safe from any thread."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Open the file, or make it."""
        self._database = Database(folder / "registry.sqlite3", _SCHEMA)
        self._now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add_group(self, name: str, asked: Mapping[str, Any]) -> bool:
        """Keep a group; False where there is one of that name already."""
        return bool(
            self._database.write(
                "INSERT OR IGNORE INTO groups (name, asked, created_at) VALUES (?, ?, ?)",
                name,
                json.dumps(asked),
                self._now(),
            )
        )

    def group(self, name: str) -> Group | None:
        """Return a group, or None."""
        rows = self._database.read("SELECT * FROM groups WHERE name = ?", name)
        return _group(rows[0]) if rows else None

    def groups(self) -> list[Group]:
        """Return every group, oldest first."""
        return [_group(row) for row in self._database.read("SELECT * FROM groups ORDER BY rowid")]

    def remove_group(self, name: str) -> None:
        """Forget a group that has no versions."""
        self._database.write("DELETE FROM groups WHERE name = ?", name)

    def add(self, group: Group, asked: Mapping[str, Any], token: str | None) -> Version:
        """Keep a version; the one that was made with this token where there is one."""
        now = self._now()
        with self._database.transaction() as connection:
            made = connection.execute(
                "SELECT * FROM versions WHERE of = ? AND token = ?", (group.name, token)
            ).fetchone()
            if made is not None:
                return _version(made)
            connection.execute(
                "UPDATE groups SET highest = highest + 1 WHERE name = ?", (group.name,)
            )
            (number,) = connection.execute(
                "SELECT highest FROM groups WHERE name = ?", (group.name,)
            ).fetchone()
            connection.execute(
                "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?)",
                (group.name, number, json.dumps(asked), now, now, token),
            )
        return Version(group.name, number, asked, now, now)

    def get(self, of: str, number: int) -> Version | None:
        """Return a version, or None."""
        rows = self._database.read("SELECT * FROM versions WHERE of = ? AND number = ?", of, number)
        return _version(rows[0]) if rows else None

    def all(self, of: str | None = None) -> list[Version]:
        """Return every version, or those of one group, oldest first."""
        rows = self._database.read(
            "SELECT * FROM versions WHERE ? IS NULL OR of = ? ORDER BY rowid", of, of
        )
        return [_version(row) for row in rows]

    def change(self, version: Version, asked: Mapping[str, Any]) -> None:
        """Let a version be as `asked` has it."""
        self._database.write(
            "UPDATE versions SET asked = ?, modified_at = ? WHERE of = ? AND number = ?",
            json.dumps(asked),
            self._now(),
            version.of,
            version.number,
        )

    def remove(self, version: Version) -> None:
        """Forget a version; its number is not given again."""
        self._database.write(
            "DELETE FROM versions WHERE of = ? AND number = ?", version.of, version.number
        )


def _group(row: Any) -> Group:
    return Group(row["name"], json.loads(row["asked"]), row["created_at"])


def _version(row: Any) -> Version:
    return Version(
        row["of"], row["number"], json.loads(row["asked"]), row["created_at"], row["modified_at"]
    )
