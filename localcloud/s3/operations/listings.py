"""List objects, versions, multipart uploads and parts.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from localcloud.errors import AwsError
from localcloud.s3.operations.multipart_uploads import require_upload
from localcloud.s3.request import S3Request
from localcloud.s3.response import Operation, S3Response, xml_response
from localcloud.s3.storage.listing import (
    AFTER_ALL,
    BEFORE_ALL,
    ListingPage,
    ListingPosition,
    ListingQuery,
    list_page,
)
from localcloud.s3.storage.records import MultipartUploadRecord, ObjectVersion
from localcloud.s3.storage.store import S3Store
from localcloud.s3.storage.transactions import version_sequence
from localcloud.s3.xml_format import Node, encode_listed_key, quote_etag, timestamp

_MAX_ITEMS = 1000
_BEGINNING = ListingPosition("", BEFORE_ALL)


class ListOperations:
    """ListObjects, ListObjectsV2, ListObjectVersions, ListMultipartUploads and ListParts."""

    def __init__(self, store: S3Store, owner: list[Node]) -> None:
        self._store = store
        self._owner = owner

    def operations(self) -> Mapping[str, Operation]:
        """Return the methods by the names of their operations."""
        return {
            "ListObjects": self.list_objects,
            "ListObjectsV2": self.list_objects_v2,
            "ListObjectVersions": self.list_object_versions,
            "ListMultipartUploads": self.list_multipart_uploads,
            "ListParts": self.list_parts,
        }

    def list_objects(self, request: S3Request) -> S3Response:
        """Return a page of objects, after `marker`."""
        show, selection = self._parse_query(request, "max-keys")
        marker = request.query.get("marker", "")
        start = selection.after_marker(marker) if marker else _BEGINNING
        page = self._objects(request, selection, start)
        children: list[Node] = [("Name", request.bucket), ("Prefix", show(selection.prefix))]
        children += [("Marker", show(marker)), ("MaxKeys", selection.limit)]
        children += _paging(request, selection, page.next is not None, show)
        if page.next is not None and selection.delimiter:
            children.append(("NextMarker", show(page.last)))
        children += [("Contents", self._object(item, show, owner=True)) for item in page.items]
        return xml_response("ListBucketResult", children + _prefixes(page, show))

    def list_objects_v2(self, request: S3Request) -> S3Response:
        """Return a page of objects, after `continuation-token` or `start-after`."""
        if request.query["list-type"] != "2":
            raise AwsError("InvalidArgument", "Invalid List Type", ArgumentName="list-type")
        show, selection = self._parse_query(request, "max-keys")
        token, after = request.query.get("continuation-token"), request.query.get("start-after", "")
        if token is not None:
            start = ListingPosition.from_token(token)
        else:
            start = ListingPosition(after, AFTER_ALL) if after else _BEGINNING
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
        return xml_response("ListBucketResult", children + _prefixes(page, show))

    def list_object_versions(self, request: S3Request) -> S3Response:
        """Return a page of versions and delete markers, the newest of a key first."""
        show, selection = self._parse_query(request, "max-keys")
        marker = request.query.get("key-marker", "")
        version_marker = request.query.get("version-id-marker", "")
        start = self._after_version(request.bucket, selection, marker, version_marker)
        fetch = partial(self._store.catalogue.versions, request.bucket, selection.prefix)
        page: ListingPage[ObjectVersion] = list_page(fetch, selection, start)
        children: list[Node] = [("Name", request.bucket), ("Prefix", show(selection.prefix))]
        children += [("KeyMarker", show(marker)), ("VersionIdMarker", version_marker)]
        children.append(("MaxKeys", selection.limit))
        children += _paging(request, selection, page.next is not None, show)
        if page.next is not None:
            children.append(("NextKeyMarker", show(page.last)))
            if page.items and page.items[-1].key == page.last:
                children.append(("NextVersionIdMarker", page.items[-1].version_id))
        children += [self._version(item, show) for item in page.items]
        return xml_response("ListVersionsResult", children + _prefixes(page, show))

    def list_multipart_uploads(self, request: S3Request) -> S3Response:
        """Return a page of uploads in progress."""
        show, selection = self._parse_query(request, "max-uploads")
        marker = request.query.get("key-marker", "")
        id_marker = request.query.get("upload-id-marker", "")
        start = selection.after_marker(marker) if marker else _BEGINNING
        if marker and id_marker:
            upload = self._store.catalogue.upload(request.bucket, marker, id_marker)
            start = ListingPosition(marker, upload.rank)
        fetch = partial(self._store.catalogue.uploads, request.bucket, selection.prefix)
        page: ListingPage[MultipartUploadRecord] = list_page(fetch, selection, start)
        children: list[Node] = [("Bucket", request.bucket), ("Prefix", show(selection.prefix))]
        children += [("KeyMarker", show(marker)), ("UploadIdMarker", id_marker)]
        children.append(("MaxUploads", selection.limit))
        children += _paging(request, selection, page.next is not None, show)
        if page.next is not None:
            children.append(("NextKeyMarker", show(page.last)))
            if page.items and page.items[-1].key == page.last:
                children.append(("NextUploadIdMarker", page.items[-1].upload_id))
        children += [("Upload", self._upload(item, show)) for item in page.items]
        return xml_response("ListMultipartUploadsResult", children + _prefixes(page, show))

    def list_parts(self, request: S3Request) -> S3Response:
        """Return a page of the parts of an upload."""
        upload = require_upload(self._store, request)
        limit = request.int_parameter("max-parts", _MAX_ITEMS, maximum=_MAX_ITEMS)
        after = request.int_parameter("part-number-marker", 0)
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
                ("ETag", quote_etag(part.etag)),
                ("Size", part.size),
            ]
            if checksum is not None:
                nodes.append((f"Checksum{checksum.algorithm}", part.checksum))
            children.append(("Part", nodes))
        return xml_response("ListPartsResult", children)

    def _parse_query(
        self, request: S3Request, limit: str
    ) -> tuple[Callable[[str], str], ListingQuery]:
        """Return the function that encodes keys in the response, and the query."""
        self._store.catalogue.bucket(request.bucket)
        encoding = request.query.get("encoding-type")
        if encoding not in (None, "url"):
            raise AwsError(
                "InvalidArgument",
                "Invalid Encoding Method specified in Request",
                ArgumentName="encoding-type",
                ArgumentValue=encoding,
            )
        selection = ListingQuery(
            request.query.get("prefix", ""),
            request.query.get("delimiter", ""),
            request.int_parameter(limit, _MAX_ITEMS, maximum=_MAX_ITEMS),
        )
        return partial(encode_listed_key, encoding_type=encoding), selection

    def _objects(
        self, request: S3Request, selection: ListingQuery, start: ListingPosition
    ) -> ListingPage[ObjectVersion]:
        fetch = partial(self._store.catalogue.objects, request.bucket, selection.prefix)
        return list_page(fetch, selection, start)

    def _after_version(
        self, bucket: str, selection: ListingQuery, marker: str, version_id: str
    ) -> ListingPosition:
        """Return the position after a version, which may have been deleted since."""
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
        rank = version.rank if version else version_sequence(version_id)
        return ListingPosition(marker, BEFORE_ALL if rank is None else rank)

    def _object(
        self, item: ObjectVersion, show: Callable[[str], str], *, owner: bool
    ) -> list[Node]:
        nodes: list[Node] = [
            ("Key", show(item.key)),
            ("LastModified", timestamp(item.modified)),
            ("ETag", quote_etag(item.etag)),
            *_algorithm_nodes(item),
            ("Size", item.size),
            ("StorageClass", item.details.storage_class),
        ]
        if owner:
            nodes.append(("Owner", self._owner))
        return nodes

    def _version(self, item: ObjectVersion, show: Callable[[str], str]) -> Node:
        nodes: list[Node] = [
            ("Key", show(item.key)),
            ("VersionId", item.version_id),
            ("IsLatest", "true" if item.latest else "false"),
            ("LastModified", timestamp(item.modified)),
            ("Owner", self._owner),
        ]
        if item.marker:
            return "DeleteMarker", nodes
        nodes += [("ETag", quote_etag(item.etag)), *_algorithm_nodes(item)]
        nodes += [("Size", item.size), ("StorageClass", item.details.storage_class)]
        return "Version", nodes

    def _upload(self, item: MultipartUploadRecord, show: Callable[[str], str]) -> list[Node]:
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
    request: S3Request, selection: ListingQuery, truncated: bool, show: Callable[[str], str]
) -> list[Node]:
    nodes: list[Node] = [("IsTruncated", "true" if truncated else "false")]
    if selection.delimiter:
        nodes.append(("Delimiter", show(selection.delimiter)))
    if "encoding-type" in request.query:
        nodes.append(("EncodingType", request.query["encoding-type"]))
    return nodes


def _prefixes(
    page: ListingPage[ObjectVersion] | ListingPage[MultipartUploadRecord],
    show: Callable[[str], str],
) -> list[Node]:
    return [("CommonPrefixes", [("Prefix", show(prefix))]) for prefix in page.prefixes]


def _algorithm_nodes(item: ObjectVersion) -> list[Node]:
    checksum = item.details.checksum
    if checksum is None:
        return []
    return [("ChecksumAlgorithm", checksum.algorithm), ("ChecksumType", checksum.kind)]
