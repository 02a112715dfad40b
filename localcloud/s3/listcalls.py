"""Listings of objects, versions, uploads and parts.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from localcloud.errors import AwsError
from localcloud.s3.answer import Answer, xml
from localcloud.s3.bucketcalls import Call
from localcloud.s3.changes import sequence_of
from localcloud.s3.listing import FIRST, LAST, Page, Position, Selection, list_page
from localcloud.s3.markup import Node, quoted, timestamp, url_encoded
from localcloud.s3.multipartcalls import upload_of
from localcloud.s3.request import S3Request
from localcloud.s3.schema import Upload, Version
from localcloud.s3.store import Store

_MOST = 1000
_BEGINNING = Position("", FIRST)


class ListCalls:
    """List what is in a bucket."""

    def __init__(self, store: Store, owner: list[Node]) -> None:
        self._store = store
        self._owner = owner

    def calls(self) -> Mapping[str, Call]:
        """Return the operations by name."""
        return {
            "ListObjects": self.list_objects,
            "ListObjectsV2": self.list_objects_v2,
            "ListObjectVersions": self.list_object_versions,
            "ListMultipartUploads": self.list_multipart_uploads,
            "ListParts": self.list_parts,
        }

    def list_objects(self, request: S3Request) -> Answer:
        """Return a page of objects, after `marker`."""
        show, selection = self._prepared(request, "max-keys")
        marker = request.query.get("marker", "")
        start = selection.after_marker(marker) if marker else _BEGINNING
        page = self._objects(request, selection, start)
        children: list[Node] = [("Name", request.bucket), ("Prefix", show(selection.prefix))]
        children += [("Marker", show(marker)), ("MaxKeys", selection.limit)]
        children += _paging(request, selection, page.next is not None, show)
        if page.next is not None and selection.delimiter:
            children.append(("NextMarker", show(page.last)))
        children += [("Contents", self._object(item, show, owner=True)) for item in page.items]
        return xml("ListBucketResult", children + _prefixes(page, show))

    def list_objects_v2(self, request: S3Request) -> Answer:
        """Return a page of objects, after `continuation-token` or `start-after`."""
        if request.query["list-type"] != "2":
            raise AwsError("InvalidArgument", "Invalid List Type", ArgumentName="list-type")
        show, selection = self._prepared(request, "max-keys")
        token, after = request.query.get("continuation-token"), request.query.get("start-after", "")
        if token is not None:
            start = Position.from_token(token)
        else:
            start = Position(after, LAST) if after else _BEGINNING
        page = self._objects(request, selection, start)
        children: list[Node] = [("Name", request.bucket), ("Prefix", show(selection.prefix))]
        children += [("MaxKeys", selection.limit), ("KeyCount", page.count)]
        children += _paging(request, selection, page.next is not None, show)
        if token is not None:
            children.append(("ContinuationToken", token))
        if after:
            children.append(("StartAfter", show(after)))
        if page.next is not None:
            children.append(("NextContinuationToken", page.next.token()))
        owner = request.query.get("fetch-owner") == "true"
        children += [("Contents", self._object(item, show, owner=owner)) for item in page.items]
        return xml("ListBucketResult", children + _prefixes(page, show))

    def list_object_versions(self, request: S3Request) -> Answer:
        """Return a page of versions and delete markers, of each key the newest first."""
        show, selection = self._prepared(request, "max-keys")
        marker = request.query.get("key-marker", "")
        version_marker = request.query.get("version-id-marker", "")
        start = self._after_version(request.bucket, selection, marker, version_marker)
        fetch = partial(self._store.catalogue.versions, request.bucket, selection.prefix)
        page: Page[Version] = list_page(fetch, selection, start)
        children: list[Node] = [("Name", request.bucket), ("Prefix", show(selection.prefix))]
        children += [("KeyMarker", show(marker)), ("VersionIdMarker", version_marker)]
        children.append(("MaxKeys", selection.limit))
        children += _paging(request, selection, page.next is not None, show)
        if page.next is not None:
            children.append(("NextKeyMarker", show(page.last)))
            if page.items and page.items[-1].key == page.last:
                children.append(("NextVersionIdMarker", page.items[-1].version_id))
        children += [self._version(item, show) for item in page.items]
        return xml("ListVersionsResult", children + _prefixes(page, show))

    def list_multipart_uploads(self, request: S3Request) -> Answer:
        """Return a page of uploads in progress."""
        show, selection = self._prepared(request, "max-uploads")
        marker = request.query.get("key-marker", "")
        id_marker = request.query.get("upload-id-marker", "")
        start = selection.after_marker(marker) if marker else _BEGINNING
        if marker and id_marker:
            upload = self._store.catalogue.upload(request.bucket, marker, id_marker)
            start = Position(marker, upload.rank)
        fetch = partial(self._store.catalogue.uploads, request.bucket, selection.prefix)
        page: Page[Upload] = list_page(fetch, selection, start)
        children: list[Node] = [("Bucket", request.bucket), ("Prefix", show(selection.prefix))]
        children += [("KeyMarker", show(marker)), ("UploadIdMarker", id_marker)]
        children.append(("MaxUploads", selection.limit))
        children += _paging(request, selection, page.next is not None, show)
        if page.next is not None:
            children.append(("NextKeyMarker", show(page.last)))
            if page.items and page.items[-1].key == page.last:
                children.append(("NextUploadIdMarker", page.items[-1].upload_id))
        children += [("Upload", self._upload(item, show)) for item in page.items]
        return xml("ListMultipartUploadsResult", children + _prefixes(page, show))

    def list_parts(self, request: S3Request) -> Answer:
        """Return a page of the parts of an upload."""
        upload = upload_of(self._store, request)
        limit = request.number("max-parts", _MOST, most=_MOST)
        after = request.number("part-number-marker", 0)
        parts = self._store.catalogue.parts(upload.upload_id, after, limit + 1)
        page = parts[:limit]
        checksum = upload.details.checksum
        children: list[Node] = [
            ("Bucket", upload.bucket),
            ("Key", upload.key),
            ("UploadId", upload.upload_id),
            ("Initiator", self._owner),
            ("Owner", self._owner),
            ("StorageClass", upload.details.storage_class),
            ("PartNumberMarker", after),
            ("MaxParts", limit),
            ("IsTruncated", "true" if len(parts) > limit else "false"),
        ]
        if page:
            children.append(("NextPartNumberMarker", page[-1].number))
        if checksum is not None:
            children.append(("ChecksumAlgorithm", checksum.algorithm))
            children.append(("ChecksumType", checksum.kind))
        for part in page:
            nodes: list[Node] = [
                ("PartNumber", part.number),
                ("LastModified", timestamp(part.modified)),
                ("ETag", quoted(part.etag)),
                ("Size", part.size),
            ]
            if checksum is not None:
                nodes.append((f"Checksum{checksum.algorithm}", part.checksum))
            children.append(("Part", nodes))
        return xml("ListPartsResult", children)

    def _prepared(self, request: S3Request, limit: str) -> tuple[Callable[[str], str], Selection]:
        """Return how to spell keys in the answer, and what to list."""
        self._store.catalogue.bucket(request.bucket)
        encoding = request.query.get("encoding-type")
        if encoding not in (None, "url"):
            raise AwsError(
                "InvalidArgument",
                "Invalid Encoding Method specified in Request",
                ArgumentName="encoding-type",
                ArgumentValue=encoding,
            )
        selection = Selection(
            request.query.get("prefix", ""),
            request.query.get("delimiter", ""),
            request.number(limit, _MOST, most=_MOST),
        )
        return partial(url_encoded, encoding_type=encoding), selection

    def _objects(self, request: S3Request, selection: Selection, start: Position) -> Page[Version]:
        fetch = partial(self._store.catalogue.objects, request.bucket, selection.prefix)
        return list_page(fetch, selection, start)

    def _after_version(
        self, bucket: str, selection: Selection, marker: str, version_id: str
    ) -> Position:
        """Return the place after a version, also when it has been deleted since."""
        if not marker:
            if version_id:
                raise AwsError(
                    "InvalidArgument",
                    "A version-id marker cannot be specified without a key marker.",
                )
            return _BEGINNING
        if not version_id:
            return selection.after_marker(marker)
        version = self._store.catalogue.version(bucket, marker, version_id)
        rank = version.rank if version else sequence_of(version_id)
        return Position(marker, FIRST if rank is None else rank)

    def _object(self, item: Version, show: Callable[[str], str], *, owner: bool) -> list[Node]:
        nodes: list[Node] = [
            ("Key", show(item.key)),
            ("LastModified", timestamp(item.modified)),
            ("ETag", quoted(item.etag)),
            *_algorithm_nodes(item),
            ("Size", item.size),
            ("StorageClass", item.details.storage_class),
        ]
        if owner:
            nodes.append(("Owner", self._owner))
        return nodes

    def _version(self, item: Version, show: Callable[[str], str]) -> Node:
        nodes: list[Node] = [
            ("Key", show(item.key)),
            ("VersionId", item.version_id),
            ("IsLatest", "true" if item.latest else "false"),
            ("LastModified", timestamp(item.modified)),
            ("Owner", self._owner),
        ]
        if item.marker:
            return "DeleteMarker", nodes
        nodes += [("ETag", quoted(item.etag)), *_algorithm_nodes(item)]
        nodes += [("Size", item.size), ("StorageClass", item.details.storage_class)]
        return "Version", nodes

    def _upload(self, item: Upload, show: Callable[[str], str]) -> list[Node]:
        nodes: list[Node] = [
            ("Key", show(item.key)),
            ("UploadId", item.upload_id),
            ("Initiator", self._owner),
            ("Owner", self._owner),
            ("StorageClass", item.details.storage_class),
            ("Initiated", timestamp(item.initiated)),
        ]
        checksum = item.details.checksum
        if checksum is not None:
            nodes.append(("ChecksumAlgorithm", checksum.algorithm))
            nodes.append(("ChecksumType", checksum.kind))
        return nodes


def _paging(
    request: S3Request, selection: Selection, truncated: bool, show: Callable[[str], str]
) -> list[Node]:
    nodes: list[Node] = [("IsTruncated", "true" if truncated else "false")]
    if selection.delimiter:
        nodes.append(("Delimiter", show(selection.delimiter)))
    if "encoding-type" in request.query:
        nodes.append(("EncodingType", request.query["encoding-type"]))
    return nodes


def _prefixes(page: Page[Version] | Page[Upload], show: Callable[[str], str]) -> list[Node]:
    return [("CommonPrefixes", [("Prefix", show(prefix))]) for prefix in page.prefixes]


def _algorithm_nodes(item: Version) -> list[Node]:
    checksum = item.details.checksum
    if checksum is None:
        return []
    return [("ChecksumAlgorithm", checksum.algorithm), ("ChecksumType", checksum.kind)]
