"""Read objects, their attributes and their tags; change the tags.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.errors import AwsError
from localcloud.s3.operations.object_metadata import (
    checksum_headers,
    checksum_nodes,
    metadata_headers,
    parse_tagging_document,
    tag_nodes,
)
from localcloud.s3.request import S3Request, parse_int
from localcloud.s3.request_body.verified_body import read_document
from localcloud.s3.response import Operation, S3Response, xml_response
from localcloud.s3.storage.blobs import ObjectContent, slice_extents
from localcloud.s3.storage.byte_ranges import ByteRange, parse_range
from localcloud.s3.storage.conditions import ConditionResult, ReadConditions
from localcloud.s3.storage.records import ObjectVersion, PartSummary
from localcloud.s3.storage.store import S3Store, require_object
from localcloud.s3.xml_format import Node, http_date, quote_etag

_OVERRIDABLE = (
    "Content-Type",
    "Content-Language",
    "Expires",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
)
_ATTRIBUTES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


@dataclass(frozen=True, slots=True)
class _SelectedRange:
    """The range that a read requests (None: all bytes) and its response headers."""

    span: ByteRange | None
    headers: Mapping[str, str]


class ObjectReadOperations:
    """The operations of S3 that read objects, and those on tags."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def operations(self) -> Mapping[str, Operation]:
        """Return the methods by the names of their operations."""
        return {
            "GetObject": self.get_object,
            "HeadObject": self.head_object,
            "GetObjectAttributes": self.get_object_attributes,
            "GetObjectTagging": self.get_object_tagging,
            "PutObjectTagging": self.put_object_tagging,
            "DeleteObjectTagging": self.delete_object_tagging,
        }

    def get_object(self, request: S3Request) -> S3Response:
        """Return an object or a range of it, unaffected by later writes."""
        earlier = None
        while True:
            version = self.find(request)
            answer = self._answer(request, version)
            if answer.status not in (200, 206):
                return answer
            content = self._open(request, version)
            if content is not None:
                return S3Response(answer.status, answer.headers, content)
            if version.rank == earlier:
                raise AwsError("InternalError", "The bytes of the object are missing.", 500)
            earlier = version.rank

    def head_object(self, request: S3Request) -> S3Response:
        """Return the headers of GetObject without the body."""
        return self._answer(request, self.find(request))

    def get_object_attributes(self, request: S3Request) -> S3Response:
        """Return the attributes that `x-amz-object-attributes` names."""
        wanted = {
            name.strip() for name in request.headers.get("x-amz-object-attributes", "").split(",")
        }
        if not wanted <= _ATTRIBUTES:
            raise AwsError("InvalidArgument", "Invalid attribute name specified.")
        version = self.find(request)
        nodes: dict[str, list[Node]] = {
            "ETag": [("ETag", version.etag)],
            "Checksum": [("Checksum", checksum_nodes(version.details.checksum))],
            "ObjectParts": _parts_nodes(request, version),
            "StorageClass": [("StorageClass", version.details.storage_class)],
            "ObjectSize": [("ObjectSize", version.size)],
        }
        children = [node for name, entry in nodes.items() if name in wanted for node in entry]
        headers = {
            "Last-Modified": http_date(version.modified),
            **self._version_header(request, version),
        }
        return xml_response("GetObjectAttributesResponse", children, headers=headers)

    def get_object_tagging(self, request: S3Request) -> S3Response:
        """Return the tags of a version."""
        version = self.find(request)
        return xml_response(
            "Tagging", tag_nodes(version.tags), headers=self._version_header(request, version)
        )

    def put_object_tagging(self, request: S3Request) -> S3Response:
        """Replace the tags of a version."""
        tags = parse_tagging_document(read_document(request), maximum=10)
        return self._set_tags(request, tags, 200)

    def delete_object_tagging(self, request: S3Request) -> S3Response:
        """Remove the tags of a version."""
        return self._set_tags(request, {}, 204)

    def find(self, request: S3Request) -> ObjectVersion:
        """Return the version that a request names."""
        self._store.catalogue.bucket(request.bucket)
        return require_version(
            self._store, request.bucket, request.key, request.query.get("versionId")
        )

    def _set_tags(self, request: S3Request, tags: Mapping[str, str], status: int) -> S3Response:
        version_id = request.query.get("versionId")
        version = self._store.set_tags(request.bucket, request.key, version_id, tags)
        return S3Response(status, self._version_header(request, version))

    def _answer(self, request: S3Request, version: ObjectVersion) -> S3Response:
        headers = {
            "ETag": quote_etag(version.etag),
            "Last-Modified": http_date(version.modified),
            **self._version_header(request, version),
        }
        conditions = ReadConditions.from_headers(request.headers)
        if conditions.evaluate(version.etag, version.modified) is ConditionResult.NOT_MODIFIED:
            return S3Response(304, headers)
        selected = _select(request, version)
        length = version.size if selected.span is None else selected.span.length
        headers |= metadata_headers(version.details, version.tags)
        headers |= {"Accept-Ranges": "bytes", "Content-Length": str(length)}
        headers |= selected.headers
        if selected.span is None and request.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers |= checksum_headers(version.details.checksum)
        for name in _OVERRIDABLE:
            if f"response-{name.lower()}" in request.query:
                headers[name] = request.query[f"response-{name.lower()}"]
        return S3Response(200 if selected.span is None else 206, headers)

    def _open(self, request: S3Request, version: ObjectVersion) -> ObjectContent | None:
        span = _select(request, version).span
        extents = version.layout.extents
        return self._store.blobs.open(extents if span is None else slice_extents(extents, span))

    def _version_header(self, request: S3Request, version: ObjectVersion) -> dict[str, str]:
        if self._store.catalogue.bucket(request.bucket).versioning:
            return {"x-amz-version-id": version.version_id}
        return {}


