"""Read buckets, object versions, uploads and parts from SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from localcloud.database import Database
from localcloud.s3.errors import no_such_bucket, no_such_upload
from localcloud.s3.storage.listing import ListingPosition, first_key_after
from localcloud.s3.storage.records import (
    BucketRecord,
    MultipartUploadRecord,
    ObjectVersion,
    UploadedPart,
)

_LISTED = (
    "SELECT sequence, key, version_id, latest, marker, etag, size, modified, details, tags"
    " FROM versions"
)


class ObjectCatalogue:
    """Reads of buckets, object versions, multipart uploads and their parts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def buckets(self) -> list[BucketRecord]:
        """Return all buckets in order of their names."""
        rows = self._database.read("SELECT * FROM buckets ORDER BY name")
        return [BucketRecord.from_row(row) for row in rows]

    def bucket(self, name: str) -> BucketRecord:
        """Return a bucket; raise NoSuchBucket if there is none."""
        rows = self._database.read("SELECT * FROM buckets WHERE name = ?", name)
        if not rows:
            raise no_such_bucket(name)
        return BucketRecord.from_row(rows[0])

    def exists(self, name: str) -> bool:
        """Return whether there is a bucket of this name."""
        return bool(self._database.read("SELECT 1 FROM buckets WHERE name = ?", name))

    def configuration(self, bucket: str, kind: str) -> str | None:
        """Return a stored configuration of a bucket, or None if there is none."""
        rows = self._database.read(
            "SELECT document FROM configurations WHERE bucket = ? AND kind = ?", bucket, kind
        )
        return rows[0]["document"] if rows else None

    def current(self, bucket: str, key: str) -> ObjectVersion | None:
        """Return the latest version of a key, which may be a delete marker."""
        rows = self._database.read(
            "SELECT * FROM versions WHERE bucket = ? AND key = ? AND latest = 1", bucket, key
        )
        return ObjectVersion.from_row(rows[0]) if rows else None

    def version(self, bucket: str, key: str, version_id: str) -> ObjectVersion | None:
        """Return one version of a key, or None."""
        rows = self._database.read(
            "SELECT * FROM versions WHERE bucket = ? AND key = ? AND version_id = ?",
            bucket,
            key,
            version_id,
        )
        return ObjectVersion.from_row(rows[0]) if rows else None

    def objects(
        self, bucket: str, prefix: str, position: ListingPosition, limit: int
    ) -> Sequence[ObjectVersion]:
        """Return the next current objects after `position`, in order of their keys."""
        rows = self._database.read(
            f"{_LISTED} WHERE bucket = ? AND latest = 1 AND marker = 0 AND key >= ? AND key < ?"
            " AND (key > ? OR sequence < ?) ORDER BY key LIMIT ?",
            bucket,
            max(prefix, position.key),
            first_key_after(prefix),
            position.key,
            position.below,
            limit,
        )
        return [ObjectVersion.from_row(row) for row in rows]

    def versions(
        self, bucket: str, prefix: str, position: ListingPosition, limit: int
    ) -> Sequence[ObjectVersion]:
        """Return the next versions and delete markers by key, the newest of a key first."""
        rows = self._database.read(
            f"{_LISTED} WHERE bucket = ? AND key >= ? AND key < ?"
            " AND (key > ? OR sequence < ?) ORDER BY key, sequence DESC LIMIT ?",
            bucket,
            max(prefix, position.key),
            first_key_after(prefix),
            position.key,
            position.below,
            limit,
        )
        return [ObjectVersion.from_row(row) for row in rows]

    def uploads(
        self, bucket: str, prefix: str, position: ListingPosition, limit: int
    ) -> Sequence[MultipartUploadRecord]:
        """Return the next multipart uploads by key, the oldest of a key first."""
        rows = self._database.read(
            "SELECT * FROM uploads WHERE bucket = ? AND key >= ? AND key < ?"
            " AND (key > ? OR -sequence < ?) ORDER BY key, sequence LIMIT ?",
            bucket,
            max(prefix, position.key),
            first_key_after(prefix),
            position.key,
            position.below,
            limit,
        )
        return [MultipartUploadRecord.from_row(row) for row in rows]

    def upload(self, bucket: str, key: str, upload_id: str) -> MultipartUploadRecord:
        """Return a multipart upload; raise NoSuchUpload if it is not in progress."""
        rows = self._database.read("SELECT * FROM uploads WHERE upload_id = ?", upload_id)
        found = MultipartUploadRecord.from_row(rows[0]) if rows else None
        if found is None or (found.bucket, found.key) != (bucket, key):
            raise no_such_upload(upload_id)
        return found

    def parts(self, upload_id: str, after: int = 0, limit: int = 10_000) -> list[UploadedPart]:
        """Return up to `limit` parts of an upload with a number above `after`."""
        rows = self._database.read(
            "SELECT * FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?",
            upload_id,
            after,
            limit,
        )
        return [UploadedPart.from_row(row) for row in rows]

    def used_blobs(self) -> set[str]:
        """Return the names of all blobs that an object or part uses."""
        return {row["blob"] for row in self._database.read("SELECT DISTINCT blob FROM blob_uses")}
