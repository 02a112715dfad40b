"""Changes to the catalogue, each inside a transaction that the caller holds.

A version, its use of blobs and its event are written together or not at all.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.s3.catalogue import no_such_bucket
from localcloud.s3.schema import Bucket, Details, Extent, Layout, Part, Upload, Version

NULL = "null"
"""The version id of an object that was written while versioning was not enabled."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to be."""

    bucket: str
    key: str
    etag: str
    size: int
    details: Details
    tags: Mapping[str, str]
    layout: Layout
    marker: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a change did: the version it made or removed, and blobs that it stopped using."""

    version: Version
    freed: frozenset[str]


def next_sequence(connection: sqlite3.Connection) -> int:
    """Return a number greater than every one before it, also across restarts."""
    row = connection.execute(
        "UPDATE counters SET value = value + 1 WHERE name = 'sequence' RETURNING value"
    ).fetchone()
    return int(row["value"])


def bucket_in(connection: sqlite3.Connection, name: str) -> Bucket:
    """Return a bucket, or NoSuchBucket."""
    row = connection.execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise no_such_bucket(name)
    return Bucket.from_row(row)


def current_in(connection: sqlite3.Connection, bucket: str, key: str) -> Version | None:
    """Return the latest version of a key, which may be a delete marker."""
    row = connection.execute(
        "SELECT * FROM versions WHERE bucket = ? AND key = ? AND latest = 1", (bucket, key)
    ).fetchone()
    return Version.from_row(row) if row else None


def version_in(
    connection: sqlite3.Connection, bucket: str, key: str, version_id: str
) -> Version | None:
    """Return one version of a key."""
    row = connection.execute(
        "SELECT * FROM versions WHERE bucket = ? AND key = ? AND version_id = ?",
        (bucket, key, version_id),
    ).fetchone()
    return Version.from_row(row) if row else None


def add_version(
    connection: sqlite3.Connection, bucket: Bucket, draft: Draft, moment: int
) -> Change:
    """Make `draft` the latest version; without enabled versioning it replaces `null`."""
    sequence = next_sequence(connection)
    freed: frozenset[str] = frozenset()
    if bucket.versioning == "Enabled":
        version_id = version_id_for(sequence)
    else:
        version_id = NULL
        replaced = version_in(connection, bucket.name, draft.key, NULL)
        if replaced is not None:
            freed = _remove(connection, replaced)
    connection.execute(
        "UPDATE versions SET latest = 0 WHERE bucket = ? AND key = ? AND latest = 1",
        (bucket.name, draft.key),
    )
    connection.execute(
        "INSERT INTO versions VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)",
        (
            sequence,
            bucket.name,
            draft.key,
            version_id,
            draft.marker,
            draft.etag,
            draft.size,
            moment,
            draft.details.to_json(),
            json.dumps(dict(draft.tags)),
            draft.layout.to_json(),
        ),
    )
    use_blobs(connection, f"version {sequence}", draft.layout.extents)
    made = version_in(connection, bucket.name, draft.key, version_id)
    assert made is not None, "the row was inserted above"
    return Change(made, freed)


def remove_version(
    connection: sqlite3.Connection, bucket: Bucket, version: Version
) -> frozenset[str]:
    """Remove a version for good, and make the one before it the latest."""
    freed = _remove(connection, version)
    if version.latest:
        connection.execute(
            "UPDATE versions SET latest = 1 WHERE sequence = (SELECT max(sequence)"
            " FROM versions WHERE bucket = ? AND key = ?)",
            (bucket.name, version.key),
        )
    return freed


def _remove(connection: sqlite3.Connection, version: Version) -> frozenset[str]:
    connection.execute("DELETE FROM versions WHERE sequence = ?", (version.rank,))
    return free_blobs(connection, f"version {version.rank}")


def version_id_for(sequence: int) -> str:
    """Return a new version id. It holds the sequence, so that its place outlives its row."""
    return f"{sequence:016x}{secrets.token_hex(8)}"


def sequence_of(version_id: str) -> int | None:
    """Return the sequence inside a version id, None where it has none."""
    try:
        return int(version_id[:16], 16) if len(version_id) == 32 else None
    except ValueError:
        return None


def add_part(connection: sqlite3.Connection, upload: Upload, part: Part) -> frozenset[str]:
    """Store a part in place of an earlier one of its number."""
    owner = part_owner(upload, part.number)
    freed = free_blobs(connection, owner)
    connection.execute(
        "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            upload.upload_id,
            part.number,
            part.etag,
            part.size,
            part.modified,
            part.checksum,
            json.dumps([[e.blob, e.start, e.length] for e in part.extents]),
        ),
    )
    use_blobs(connection, owner, part.extents)
    return freed


def remove_upload(connection: sqlite3.Connection, upload: Upload) -> frozenset[str]:
    """Forget an upload and its parts."""
    rows = connection.execute(
        "SELECT number FROM parts WHERE upload_id = ?", (upload.upload_id,)
    ).fetchall()
    freed: set[str] = set()
    for row in rows:
        freed |= free_blobs(connection, part_owner(upload, row["number"]))
    connection.execute("DELETE FROM uploads WHERE upload_id = ?", (upload.upload_id,))
    return frozenset(freed)


def part_owner(upload: Upload, number: int) -> str:
    """Return the name under which a part uses blobs."""
    return f"part {upload.upload_id} {number}"


def use_blobs(connection: sqlite3.Connection, owner: str, extents: Iterable[Extent]) -> None:
    """Record that `owner` is made of the blobs of `extents`."""
    connection.executemany(
        "INSERT OR IGNORE INTO blob_uses VALUES (?, ?)",
        [(extent.blob, owner) for extent in extents],
    )


def free_blobs(connection: sqlite3.Connection, owner: str) -> frozenset[str]:
    """Record that `owner` is gone and return the blobs it was made of."""
    rows = connection.execute("DELETE FROM blob_uses WHERE owner = ? RETURNING blob", (owner,))
    return frozenset(row["blob"] for row in rows.fetchall())


def is_used(connection: sqlite3.Connection, blob: str) -> bool:
    """Tell whether anything is made of `blob`."""
    row = connection.execute("SELECT 1 FROM blob_uses WHERE blob = ? LIMIT 1", (blob,)).fetchone()
    return row is not None


def post(connection: sqlite3.Connection, sequence: int, event: dict[str, Any]) -> None:
    """Put an event into the outbox."""
    connection.execute("INSERT INTO outbox VALUES (?, ?)", (sequence, json.dumps(event)))
