"""Operations that write and delete objects, but for copies, multipart uploads and forms.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from localcloud.errors import AwsError
from localcloud.s3.answer import Answer, xml
from localcloud.s3.bucketcalls import Call
from localcloud.s3.changes import Draft
from localcloud.s3.conditions import WriteCondition
from localcloud.s3.describing import checksum_headers, describe, tags_of
from localcloud.s3.events import Cause
from localcloud.s3.markup import Node, child_text, malformed_xml, parse, quoted
from localcloud.s3.permits import Permits
from localcloud.s3.receiving import Received, read_document, receive
from localcloud.s3.request import S3Request
from localcloud.s3.routes import not_implemented
from localcloud.s3.schema import Checksum, Details, Layout, Version
from localcloud.s3.store import Store

CauseOf = Callable[[S3Request, str], Cause]
"""`cause_of(request, reason)`: who is behind a change."""

_MOST_DELETED = 1000


class WriteCalls:
    """Put and delete objects."""

    def __init__(self, store: Store, cause_of: CauseOf, permits: Permits) -> None:
        self._store = store
        self._cause_of = cause_of
        self._permits = permits

    def calls(self) -> Mapping[str, Call]:
        """Return the operations by name."""
        return {
            "PutObject": self.put_object,
            "DeleteObject": self.delete_object,
            "DeleteObjects": self.delete_objects,
        }

    def put_object(self, request: S3Request) -> Answer:
        """Store an object, if its condition holds when all of it has arrived."""
        bucket = self._store.catalogue.bucket(request.bucket)
        condition = WriteCondition.from_headers(request.headers)
        described = describe(request.headers, request.metadata)
        tags = tags_of(request)
        received = receive(self._store.blobs, request)
        draft = draft_of(request.bucket, request.key, received, described, tags)
        version = commit(self._store, draft, condition, self._cause_of(request, "PutObject"))
        return Answer(headers=written_headers(version, bool(bucket.versioning)))

    def delete_object(self, request: S3Request) -> Answer:
        """Delete a key, or one version of it; what is not there is deleted as well."""
        condition = WriteCondition(if_match=request.headers.get("if-match"))
        headers = self._delete(request, request.key, request.query.get("versionId"), condition)
        return Answer(204, headers)

    def delete_objects(self, request: S3Request) -> Answer:
        """Delete up to 1,000 keys and say of each how it went."""
        self._store.catalogue.bucket(request.bucket)
        body = parse(read_document(request, must_be_checked=True), "Delete")
        quiet = (child_text(body, "Quiet") or "").strip().lower() == "true"
        entries = body.findall("Object")
        if not 0 < len(entries) <= _MOST_DELETED:
            raise malformed_xml()
        results = [self._delete_entry(request, entry) for entry in entries]
        return xml("DeleteResult", [node for node in results if node[0] == "Error" or not quiet])

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
            condition = WriteCondition(if_match=child_text(entry, "ETag"))
            self._permits.check_deletion(request, key, version_id)
            headers = self._delete(request, key, version_id, condition)
        except AwsError as error:
            return "Error", [*about, ("Code", error.code), ("Message", error.message)]
        if "x-amz-delete-marker" in headers:
            about.append(("DeleteMarker", "true"))
            about.append(("DeleteMarkerVersionId", headers["x-amz-version-id"]))
        return "Deleted", about

    def _delete(
        self, request: S3Request, key: str, version_id: str | None, condition: WriteCondition
    ) -> dict[str, str]:
        cause = self._cause_of(request, "DeleteObject")
        if version_id is None:
            marker = self._store.delete(request.bucket, key, condition, cause)
            return {} if marker is None else _marker_headers(marker.version_id)
        if version_id == "":
            raise AwsError("InvalidArgument", "Version id cannot be the empty string")
        removed = self._store.delete_version(request.bucket, key, version_id, condition, cause)
        if removed is not None and removed.marker:
            return _marker_headers(version_id)
        return {"x-amz-version-id": version_id}


def draft_of(
    bucket: str, key: str, received: Received, described: Details, tags: Mapping[str, str]
) -> Draft:
    """Return an object made of one body."""
    checksum = Checksum(received.algorithm, received.checksum, "FULL_OBJECT")
    details = Details(described.headers, described.metadata, described.storage_class, checksum)
    layout = Layout((received.extent,))
    return Draft(bucket, key, received.etag, received.extent.length, details, tags, layout)


def commit(store: Store, draft: Draft, condition: WriteCondition, cause: Cause) -> Version:
    """Commit an object; where that is refused, its bytes go."""
    try:
        return store.write(draft, condition, cause)
    except AwsError:
        store.drop_unused(extent.blob for extent in draft.layout.extents)
        raise


def written_headers(version: Version, versioned: bool) -> dict[str, str]:
    """Return the headers of an answer to a write."""
    headers = {"ETag": quoted(version.etag), "x-amz-server-side-encryption": "AES256"}
    headers |= checksum_headers(version.details.checksum)
    if versioned:
        headers["x-amz-version-id"] = version.version_id
    return headers


def _marker_headers(version_id: str) -> dict[str, str]:
    return {"x-amz-delete-marker": "true", "x-amz-version-id": version_id}
