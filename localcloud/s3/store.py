"""Buckets on disk: the catalogue, the blobs, and the transactions that keep them together."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.s3 import changes
from localcloud.s3.blobs import BlobStore, Content
from localcloud.s3.catalogue import Catalogue, no_such_upload
from localcloud.s3.conditions import WriteCondition
from localcloud.s3.events import DELETED, MARKED, Cause, Subject, object_created, object_deleted
from localcloud.s3.markup import http_date
from localcloud.s3.request import S3Error
from localcloud.s3.schema import SCHEMA, Bucket, Details, Layout, Part, Upload, Version

EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"
"""The MD5 of nothing, which S3 gives as the ETag of a delete marker in events."""


class Store:
    """All of S3's state. `on_event()` is called after a change that put an event out."""

    def __init__(self, folder: Path, clock: Clock, on_event: Callable[[], None]) -> None:
        """Open the store in `folder` and remove blobs that an earlier process left unused."""
        self.database = Database(folder / "catalogue.sqlite3", SCHEMA)
        self.catalogue = Catalogue(self.database)
        self.blobs = BlobStore(folder, self._drop)
        self._clock = clock
        self._on_event = on_event
        self._drop(set(self.blobs.names()) - self.catalogue.used_blobs())

    def now(self) -> int:
        """Return the time in whole seconds, as S3 keeps it."""
        return int(self._clock())

    def write(
        self,
        draft: changes.Draft,
        condition: WriteCondition,
        cause: Cause,
        *,
        completes: Upload | None = None,
    ) -> Version:
        """Commit an object whose bytes are in place, with its event, if the condition holds.

        `completes` is the multipart upload that ends with it.
        """
        freed: set[str] = set()
        moment = self.now()
        with self.database.transaction() as connection:
            bucket = changes.bucket_in(connection, draft.bucket)
            condition.check(draft.key, _live_etag(connection, bucket, draft.key))
            if completes is not None:
                _require_parts(connection, completes, draft)
            change = changes.add_version(connection, bucket, draft, moment)
            freed |= change.freed
            if completes is not None:
                freed |= changes.remove_upload(connection, completes)
            if bucket.eventbridge:
                subject = _subject(bucket, change.version, change.version.rank, moment)
                changes.post(connection, subject.sequence, object_created(subject, cause))
        self._settle(freed)
        return change.version

    def delete(
        self, bucket_name: str, key: str, condition: WriteCondition, cause: Cause
    ) -> Version | None:
        """Delete a key: under versioning a delete marker, else for good. Return the marker."""
        freed: frozenset[str] = frozenset()
        marker = None
        with self.database.transaction() as connection:
            bucket = changes.bucket_in(connection, bucket_name)
            self._check_delete(connection, bucket, key, condition)
            if bucket.versioning:
                draft = changes.Draft(
                    bucket.name, key, EMPTY_ETAG, 0, Details(), {}, Layout(), marker=True
                )
                change = changes.add_version(connection, bucket, draft, self.now())
                marker, freed = change.version, change.freed
                self._post_deletion(connection, bucket, marker, cause, MARKED)
            else:
                current = changes.current_in(connection, bucket.name, key)
                if current is not None:
                    freed = changes.remove_version(connection, bucket, current)
                    self._post_deletion(connection, bucket, current, cause, DELETED)
        self._settle(freed)
        return marker

    def delete_version(
        self, bucket_name: str, key: str, version_id: str, condition: WriteCondition, cause: Cause
    ) -> Version | None:
        """Remove one version for good and return what it was, None where there was none."""
        freed: frozenset[str] = frozenset()
        with self.database.transaction() as connection:
            bucket = changes.bucket_in(connection, bucket_name)
            self._check_delete(connection, bucket, key, condition)
            version = changes.version_in(connection, bucket.name, key, version_id)
            if version is not None:
                freed = changes.remove_version(connection, bucket, version)
                self._post_deletion(connection, bucket, version, cause, DELETED)
        self._settle(freed)
        return version

    def set_tags(
        self, bucket: str, key: str, version_id: str | None, tags: Mapping[str, str]
    ) -> Version:
        """Replace the tags of a version (None: the latest), which must exist."""
        with self.database.transaction() as connection:
            changes.bucket_in(connection, bucket)
            if version_id is None:
                version = changes.current_in(connection, bucket, key)
            else:
                version = changes.version_in(connection, bucket, key, version_id)
            version = existing(version, key, version_id)
            connection.execute(
                "UPDATE versions SET tags = ? WHERE sequence = ?",
                (json.dumps(dict(tags)), version.rank),
            )
        return version

    def create_upload(
        self, bucket: str, key: str, details: Details, tags: Mapping[str, str]
    ) -> Upload:
        """Begin a multipart upload."""
        with self.database.transaction() as connection:
            changes.bucket_in(connection, bucket)
            sequence = changes.next_sequence(connection)
            upload = Upload(
                secrets.token_urlsafe(48), -sequence, bucket, key, self.now(), details, tags
            )
            connection.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    upload.upload_id,
                    sequence,
                    bucket,
                    key,
                    upload.initiated,
                    details.to_json(),
                    json.dumps(dict(tags)),
                ),
            )
        return upload

    def add_part(self, upload: Upload, part: Part) -> None:
        """Commit a part whose bytes are in place."""
        with self.database.transaction() as connection:
            _require_upload(connection, upload)
            freed = changes.add_part(connection, upload, part)
        self._settle(freed)

    def abort_upload(self, upload: Upload) -> None:
        """Forget an upload and its parts."""
        with self.database.transaction() as connection:
            _require_upload(connection, upload)
            freed = changes.remove_upload(connection, upload)
        self._settle(freed)

    def open(self, version: Version) -> Content | None:
        """Pin the bytes of a version; None when it was deleted a moment ago."""
        return self.blobs.open(version.layout.extents)

    def drop_unused(self, names: Iterable[str]) -> None:
        """Remove blobs that were written for a change that was refused."""
        self._drop(set(names))

    def _check_delete(
        self, connection: sqlite3.Connection, bucket: Bucket, key: str, condition: WriteCondition
    ) -> None:
        if condition.if_match is not None:
            condition.check(key, _live_etag(connection, bucket, key))

    def _post_deletion(
        self,
        connection: sqlite3.Connection,
        bucket: Bucket,
        version: Version,
        cause: Cause,
        deletion_type: str,
    ) -> None:
        if bucket.eventbridge:
            sequence = changes.next_sequence(connection)
            subject = _subject(bucket, version, sequence, self.now())
            event = object_deleted(subject, cause, deletion_type)
            changes.post(connection, sequence, event)

    def _settle(self, freed: Iterable[str]) -> None:
        self._drop(set(freed))
        self._on_event()

    def _drop(self, names: set[str]) -> None:
        if not names:
            return
        with self.database.transaction() as connection:
            for name in names:
                if not changes.is_used(connection, name):
                    self.blobs.drop(name)


