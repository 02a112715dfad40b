"""Vectors on disk. What replaces a vector gets a new id, so ids tell the order of writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from localcloud.database import Database
from localcloud.s3vectors.errors import not_found
from localcloud.s3vectors.records import Record, Terms

SEGMENTS = 720_720
"""The least common multiple of 1 to 16, so that any count of segments divides it evenly."""

_FETCH = 2000


@dataclass(frozen=True, slots=True)
class Listed:
    """What a vector looks like to the operations that return it."""

    id: int
    key: str
    data: bytes
    metadata: str

    @property
    def size(self) -> int:
        """Return the bytes of key, data and metadata."""
        return len(self.key.encode()) + len(self.data) + len(self.metadata.encode())

    def shown(self, data: bool, metadata: bool) -> dict[str, Any]:
        """Return the vector as the service shows it, with what was asked for."""
        shown: dict[str, Any] = {"key": self.key}
        if data:
            shown["data"] = {"float32": np.frombuffer(self.data, "<f4").tolist()}
        if metadata:
            shown["metadata"] = json.loads(self.metadata)
        return shown


class VectorRows:
    """The vectors of all indexes."""

    def __init__(self, database: Database) -> None:
        """Read from and write to `database`."""
        self._database = database

    def put(self, index: int, records: Sequence[Record]) -> dict[str, Terms]:
        """Write `records` and return the terms of those that were there before, by key."""
        with self._database.transaction() as connection:
            replaced = _take_out(connection, index, [record.key for record in records])
            try:
                connection.executemany(
                    "INSERT INTO vectors (index_id, key, data, metadata, terms, segment)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    [_row(index, record) for record in records],
                )
            except sqlite3.IntegrityError as error:
                raise not_found("index") from error
        return replaced

    def delete(self, index: int, keys: Sequence[str]) -> dict[str, Terms]:
        """Delete vectors and return the terms of those that were there, by key."""
        with self._database.transaction() as connection:
            return _take_out(connection, index, keys)

    def get(self, index: int, keys: Sequence[str]) -> dict[str, Listed]:
        """Return those of `keys` that are there."""
        marks = ",".join("?" * len(keys))
        rows = self._database.read(
            f"SELECT id, key, data, metadata FROM vectors WHERE index_id = ? AND key IN ({marks})",  # noqa: S608 - only question marks
            index,
            *keys,
        )
        return {row["key"]: _listed(row) for row in rows}

    def page(
        self, index: int, after: int, limit: int, segment: int = 0, segments: int = 1
    ) -> list[Listed]:
        """Return up to `limit` vectors of a segment whose ids are above `after`, by id."""
        rows = self._database.read(
            "SELECT id, key, data, metadata FROM vectors WHERE index_id = ? AND id > ?"
            " AND segment % ? = ? ORDER BY id LIMIT ?",
            index,
            after,
            segments,
            segment,
            limit,
        )
        return [_listed(row) for row in rows]

    def records(self, index: int) -> Iterator[Record]:
        """Yield every vector of an index in the order in which they were written."""
        last = 0
        while rows := self._database.read(
            "SELECT id, key, data, metadata, terms FROM vectors"
            " WHERE index_id = ? AND id > ? ORDER BY id LIMIT ?",
            index,
            last,
            _FETCH,
        ):
            for row in rows:
                yield Record(
                    row["key"],
                    np.frombuffer(row["data"], "<f4"),
                    json.loads(row["metadata"]),
                    json.loads(row["terms"]),
                )
            last = rows[-1]["id"]


def rewrite_terms(connection: sqlite3.Connection, index: int, terms: Mapping[str, Terms]) -> None:
    """Give the vectors of an index other terms, by key, inside a transaction."""
    connection.executemany(
        "UPDATE vectors SET terms = ? WHERE index_id = ? AND key = ?",
        [(json.dumps(found), index, key) for key, found in terms.items()],
    )


def _take_out(connection: sqlite3.Connection, index: int, keys: Sequence[str]) -> dict[str, Terms]:
    taken: dict[str, Terms] = {}
    for key in keys:
        row = connection.execute(
            "DELETE FROM vectors WHERE index_id = ? AND key = ? RETURNING terms", (index, key)
        ).fetchone()
        if row is not None:
            taken[key] = json.loads(row["terms"])
    return taken


def _row(index: int, record: Record) -> tuple[Any, ...]:
    return (
        index,
        record.key,
        record.vector.astype("<f4").tobytes(),
        json.dumps(record.metadata),
        json.dumps(record.terms),
        crc32(record.key.encode()) % SEGMENTS,
    )


def _listed(row: sqlite3.Row) -> Listed:
    return Listed(row["id"], row["key"], row["data"], row["metadata"])
