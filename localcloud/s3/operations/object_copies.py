"""Copy objects, and ranges of them as parts; the copies share the blobs.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import unquote

from localcloud.errors import AwsError
from localcloud.s3.errors import precondition_failed
from localcloud.s3.operations.multipart_uploads import part_number, require_upload
from localcloud.s3.operations.object_metadata import (
    checksum_nodes,
    parse_object_metadata,
    parse_tagging_header,
)
from localcloud.s3.operations.object_reads import require_version
from localcloud.s3.operations.object_writes import CauseFactory
from localcloud.s3.request import S3Request
from localcloud.s3.request_body.verified_body import (
    DEFAULT_ALGORITHM,
    MAX_UPLOAD_BYTES,
    BodyDigests,
)
from localcloud.s3.response import Operation, S3Response, xml_response
from localcloud.s3.storage.blobs import ObjectContent, slice_extents
from localcloud.s3.storage.byte_ranges import parse_copy_range
from localcloud.s3.storage.conditions import ConditionalWrite, ConditionResult, ReadConditions
from localcloud.s3.storage.records import (
    BlobExtent,
    ObjectChecksum,
    ObjectLayout,
    ObjectMetadata,
    ObjectVersion,
    UploadedPart,
)
from localcloud.s3.storage.store import S3Store
from localcloud.s3.storage.transactions import NewVersion
from localcloud.s3.xml_format import Node, quote_etag, timestamp

_PREFIX = "x-amz-copy-source-"
_DIRECTIVES = ("COPY", "REPLACE")


@dataclass(frozen=True, slots=True)
class _Source:
    bucket: str
    key: str
    version_id: str | None


class CopyOperations:
    """CopyObject and UploadPartCopy."""

    def __init__(self, store: S3Store, new_cause: CauseFactory) -> None:
        self._store = store
        self._new_cause = new_cause

    def operations(self) -> Mapping[str, Operation]:
        """Return the methods by the names of their operations."""
        return {"CopyObject": self.copy_object, "UploadPartCopy": self.upload_part_copy}

    def copy_object(self, request: S3Request) -> S3Response:
        """Copy an object, or replace the metadata of an object by copying it to itself."""
        source = _parse_source(request.headers["x-amz-copy-source"])
        bucket = self._store.catalogue.bucket(request.bucket)
        condition = ConditionalWrite.from_headers(request.headers)
        with self._open_source(source, request) as (version, content):
            if version.size > MAX_UPLOAD_BYTES:
                raise AwsError(
                    "InvalidRequest",
                    "The specified copy source is larger than the maximum allowable size for a"
                    f" copy source: {MAX_UPLOAD_BYTES}",
                )
            details = _copied_metadata(request, source, version)
            algorithm = details.checksum.algorithm if details.checksum else DEFAULT_ALGORITHM
            digests = _digest_content(content, algorithm)
            checksum = ObjectChecksum(algorithm, digests.base64(algorithm), "FULL_OBJECT")
            draft = NewVersion(
                bucket.name,
                request.key,
                digests.md5().hex(),
                version.size,
                replace(details, checksum=checksum),
                _tags(request, version),
                ObjectLayout(version.layout.extents),
            )
            copy = self._store.write(draft, condition, self._new_cause(request, "CopyObject"))
        headers = self._source_headers(source, version)
        if bucket.versioning:
            headers["x-amz-version-id"] = copy.version_id
        headers["x-amz-server-side-encryption"] = "AES256"
        nodes = _result_nodes(copy.etag, copy.modified) + checksum_nodes(copy.details.checksum)
        return xml_response("CopyObjectResult", nodes, headers=headers)

    def upload_part_copy(self, request: S3Request) -> S3Response:
        """Store an object, or a range of it, as a part of a multipart upload."""
        number = part_number(request)
        upload = require_upload(self._store, request)
        source = _parse_source(request.headers["x-amz-copy-source"])
        wanted = request.headers.get(f"{_PREFIX}range")
        with self._open_source(source, request) as (version, _):
            extents: Sequence[BlobExtent] = version.layout.extents
            if wanted is not None:
                extents = slice_extents(extents, parse_copy_range(wanted, version.size))
            size = sum(extent.length for extent in extents)
            if size > MAX_UPLOAD_BYTES:
                raise AwsError("EntityTooLarge", "The part to copy is larger than 5 GiB.")
            expected = upload.details.checksum
            algorithm = expected.algorithm if expected else DEFAULT_ALGORITHM
            digests = BodyDigests([algorithm])
            for extent in extents:
                for chunk in self._store.blobs.read_chunks(extent):
                    digests.update(chunk)
            etag, checksum = digests.md5().hex(), digests.base64(algorithm)
            part = UploadedPart(number, etag, size, self._store.now(), checksum, extents)
            self._store.add_part(upload, part)
        nodes = _result_nodes(part.etag, part.modified)
        if expected is not None:
            nodes.append((f"Checksum{algorithm}", checksum))
        return xml_response("CopyPartResult", nodes, headers=self._source_headers(source, version))

    @contextmanager
    def _open_source(
        self, source: _Source, request: S3Request
    ) -> Iterator[tuple[ObjectVersion, ObjectContent]]:
        """Yield the source version and its pinned bytes, so that a delete cannot remove them."""
        self._store.catalogue.bucket(source.bucket)
        conditions = ReadConditions.from_headers(request.headers, _PREFIX)
        content = None
        while content is None:
            version = require_version(self._store, source.bucket, source.key, source.version_id)
            if conditions.evaluate(version.etag, version.modified) is ConditionResult.NOT_MODIFIED:
                raise precondition_failed("x-amz-copy-source-If-None-Match")
            content = self._store.open(version)
        with content:
            yield version, content

    def _source_headers(self, source: _Source, version: ObjectVersion) -> dict[str, str]:
        if self._store.catalogue.bucket(source.bucket).versioning:
            return {"x-amz-copy-source-version-id": version.version_id}
        return {}


def _parse_source(header: str) -> _Source:
    path, _, query = header.partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if header.startswith("arn:"):
        raise AwsError("NotImplemented", "Access points are not implemented.", 501)
    if not bucket or not key:
        raise AwsError(
            "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            ArgumentName="x-amz-copy-source",
            ArgumentValue=header,
        )
    name, _, version_id = query.partition("=")
    return _Source(bucket, key, unquote(version_id) if name == "versionId" else None)


def _copied_metadata(request: S3Request, source: _Source, version: ObjectVersion) -> ObjectMetadata:
    replaces = _directive(request, "x-amz-metadata-directive") == "REPLACE"
    metadata = parse_object_metadata(request.headers, request.metadata)
    requested = request.headers.get("x-amz-checksum-algorithm")
    same = (source.bucket, source.key) == (request.bucket, request.key)
    changes_something = (
        replaces or requested is not None or "x-amz-storage-class" in request.headers
    )
    if same and source.version_id is None and not changes_something:
        raise AwsError(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself "
            "without changing the object's metadata, storage class, website redirect "
            "location or encryption attributes.",
        )
    if not replaces:
        kept = version.details
        metadata = ObjectMetadata(kept.headers, kept.metadata, metadata.storage_class)
    earlier = version.details.checksum
    algorithm = requested or (earlier.algorithm if earlier else DEFAULT_ALGORITHM)
    return replace(metadata, checksum=ObjectChecksum(algorithm, "", "FULL_OBJECT"))


def _tags(request: S3Request, version: ObjectVersion) -> Mapping[str, str]:
    if _directive(request, "x-amz-tagging-directive") == "REPLACE":
        return parse_tagging_header(request)
    return version.tags


def _directive(request: S3Request, name: str) -> str:
    value = request.headers.get(name, "COPY")
    if value not in _DIRECTIVES:
        raise AwsError(
            "InvalidArgument", "Unknown directive.", ArgumentName=name, ArgumentValue=value
        )
    return value


def _digest_content(content: ObjectContent, algorithm: str) -> BodyDigests:
    digests = BodyDigests([algorithm])
    for chunk in content:
        digests.update(chunk)
    return digests


def _result_nodes(etag: str, modified: int) -> list[Node]:
    return [("LastModified", timestamp(modified)), ("ETag", quote_etag(etag))]