def require_version(store: S3Store, bucket: str, key: str, version_id: str | None) -> ObjectVersion:
    """Return an object version (None: the latest).

    Raises:
        AwsError: if it does not exist or is a delete marker.
    """
    if version_id == "":
        raise AwsError("InvalidArgument", "Version id cannot be the empty string")
    if version_id is None:
        return require_object(store.catalogue.current(bucket, key), key, None)
    return require_object(store.catalogue.version(bucket, key, version_id), key, version_id)


def _select(request: S3Request, version: ObjectVersion) -> _SelectedRange:
    number = request.query.get("partNumber")
    header = request.headers.get("range")
    if number is not None:
        if header is not None:
            raise AwsError(
                "InvalidRequest", "Cannot specify both Range header and partNumber query parameter"
            )
        return _select_part(parse_int("partNumber", number, 0), version)
    if "if-range" in request.headers and request.headers["if-range"] != quote_etag(version.etag):
        header = None
    span = parse_range(header, version.size)
    return _SelectedRange(span, _range_headers(span, version))


def _select_part(number: int, version: ObjectVersion) -> _SelectedRange:
    parts = version.layout.parts
    count = {"x-amz-mp-parts-count": str(len(parts))} if parts else {}
    sizes = [part.size for part in parts] or [version.size]
    if not 1 <= number <= len(sizes):
        raise AwsError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416)
    if not version.size:
        return _SelectedRange(None, count)
    span = ByteRange(sum(sizes[: number - 1]), sizes[number - 1])
    return _SelectedRange(span, count | _range_headers(span, version))


def _range_headers(span: ByteRange | None, version: ObjectVersion) -> dict[str, str]:
    return {} if span is None else {"Content-Range": span.content_range(version.size)}


def _parts_nodes(request: S3Request, version: ObjectVersion) -> list[Node]:
    parts = version.layout.parts
    if not parts:
        return []
    headers = request.headers
    limit = parse_int("x-amz-max-parts", headers.get("x-amz-max-parts"), 1000, maximum=1000)
    marker = headers.get("x-amz-part-number-marker")
    after = parse_int("x-amz-part-number-marker", marker, 0)
    following = [part for part in parts if part.number > after]
    page = following[:limit]
    nodes: list[Node] = [
        ("PartsCount", len(parts)),
        ("PartNumberMarker", after),
        ("MaxParts", limit),
        ("IsTruncated", "true" if len(page) < len(following) else "false"),
    ]
    if page:
        nodes.append(("NextPartNumberMarker", page[-1].number))
    nodes += [("Part", _part_nodes(part, version)) for part in page if part.checksum]
    return [("ObjectParts", nodes)]


def _part_nodes(part: PartSummary, version: ObjectVersion) -> list[Node]:
    checksum = version.details.checksum
    nodes: list[Node] = [("PartNumber", part.number), ("Size", part.size)]
    if checksum is not None and part.checksum:
        nodes.append((f"Checksum{checksum.algorithm}", part.checksum))
    return nodes
