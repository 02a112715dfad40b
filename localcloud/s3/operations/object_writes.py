"""Put and delete objects.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from localcloud.errors import AwsError
from localcloud.s3.authorization import S3Authorizer
from localcloud.s3.errors import malformed_xml, not_implemented
from localcloud.s3.event_notifications import ChangeCause
from localcloud.s3.operations.object_metadata import (
    checksum_headers,
    parse_object_metadata,
    parse_tagging_header,
)
from localcloud.s3.request import S3Request
from localcloud.s3.request_body.verified_body import StoredBody, read_document, store_body
from localcloud.s3.response import Operation, S3Response, xml_response
from localcloud.s3.storage.conditions import ConditionalWrite
from localcloud.s3.storage.records import (
    ObjectChecksum,
    ObjectLayout,
    ObjectMetadata,
    ObjectVersion,
)
from localcloud.s3.storage.store import S3Store
from localcloud.s3.storage.transactions import NewVersion
from localcloud.s3.xml_format import Node, child_text, parse_xml, quote_etag

CauseFactory = Callable[[S3Request, str], ChangeCause]
"""`new_cause(request, reason)`: who is behind a change."""

_MAX_DELETED = 1000


class ObjectWriteOperations:
    """PutObject, DeleteObject and DeleteObjects."""

    def __init__(self, store: S3Store, new_cause: CauseFactory, authorizer: S3Authorizer) -> None:
        self._store = store
        self._new_cause = new_cause
        self._authorizer = authorizer

    def operations(self) -> Mapping[str, Operation]:
        """Return the methods by the names of their operations."""
        return {
            "PutObject": self.put_object,
            "DeleteObject": self.delete_object,
            "DeleteObjects": self.delete_objects,
        }

    def put_object(self, request: S3Request) -> S3Response:
        """Store an object if its condition holds once the whole body has arrived."""
        bucket = self._store.catalogue.bucket(request.bucket)
        condition = ConditionalWrite.from_headers(request.headers)
        metadata = parse_object_metadata(request.headers, request.metadata)
        tags = parse_tagging_header(request)
        received = store_body(self._store.blobs, request)
        draft = new_version(request.bucket, request.key, received, metadata, tags)
        version = commit_version(
            self._store, draft, condition, self._new_cause(request, "PutObject")
        )
        return S3Response(headers=version_headers(version, bool(bucket.versioning)))

    def delete_object(self, request: S3Request) -> S3Response:
        """Delete a key or one version of it; deleting a missing key succeeds."""
        condition = ConditionalWrite(if_match=request.headers.get("if-match"))
        headers = self._delete(request, request.key, request.query.get("versionId"), condition)
        return S3Response(204, headers)

    def delete_objects(self, request: S3Request) -> S3Response:
        """Delete up to 1,000 keys and return the result of each."""
        self._store.catalogue.bucket(request.bucket)
        body = parse_xml(read_document(request, must_be_checked=True), "Delete")
        quiet = (child_text(body, "Quiet") or "").strip().lower() == "true"
        entries = body.findall("Object")
        if not 0 < len(entries) <= _MAX_DELETED:
            raise malformed_xml()
        results = [self._delete_entry(request, entry) for entry in entries]
        return xml_response(
            "DeleteResult", [node for node in results if node[0] == "Error" or not quiet]
        )

    def _delete_entry(self, request: S3Request, entry: Element) -> Node:
        for child in entry:
            if child.tag not in ("Key", "VersionId", "ETag"):
                raise not_implemented(f"The element {child.tag} of DeleteObjects")
        key = child_text(entry, "Key")
        version_id = child_text(entry, "VersionId")
        if not key:
            raise malformed_xml()
        about: list[Node] = [("Key", key)]
        if version_id is not None:
            about.append(("VersionId", version_id))
        try:
            condition = ConditionalWrite(if_match=child_text(entry, "ETag"))
            self._authorizer.check_deletion(request, key, version_id)
            headers = self._delete(request, key, version_id, condition)
        except AwsError as error:
            return "Error", [*about, ("Code", error.code), ("Message", error.message)]
        if "x-amz-delete-marker" in headers:
            about.append(("DeleteMarker", "true"))
            about.append(("DeleteMarkerVersionId", headers["x-amz-version-id"]))
        return "Deleted", about

    def _delete(
        self, request: S3Request, key: str, version_id: str | None, condition: ConditionalWrite
    ) -> dict[str, str]:
        cause = self._new_cause(request, "DeleteObject")
        if version_id is None:
            marker = self._store.delete(request.bucket, key, condition, cause)
            return {} if marker is None else _marker_headers(marker.version_id)
        if version_id == "":
            raise AwsError("InvalidArgument", "Version id cannot be the empty string")
        removed = self._store.delete_version(request.bucket, key, version_id, condition, cause)
        if removed is not None and removed.marker:
            return _marker_headers(version_id)
        return {"x-amz-version-id": version_id}


def new_version(
    bucket: str, key: str, received: StoredBody, metadata: ObjectMetadata, tags: Mapping[str, str]
) -> NewVersion:
    """Return the new version of an object whose bytes are one stored body."""
    checksum = ObjectChecksum(received.algorithm, received.checksum, "FULL_OBJECT")
    details = ObjectMetadata(metadata.headers, metadata.metadata, metadata.storage_class, checksum)
    layout = ObjectLayout((received.extent,))
    return NewVersion(bucket, key, received.etag, received.extent.length, details, tags, layout)


def commit_version(
    store: S3Store, draft: NewVersion, condition: ConditionalWrite, cause: ChangeCause
) -> ObjectVersion:
    """Commit a version; if that is refused, delete its bytes."""
    try:
        return store.write(draft, condition, cause)
    except AwsError:
        store.drop_unused(extent.blob for extent in draft.layout.extents)
        raise


def version_headers(version: ObjectVersion, versioned: bool) -> dict[str, str]:
    """Return the response headers of a write."""
    headers = {"ETag": quote_etag(version.etag), "x-amz-server-side-encryption": "AES256"}
    headers |= checksum_headers(version.details.checksum)
    if versioned:
        headers["x-amz-version-id"] = version.version_id
    return headers


def _marker_headers(version_id: str) -> dict[str, str]:
    return {"x-amz-delete-marker": "true", "x-amz-version-id": version_id}
