"""The state of S3 on disk: the catalogue and the blobs, changed in transactions."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.s3.bucket_notifications import (
    MARKER_CREATED,
    REMOVED,
    created_event,
    notification_message,
    notification_row,
)
from localcloud.s3.errors import S3Error, no_such_upload
from localcloud.s3.event_notifications import (
    DELETE_MARKER_CREATED,
    PERMANENTLY_DELETED,
    ChangeCause,
    ChangedObject,
    object_created_event,
    object_deleted_event,
)
from localcloud.s3.storage import transactions
from localcloud.s3.storage.blobs import BlobStore, ObjectContent
from localcloud.s3.storage.catalogue import ObjectCatalogue
from localcloud.s3.storage.conditions import ConditionalWrite
from localcloud.s3.storage.records import (
    SCHEMA,
    BucketRecord,
    MultipartUploadRecord,
    ObjectLayout,
    ObjectMetadata,
    ObjectVersion,
    UploadedPart,
)
from localcloud.s3.xml_format import http_date

EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"
"""The MD5 of no bytes, which events give as the ETag of a delete marker."""


class S3Store:
    """The state of S3. `on_event()` is called after a change that may have queued an event."""

    def __init__(
        self, folder: Path, clock: Clock, on_event: Callable[[], None], region: str = "us-east-1"
    ) -> None:
        """Open the store in `folder` and delete the unused blobs of an earlier process."""
        self.database = Database(folder / "catalogue.sqlite3", SCHEMA)
        self.catalogue = ObjectCatalogue(self.database)
        self.blobs = BlobStore(folder, self._drop)
        self._clock = clock
        self._on_event = on_event
        self._region = region
        self._drop(set(self.blobs.names()) - self.catalogue.used_blobs())

    def now(self) -> int:
        """Return the time in whole seconds since 1970, as S3 stores it."""
        return int(self._clock())

    def write(
        self,
        draft: transactions.NewVersion,
        condition: ConditionalWrite,
        cause: ChangeCause,
        *,
        completes: MultipartUploadRecord | None = None,
    ) -> ObjectVersion:
        """Commit an object, whose bytes are stored, and its event if the condition holds.

        `completes` is the multipart upload that the object completes.
        """
        freed: set[str] = set()
        moment = self.now()
        with self.database.transaction() as connection:
            bucket = transactions.require_bucket(connection, draft.bucket)
            condition.check(draft.key, _current_etag(connection, bucket, draft.key))
            if completes is not None:
                _require_parts(connection, completes, draft)
            change = transactions.add_version(connection, bucket, draft, moment)
            freed |= change.freed
            if completes is not None:
                freed |= transactions.remove_upload(connection, completes)
            subject = _subject(bucket, change.version, change.version.rank, moment)
            if bucket.eventbridge:
                transactions.enqueue_event(
                    connection, subject.sequence, object_created_event(subject, cause)
                )
            self._enqueue_notifications(connection, subject, created_event(cause), cause)
        self._after_commit(freed)
        return change.version

    def delete(
        self, bucket_name: str, key: str, condition: ConditionalWrite, cause: ChangeCause
    ) -> ObjectVersion | None:
        """Delete a key; under versioning, add a delete marker and return it."""
        freed: frozenset[str] = frozenset()
        marker = None
        with self.database.transaction() as connection:
            bucket = transactions.require_bucket(connection, bucket_name)
            self._check_delete(connection, bucket, key, condition)
            if bucket.versioning:
                draft = transactions.NewVersion(
                    bucket.name,
                    key,
                    EMPTY_ETAG,
                    0,
                    ObjectMetadata(),
                    {},
                    ObjectLayout(),
                    marker=True,
                )
                change = transactions.add_version(connection, bucket, draft, self.now())
                marker, freed = change.version, change.freed
                self._enqueue_deletion(connection, bucket, marker, cause, DELETE_MARKER_CREATED)
            else:
                current = transactions.find_current(connection, bucket.name, key)
                if current is not None:
                    freed = transactions.remove_version(connection, bucket, current)
                    self._enqueue_deletion(connection, bucket, current, cause, PERMANENTLY_DELETED)
        self._after_commit(freed)
        return marker

    def delete_version(
        self,
        bucket_name: str,
        key: str,
        version_id: str,
        condition: ConditionalWrite,
        cause: ChangeCause,
    ) -> ObjectVersion | None:
        """Delete one version permanently and return it, or None if there was none."""
        freed: frozenset[str] = frozenset()
        with self.database.transaction() as connection:
            bucket = transactions.require_bucket(connection, bucket_name)
            self._check_delete(connection, bucket, key, condition)
            version = transactions.find_version(connection, bucket.name, key, version_id)
            if version is not None:
                freed = transactions.remove_version(connection, bucket, version)
                self._enqueue_deletion(connection, bucket, version, cause, PERMANENTLY_DELETED)
        self._after_commit(freed)
        return version

    def set_tags(
        self, bucket: str, key: str, version_id: str | None, tags: Mapping[str, str]
    ) -> ObjectVersion:
        """Replace the tags of a version (None: the latest), which must exist."""
        with self.database.transaction() as connection:
            transactions.require_bucket(connection, bucket)
            if version_id is None:
                version = transactions.find_current(connection, bucket, key)
            else:
                version = transactions.find_version(connection, bucket, key, version_id)
            version = require_object(version, key, version_id)
            connection.execute(
                "UPDATE versions SET tags = ? WHERE sequence = ?",
                (json.dumps(dict(tags)), version.rank),
            )
        return version

    def create_upload(
        self, bucket: str, key: str, details: ObjectMetadata, tags: Mapping[str, str]
    ) -> MultipartUploadRecord:
        """Create a multipart upload."""
        with self.database.transaction() as connection:
            transactions.require_bucket(connection, bucket)
            sequence = transactions.next_sequence(connection)
            upload = MultipartUploadRecord(
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

    def add_part(self, upload: MultipartUploadRecord, part: UploadedPart) -> None:
        """Commit a part whose bytes are stored."""
        with self.database.transaction() as connection:
            _require_upload(connection, upload)
            freed = transactions.add_part(connection, upload, part)
        self._after_commit(freed)

    def abort_upload(self, upload: MultipartUploadRecord) -> None:
        """Delete an upload and its parts."""
        with self.database.transaction() as connection:
            _require_upload(connection, upload)
            freed = transactions.remove_upload(connection, upload)
        self._after_commit(freed)

    def open(self, version: ObjectVersion) -> ObjectContent | None:
        """Pin and return the bytes of a version, or None if it has just been deleted."""
        return self.blobs.open(version.layout.extents)

    def drop_unused(self, names: Iterable[str]) -> None:
        """Delete blobs that were written for a change that was refused."""
        self._drop(set(names))

    def _check_delete(
        self,
        connection: sqlite3.Connection,
        bucket: BucketRecord,
        key: str,
        condition: ConditionalWrite,
    ) -> None:
        if condition.if_match is not None:
            condition.check(key, _current_etag(connection, bucket, key))

    def _enqueue_deletion(
        self,
        connection: sqlite3.Connection,
        bucket: BucketRecord,
        version: ObjectVersion,
        cause: ChangeCause,
        deletion_type: str,
    ) -> None:
        sequence = transactions.next_sequence(connection)
        subject = _subject(bucket, version, sequence, self.now())
        if bucket.eventbridge:
            event = object_deleted_event(subject, cause, deletion_type)
            transactions.enqueue_event(connection, sequence, event)
        removed = MARKER_CREATED if deletion_type == DELETE_MARKER_CREATED else REMOVED
        self._enqueue_notifications(connection, subject, removed, cause)

    def _enqueue_notifications(
        self, connection: sqlite3.Connection, subject: ChangedObject, event: str, cause: ChangeCause
    ) -> None:
        """Add a message to the outbox for each target that the bucket tells of the event."""
        for target in transactions.notifications(connection, subject.bucket):
            if target.matches(event, subject.key):
                sent = notification_message(event, subject, cause, self._region, target.id)
                row = notification_row(target.target_arn, sent, subject.bucket)
                transactions.enqueue_event(connection, transactions.next_sequence(connection), row)

    def _after_commit(self, freed: Iterable[str]) -> None:
        self._drop(set(freed))
        self._on_event()

    def _drop(self, names: set[str]) -> None:
        if not names:
            return
        with self.database.transaction() as connection:
            for name in names:
                if not transactions.is_blob_used(connection, name):
                    self.blobs.drop(name)


def require_object(
    version: ObjectVersion | None, key: str, version_id: str | None
) -> ObjectVersion:
    """Return `version` if it is an object.

    Raises:
        AwsError: NoSuchKey, NoSuchVersion, or MethodNotAllowed for a delete marker.
    """
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
        raise _delete_marker_error(version, version_id)
    return version


def _delete_marker_error(version: ObjectVersion, version_id: str | None) -> S3Error:
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


def _current_etag(connection: sqlite3.Connection, bucket: BucketRecord, key: str) -> str | None:
    current = transactions.find_current(connection, bucket.name, key)
    return None if current is None or current.marker else current.etag


def _require_upload(connection: sqlite3.Connection, upload: MultipartUploadRecord) -> None:
    row = connection.execute(
        "SELECT 1 FROM uploads WHERE upload_id = ?", (upload.upload_id,)
    ).fetchone()
    if row is None:
        raise no_such_upload(upload.upload_id)


def _require_parts(
    connection: sqlite3.Connection, upload: MultipartUploadRecord, draft: transactions.NewVersion
) -> None:
    """Raise if the upload ended or one of its parts was replaced in the meantime."""
    _require_upload(connection, upload)
    for extent in draft.layout.extents:
        if not transactions.is_blob_used(connection, extent.blob):
            raise AwsError(
                "InvalidPart",
                "One or more of the specified parts could not be found.  The part may not have "
                "been uploaded, or the specified entity tag may not match the part's entity tag.",
                UploadId=upload.upload_id,
            )


def _subject(
    bucket: BucketRecord, version: ObjectVersion, sequence: int, moment: int
) -> ChangedObject:
    return ChangedObject(
        bucket.name,
        version.key,
        version.etag,
        version.size,
        version.version_id if bucket.versioning else None,
        sequence,
        moment,
    )
