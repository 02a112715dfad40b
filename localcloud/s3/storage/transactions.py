"""Changes of the catalogue, each within a transaction of the caller.

A version, its uses of blobs and its event are committed together.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.s3.bucket_notifications import KIND, BucketNotification, restored
from localcloud.s3.errors import no_such_bucket
from localcloud.s3.storage.records import (
    BlobExtent,
    BucketRecord,
    MultipartUploadRecord,
    ObjectLayout,
    ObjectMetadata,
    ObjectVersion,
    UploadedPart,
)

NULL_VERSION_ID = "null"
"""The version id of an object that was written while versioning was not enabled."""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """An object version, or a delete marker, that is not stored yet."""

    bucket: str
    key: str
    etag: str
    size: int
    details: ObjectMetadata
    tags: Mapping[str, str]
    layout: ObjectLayout
    marker: bool = False


@dataclass(frozen=True, slots=True)
class VersionChange:
    """The version that a change added, and the blobs that are no longer used."""

    version: ObjectVersion
    freed: frozenset[str]


def next_sequence(connection: sqlite3.Connection) -> int:
    """Return the next sequence number; it grows across restarts."""
    row = connection.execute(
        "UPDATE counters SET value = value + 1 WHERE name = 'sequence' RETURNING value"
    ).fetchone()
    return int(row["value"])


def require_bucket(connection: sqlite3.Connection, name: str) -> BucketRecord:
    """Return a bucket; raise NoSuchBucket if there is none."""
    row = connection.execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise no_such_bucket(name)
    return BucketRecord.from_row(row)


def find_current(connection: sqlite3.Connection, bucket: str, key: str) -> ObjectVersion | None:
    """Return the latest version of a key, which may be a delete marker."""
    row = connection.execute(
        "SELECT * FROM versions WHERE bucket = ? AND key = ? AND latest = 1", (bucket, key)
    ).fetchone()
    return ObjectVersion.from_row(row) if row else None


def find_version(
    connection: sqlite3.Connection, bucket: str, key: str, version_id: str
) -> ObjectVersion | None:
    """Return one version of a key, or None."""
    row = connection.execute(
        "SELECT * FROM versions WHERE bucket = ? AND key = ? AND version_id = ?",
        (bucket, key, version_id),
    ).fetchone()
    return ObjectVersion.from_row(row) if row else None


def add_version(
    connection: sqlite3.Connection, bucket: BucketRecord, draft: NewVersion, moment: int
) -> VersionChange:
    """Add `draft` as the latest version; unless versioning is enabled it replaces `null`."""
    sequence = next_sequence(connection)
    freed: frozenset[str] = frozenset()
    if bucket.versioning == "Enabled":
        version_id = new_version_id(sequence)
    else:
        version_id = NULL_VERSION_ID
        replaced = find_version(connection, bucket.name, draft.key, NULL_VERSION_ID)
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
    record_blob_uses(connection, f"version {sequence}", draft.layout.extents)
    made = find_version(connection, bucket.name, draft.key, version_id)
    assert made is not None, "the row was inserted above"
    return VersionChange(made, freed)


def remove_version(
    connection: sqlite3.Connection, bucket: BucketRecord, version: ObjectVersion
) -> frozenset[str]:
    """Delete a version and make the one before it the latest; return its blobs."""
    freed = _remove(connection, version)
    if version.latest:
        connection.execute(
            "UPDATE versions SET latest = 1 WHERE sequence = (SELECT max(sequence)"
            " FROM versions WHERE bucket = ? AND key = ?)",
            (bucket.name, version.key),
        )
    return freed


def _remove(connection: sqlite3.Connection, version: ObjectVersion) -> frozenset[str]:
    connection.execute("DELETE FROM versions WHERE sequence = ?", (version.rank,))
    return delete_blob_uses(connection, f"version {version.rank}")


def new_version_id(sequence: int) -> str:
    """Return a new version id.

    It holds the sequence number, so that its position in a listing outlives the row.
    """
    return f"{sequence:016x}{secrets.token_hex(8)}"


def version_sequence(version_id: str) -> int | None:
    """Return the sequence number in a version id, or None if it has none."""
    try:
        return int(version_id[:16], 16) if len(version_id) == 32 else None
    except ValueError:
        return None


def add_part(
    connection: sqlite3.Connection, upload: MultipartUploadRecord, part: UploadedPart
) -> frozenset[str]:
    """Store a part, replacing an earlier one of its number; return unused blobs."""
    owner = part_blob_owner(upload, part.number)
    freed = delete_blob_uses(connection, owner)
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
    record_blob_uses(connection, owner, part.extents)
    return freed


def remove_upload(connection: sqlite3.Connection, upload: MultipartUploadRecord) -> frozenset[str]:
    """Delete an upload and its parts; return the blobs that they used."""
    rows = connection.execute(
        "SELECT number FROM parts WHERE upload_id = ?", (upload.upload_id,)
    ).fetchall()
    freed: set[str] = set()
    for row in rows:
        freed |= delete_blob_uses(connection, part_blob_owner(upload, row["number"]))
    connection.execute("DELETE FROM uploads WHERE upload_id = ?", (upload.upload_id,))
    return frozenset(freed)


def part_blob_owner(upload: MultipartUploadRecord, number: int) -> str:
    """Return the owner name under which the blobs of a part are recorded."""
    return f"part {upload.upload_id} {number}"


def record_blob_uses(
    connection: sqlite3.Connection, owner: str, extents: Iterable[BlobExtent]
) -> None:
    """Record that `owner` uses the blobs of `extents`."""
    connection.executemany(
        "INSERT OR IGNORE INTO blob_uses VALUES (?, ?)",
        [(extent.blob, owner) for extent in extents],
    )


def delete_blob_uses(connection: sqlite3.Connection, owner: str) -> frozenset[str]:
    """Delete the blob uses of `owner` and return the names of the blobs."""
    rows = connection.execute("DELETE FROM blob_uses WHERE owner = ? RETURNING blob", (owner,))
    return frozenset(row["blob"] for row in rows.fetchall())


def is_blob_used(connection: sqlite3.Connection, blob: str) -> bool:
    """Return whether anything uses `blob`."""
    row = connection.execute("SELECT 1 FROM blob_uses WHERE blob = ? LIMIT 1", (blob,)).fetchone()
    return row is not None


def notifications(connection: sqlite3.Connection, bucket: str) -> Sequence[BucketNotification]:
    """Return the targets, besides EventBridge, that a bucket tells of its events."""
    row = connection.execute(
        "SELECT document FROM configurations WHERE bucket = ? AND kind = ?", (bucket, KIND)
    ).fetchone()
    return restored(row["document"] if row else None)


def enqueue_event(connection: sqlite3.Connection, sequence: int, event: dict[str, Any]) -> None:
    """Add an event to the outbox."""
    connection.execute("INSERT INTO outbox VALUES (?, ?)", (sequence, json.dumps(event)))
