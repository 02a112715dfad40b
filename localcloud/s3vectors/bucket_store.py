"""Vector buckets, indexes and tags in SQLite, and the schema of the whole service."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.database import Database
from localcloud.s3vectors.requests import not_found_error

SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    arn TEXT NOT NULL,
    created_at REAL NOT NULL,
    default_mode TEXT NOT NULL,
    policy TEXT
);
CREATE TABLE IF NOT EXISTS indexes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket_id INTEGER NOT NULL REFERENCES buckets (id),
    name TEXT NOT NULL,
    arn TEXT NOT NULL,
    created_at REAL NOT NULL,
    dimension INTEGER NOT NULL,
    metric TEXT NOT NULL,
    mode TEXT NOT NULL,
    non_filterable TEXT NOT NULL,
    text_search TEXT NOT NULL,
    UNIQUE (bucket_id, name)
);
CREATE TABLE IF NOT EXISTS vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    index_id INTEGER NOT NULL REFERENCES indexes (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    data BLOB NOT NULL,
    metadata TEXT NOT NULL,
    terms TEXT NOT NULL,
    segment INTEGER NOT NULL,
    UNIQUE (index_id, key)
);
CREATE TABLE IF NOT EXISTS tags (
    arn TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
);
"""

ENHANCED = "ENHANCED"


@dataclass(frozen=True, slots=True)
class VectorBucket:
    """A vector bucket."""

    id: int
    name: str
    arn: str
    created_at: float
    default_mode: str
    policy: str | None


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """A vector index. `text_search` maps each searchable key to its language, or None."""

    id: int
    bucket: str
    name: str
    arn: str
    created_at: float
    dimension: int
    metric: str
    mode: str
    non_filterable: frozenset[str]
    text_search: Mapping[str, str | None]


def open_database(folder: Path) -> Database:
    """Open or create the database of S3 Vectors in `folder`."""
    return Database(folder / "s3vectors.sqlite", SCHEMA)


class VectorBucketStore:
    """Reads vector buckets, indexes and tags from the database."""

    def __init__(self, database: Database) -> None:
        """Read from `database`."""
        self._database = database

    def bucket(self, name: str) -> VectorBucket:
        """Return the bucket called `name`. Raises NotFoundException."""
        rows = self._database.read("SELECT * FROM buckets WHERE name = ?", name)
        if not rows:
            raise not_found_error("vector bucket")
        return VectorBucket(**rows[0])

    def buckets(self, prefix: str) -> list[VectorBucket]:
        """Return the buckets whose names start with `prefix`, by name."""
        rows = self._database.read("SELECT * FROM buckets ORDER BY name")
        return [VectorBucket(**row) for row in rows if row["name"].startswith(prefix)]

    def index(self, bucket: str, name: str) -> StoredIndex:
        """Return the index `name` of `bucket`. Raises NotFoundException."""
        owner = self.bucket(bucket)
        rows = self._database.read(
            "SELECT * FROM indexes WHERE bucket_id = ? AND name = ?", owner.id, name
        )
        if not rows:
            raise not_found_error("index")
        return _index(rows[0], owner.name)

    def index_by_id(self, index: int) -> StoredIndex:
        """Return the index with this row id. Raises NotFoundException if it is deleted."""
        rows = self._database.read(
            "SELECT indexes.*, buckets.name AS bucket FROM indexes"
            " JOIN buckets ON buckets.id = bucket_id WHERE indexes.id = ?",
            index,
        )
        if not rows:
            raise not_found_error("index")
        return _index(rows[0], rows[0]["bucket"])

    def indexes(self, bucket: VectorBucket, prefix: str) -> list[StoredIndex]:
        """Return the indexes of `bucket` whose names start with `prefix`, by name."""
        rows = self._database.read(
            "SELECT * FROM indexes WHERE bucket_id = ? ORDER BY name", bucket.id
        )
        return [_index(row, bucket.name) for row in rows if row["name"].startswith(prefix)]

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a resource."""
        rows = self._database.read("SELECT key, value FROM tags WHERE arn = ? ORDER BY key", arn)
        return {row["key"]: row["value"] for row in rows}


def write_tags(connection: sqlite3.Connection, arn: str, tags: Mapping[str, str]) -> None:
    """Set tags of a resource within a transaction."""
    connection.executemany(
        "INSERT INTO tags VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        [(arn, key, value) for key, value in tags.items()],
    )


def remove_tags(connection: sqlite3.Connection, arn: str, keys: Sequence[str]) -> None:
    """Remove tags of a resource within a transaction."""
    connection.executemany(
        "DELETE FROM tags WHERE arn = ? AND key = ?", [(arn, key) for key in keys]
    )


def _index(row: sqlite3.Row, bucket: str) -> StoredIndex:
    return StoredIndex(
        row["id"],
        bucket,
        row["name"],
        row["arn"],
        row["created_at"],
        row["dimension"],
        row["metric"],
        row["mode"],
        frozenset(json.loads(row["non_filterable"])),
        json.loads(row["text_search"]),
    )
