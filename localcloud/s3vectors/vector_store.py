"""Vectors in SQLite. A replaced vector gets a new row id, so ids follow the order of writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from localcloud.database import Database
from localcloud.s3vectors.records import TermCounts, VectorRecord
from localcloud.s3vectors.requests import not_found_error

SEGMENTS = 720_720
"""The least common multiple of 1 to 16, so that any count of segments divides it evenly."""

_BATCH_ROWS = 2000


@dataclass(frozen=True, slots=True)
class IndexedVector:
    """A row of the `vectors` table, with data and metadata still encoded."""

    id: int
    key: str
    data: bytes
    metadata: str

    @property
    def size(self) -> int:
        """The size of key, data and metadata in bytes."""
        return len(self.key.encode()) + len(self.data) + len(self.metadata.encode())

    def render(self, with_data: bool, with_metadata: bool) -> dict[str, Any]:
        """Return the vector in the form of an API response."""
        rendered: dict[str, Any] = {"key": self.key}
        if with_data:
            rendered["data"] = {"float32": np.frombuffer(self.data, "<f4").tolist()}
        if with_metadata:
            rendered["metadata"] = json.loads(self.metadata)
        return rendered


class VectorStore:
    """Reads and writes the vectors of all indexes."""

    def __init__(self, database: Database) -> None:
        """Use `database`, whose schema `bucket_store` has."""
        self._database = database

    def put(self, index: int, records: Sequence[VectorRecord]) -> dict[str, TermCounts]:
        """Write `records` and return the terms of the ones that they replaced, by key."""
        with self._database.transaction() as connection:
            replaced = _delete_rows(connection, index, [record.key for record in records])
            try:
                connection.executemany(
                    "INSERT INTO vectors (index_id, key, data, metadata, terms, segment)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    [_row(index, record) for record in records],
                )
            except sqlite3.IntegrityError as error:
                raise not_found_error("index") from error
        return replaced

    def delete(self, index: int, keys: Sequence[str]) -> dict[str, TermCounts]:
        """Delete vectors and return the terms of those that existed, by key."""
        with self._database.transaction() as connection:
            return _delete_rows(connection, index, keys)

    def get(self, index: int, keys: Sequence[str]) -> dict[str, IndexedVector]:
        """Return the vectors with these keys that exist, by key."""
        marks = ",".join("?" * len(keys))
        rows = self._database.read(
            f"SELECT id, key, data, metadata FROM vectors WHERE index_id = ? AND key IN ({marks})",  # noqa: S608 - only question marks
            index,
            *keys,
        )
        return {row["key"]: _stored_vector(row) for row in rows}

    def page(
        self, index: int, after: int, limit: int, segment: int = 0, segments: int = 1
    ) -> list[IndexedVector]:
        """Return up to `limit` vectors of a segment whose ids are above `after`, ordered by id."""
        rows = self._database.read(
            "SELECT id, key, data, metadata FROM vectors WHERE index_id = ? AND id > ?"
            " AND segment % ? = ? ORDER BY id LIMIT ?",
            index,
            after,
            segments,
            segment,
            limit,
        )
        return [_stored_vector(row) for row in rows]

    def records(self, index: int) -> Iterator[VectorRecord]:
        """Yield every vector of an index in the order of writes."""
        last = 0
        while rows := self._database.read(
            "SELECT id, key, data, metadata, terms FROM vectors"
            " WHERE index_id = ? AND id > ? ORDER BY id LIMIT ?",
            index,
            last,
            _BATCH_ROWS,
        ):
            for row in rows:
                yield VectorRecord(
                    row["key"],
                    np.frombuffer(row["data"], "<f4"),
                    json.loads(row["metadata"]),
                    json.loads(row["terms"]),
                )
            last = rows[-1]["id"]


def rewrite_terms(
    connection: sqlite3.Connection, index: int, terms: Mapping[str, TermCounts]
) -> None:
    """Replace the terms of the vectors of an index, by key, within a transaction."""
    connection.executemany(
        "UPDATE vectors SET terms = ? WHERE index_id = ? AND key = ?",
        [(json.dumps(counts), index, key) for key, counts in terms.items()],
    )


def _delete_rows(
    connection: sqlite3.Connection, index: int, keys: Sequence[str]
) -> dict[str, TermCounts]:
    deleted: dict[str, TermCounts] = {}
    for key in keys:
        row = connection.execute(
            "DELETE FROM vectors WHERE index_id = ? AND key = ? RETURNING terms", (index, key)
        ).fetchone()
        if row is not None:
            deleted[key] = json.loads(row["terms"])
    return deleted


def _row(index: int, record: VectorRecord) -> tuple[Any, ...]:
    return (
        index,
        record.key,
        record.vector.astype("<f4").tobytes(),
        json.dumps(record.metadata),
        json.dumps(record.terms),
        crc32(record.key.encode()) % SEGMENTS,
    )


def _stored_vector(row: sqlite3.Row) -> IndexedVector:
    return IndexedVector(row["id"], row["key"], row["data"], row["metadata"])