def existing(version: Version | None, key: str, version_id: str | None) -> Version:
    """Return a version that is an object, or the error S3 gives where it is none."""
    if version is None:
        if version_id is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404, Key=key)
        raise AwsError(
            "NoSuchVersion",
            "The specified version does not exist.",
            404,
            Key=key,
            VersionId=version_id,
        )
    if version.marker:
        raise _is_marker(version, version_id)
    return version


def _is_marker(version: Version, version_id: str | None) -> S3Error:
    headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version.version_id}
    if version_id is None:
        return S3Error(
            "NoSuchKey", "The specified key does not exist.", 404, headers, Key=version.key
        )
    headers |= {"Last-Modified": http_date(version.modified), "Allow": "DELETE"}
    return S3Error(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
        headers,
        Method="GET",
        ResourceType="DeleteMarker",
    )


def _live_etag(connection: sqlite3.Connection, bucket: Bucket, key: str) -> str | None:
    current = changes.current_in(connection, bucket.name, key)
    return None if current is None or current.marker else current.etag


def _require_upload(connection: sqlite3.Connection, upload: Upload) -> None:
    row = connection.execute(
        "SELECT 1 FROM uploads WHERE upload_id = ?", (upload.upload_id,)
    ).fetchone()
    if row is None:
        raise no_such_upload(upload.upload_id)


def _require_parts(connection: sqlite3.Connection, upload: Upload, draft: changes.Draft) -> None:
    """Refuse a completion whose upload ended, or one of whose parts was replaced, meanwhile."""
    _require_upload(connection, upload)
    for extent in draft.layout.extents:
        if not changes.is_used(connection, extent.blob):
            raise AwsError(
                "InvalidPart",
                "One or more of the specified parts could not be found.  The part may not have "
                "been uploaded, or the specified entity tag may not match the part's entity tag.",
                UploadId=upload.upload_id,
            )


def _subject(bucket: Bucket, version: Version, sequence: int, moment: int) -> Subject:
    return Subject(
        bucket.name,
        version.key,
        version.etag,
        version.size,
        version.version_id if bucket.versioning else None,
        sequence,
        moment,
    )
