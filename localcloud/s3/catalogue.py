"""What is in the buckets: reads from SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.s3.listing import Position, after_prefix
from localcloud.s3.schema import Bucket, Part, Upload, Version

_LISTED = (
    "SELECT sequence, key, version_id, latest, marker, etag, size, modified, details, tags"
    " FROM versions"
)


class Catalogue:
    """Finds buckets, versions, uploads and parts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def buckets(self) -> list[Bucket]:
        """Return all buckets by name."""
        rows = self._database.read("SELECT * FROM buckets ORDER BY name")
        return [Bucket.from_row(row) for row in rows]

    def bucket(self, name: str) -> Bucket:
        """Return a bucket, or NoSuchBucket."""
        rows = self._database.read("SELECT * FROM buckets WHERE name = ?", name)
        if not rows:
            raise no_such_bucket(name)
        return Bucket.from_row(rows[0])

    def configuration(self, bucket: str, kind: str) -> str | None:
        """Return a stored configuration of a bucket, None where there is none."""
        rows = self._database.read(
            "SELECT document FROM configurations WHERE bucket = ? AND kind = ?", bucket, kind
        )
        return rows[0]["document"] if rows else None

    def current(self, bucket: str, key: str) -> Version | None:
        """Return the latest version of a key, which may be a delete marker."""
        rows = self._database.read(
            "SELECT * FROM versions WHERE bucket = ? AND key = ? AND latest = 1", bucket, key
        )
        return Version.from_row(rows[0]) if rows else None

    def version(self, bucket: str, key: str, version_id: str) -> Version | None:
        """Return one version of a key."""
        rows = self._database.read(
            "SELECT * FROM versions WHERE bucket = ? AND key = ? AND version_id = ?",
            bucket,
            key,
            version_id,
        )
        return Version.from_row(rows[0]) if rows else None

    def objects(
        self, bucket: str, prefix: str, position: Position, limit: int
    ) -> Sequence[Version]:
        """Return the next current objects; for `list_page`."""
        rows = self._database.read(
            f"{_LISTED} WHERE bucket = ? AND latest = 1 AND marker = 0 AND key >= ? AND key < ?"
            " AND (key > ? OR sequence < ?) ORDER BY key LIMIT ?",
            bucket,
            max(prefix, position.key),
            after_prefix(prefix),
            position.key,
            position.below,
            limit,
        )
        return [Version.from_row(row) for row in rows]

    def versions(
        self, bucket: str, prefix: str, position: Position, limit: int
    ) -> Sequence[Version]:
        """Return the next versions and delete markers, of each key the newest first."""
        rows = self._database.read(
            f"{_LISTED} WHERE bucket = ? AND key >= ? AND key < ?"
            " AND (key > ? OR sequence < ?) ORDER BY key, sequence DESC LIMIT ?",
            bucket,
            max(prefix, position.key),
            after_prefix(prefix),
            position.key,
            position.below,
            limit,
        )
        return [Version.from_row(row) for row in rows]

    def uploads(self, bucket: str, prefix: str, position: Position, limit: int) -> Sequence[Upload]:
        """Return the next multipart uploads, of each key the oldest first."""
        rows = self._database.read(
            "SELECT * FROM uploads WHERE bucket = ? AND key >= ? AND key < ?"
            " AND (key > ? OR -sequence < ?) ORDER BY key, sequence LIMIT ?",
            bucket,
            max(prefix, position.key),
            after_prefix(prefix),
            position.key,
            position.below,
            limit,
        )
        return [Upload.from_row(row) for row in rows]

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return a multipart upload, or NoSuchUpload."""
        rows = self._database.read("SELECT * FROM uploads WHERE upload_id = ?", upload_id)
        found = Upload.from_row(rows[0]) if rows else None
        if found is None or (found.bucket, found.key) != (bucket, key):
            raise no_such_upload(upload_id)
        return found

    def parts(self, upload_id: str, after: int = 0, limit: int = 10_000) -> list[Part]:
        """Return the parts of an upload by number."""
        rows = self._database.read(
            "SELECT * FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?",
            upload_id,
            after,
            limit,
        )
        return [Part.from_row(row) for row in rows]

    def used_blobs(self) -> set[str]:
        """Return the names of all blobs that something is made of."""
        return {row["blob"] for row in self._database.read("SELECT DISTINCT blob FROM blob_uses")}


def no_such_bucket(name: str) -> AwsError:
    """Return S3's error for an unknown bucket."""
    return AwsError("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)


def no_such_upload(upload_id: str) -> AwsError:
    """Return S3's error for an unknown, aborted or completed multipart upload."""
    return AwsError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may "
        "have been aborted or completed.",
        404,
        UploadId=upload_id,
    )
