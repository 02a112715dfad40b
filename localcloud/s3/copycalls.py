"""Copies: whole objects, and ranges as parts. Blobs are shared, never copied.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import unquote

from localcloud.errors import AwsError
from localcloud.s3.answer import Answer, xml
from localcloud.s3.blobs import Content, cut
from localcloud.s3.bucketcalls import Call
from localcloud.s3.changes import Draft
from localcloud.s3.conditions import ReadConditions, Verdict, WriteCondition, precondition_failed
from localcloud.s3.describing import checksum_nodes, describe, tags_of
from localcloud.s3.markup import Node, quoted, timestamp
from localcloud.s3.multipartcalls import part_number, upload_of
from localcloud.s3.ranges import parse_copy_range
from localcloud.s3.readcalls import find_version
from localcloud.s3.receiving import DEFAULT_ALGORITHM, MAX_OBJECT, Meter
from localcloud.s3.request import S3Request
from localcloud.s3.schema import Checksum, Details, Extent, Layout, Part, Version
from localcloud.s3.store import Store
from localcloud.s3.writecalls import CauseOf

_PREFIX = "x-amz-copy-source-"
_DIRECTIVES = ("COPY", "REPLACE")


@dataclass(frozen=True, slots=True)
class _Source:
    bucket: str
    key: str
    version_id: str | None


class CopyCalls:
    """Copy objects and parts."""

    def __init__(self, store: Store, cause_of: CauseOf) -> None:
        self._store = store
        self._cause_of = cause_of

    def calls(self) -> Mapping[str, Call]:
        """Return the operations by name."""
        return {"CopyObject": self.copy_object, "UploadPartCopy": self.upload_part_copy}

    def copy_object(self, request: S3Request) -> Answer:
        """Make an object of the bytes of another, or of itself with other metadata."""
        source = _parse_source(request.headers["x-amz-copy-source"])
        bucket = self._store.catalogue.bucket(request.bucket)
        condition = WriteCondition.from_headers(request.headers)
        with self._opened(source, request) as (version, content):
            if version.size > MAX_OBJECT:
                raise AwsError(
                    "InvalidRequest",
                    "The specified copy source is larger than the maximum allowable size for a"
                    f" copy source: {MAX_OBJECT}",
                )
            details = _described(request, source, version)
            algorithm = details.checksum.algorithm if details.checksum else DEFAULT_ALGORITHM
            meter = _metered(content, algorithm)
            checksum = Checksum(algorithm, meter.base64(algorithm), "FULL_OBJECT")
            draft = Draft(
                bucket.name,
                request.key,
                meter.md5().hex(),
                version.size,
                replace(details, checksum=checksum),
                _tags(request, version),
                Layout(version.layout.extents),
            )
            copy = self._store.write(draft, condition, self._cause_of(request, "CopyObject"))
        headers = self._source_headers(source, version)
        if bucket.versioning:
            headers["x-amz-version-id"] = copy.version_id
        headers["x-amz-server-side-encryption"] = "AES256"
        nodes = _result_nodes(copy.etag, copy.modified) + checksum_nodes(copy.details.checksum)
        return xml("CopyObjectResult", nodes, headers=headers)

    def upload_part_copy(self, request: S3Request) -> Answer:
        """Make a part of the bytes of an object, or of a range of them."""
        number = part_number(request)
        upload = upload_of(self._store, request)
        source = _parse_source(request.headers["x-amz-copy-source"])
        wanted = request.headers.get(f"{_PREFIX}range")
        with self._opened(source, request) as (version, _):
            extents: Sequence[Extent] = version.layout.extents
            if wanted is not None:
                extents = cut(extents, parse_copy_range(wanted, version.size))
            size = sum(extent.length for extent in extents)
            if size > MAX_OBJECT:
                raise AwsError("EntityTooLarge", "The part to copy is larger than 5 GiB.")
            expected = upload.details.checksum
            algorithm = expected.algorithm if expected else DEFAULT_ALGORITHM
            meter = Meter([algorithm])
            for extent in extents:
                for piece in self._store.blobs.pieces(extent):
                    meter.update(piece)
            etag, checksum = meter.md5().hex(), meter.base64(algorithm)
            part = Part(number, etag, size, self._store.now(), checksum, extents)
            self._store.add_part(upload, part)
        nodes = _result_nodes(part.etag, part.modified)
        if expected is not None:
            nodes.append((f"Checksum{algorithm}", checksum))
        return xml("CopyPartResult", nodes, headers=self._source_headers(source, version))

    @contextmanager
    def _opened(self, source: _Source, request: S3Request) -> Iterator[tuple[Version, Content]]:
        """Hold the source's bytes in place; a delete at the same time is the later one."""
        self._store.catalogue.bucket(source.bucket)
        conditions = ReadConditions.from_headers(request.headers, _PREFIX)
        content = None
        while content is None:
            version = find_version(self._store, source.bucket, source.key, source.version_id)
            if conditions.judge(version.etag, version.modified) is Verdict.NOT_MODIFIED:
                raise precondition_failed("x-amz-copy-source-If-None-Match")
            content = self._store.open(version)
        with content:
            yield version, content

    def _source_headers(self, source: _Source, version: Version) -> dict[str, str]:
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


def _described(request: S3Request, source: _Source, version: Version) -> Details:
    replaces = _directive(request, "x-amz-metadata-directive") == "REPLACE"
    described = describe(request.headers, request.metadata)
    asked = request.headers.get("x-amz-checksum-algorithm")
    same = (source.bucket, source.key) == (request.bucket, request.key)
    changes_something = replaces or asked is not None or "x-amz-storage-class" in request.headers
    if same and source.version_id is None and not changes_something:
        raise AwsError(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself "
            "without changing the object's metadata, storage class, website redirect "
            "location or encryption attributes.",
        )
    if not replaces:
        kept = version.details
        described = Details(kept.headers, kept.metadata, described.storage_class)
    earlier = version.details.checksum
    algorithm = asked or (earlier.algorithm if earlier else DEFAULT_ALGORITHM)
    return replace(described, checksum=Checksum(algorithm, "", "FULL_OBJECT"))


def _tags(request: S3Request, version: Version) -> Mapping[str, str]:
    if _directive(request, "x-amz-tagging-directive") == "REPLACE":
        return tags_of(request)
    return version.tags


def _directive(request: S3Request, name: str) -> str:
    value = request.headers.get(name, "COPY")
    if value not in _DIRECTIVES:
        raise AwsError(
            "InvalidArgument", "Unknown directive.", ArgumentName=name, ArgumentValue=value
        )
    return value


def _metered(content: Content, algorithm: str) -> Meter:
    meter = Meter([algorithm])
    for piece in content:
        meter.update(piece)
    return meter


def _result_nodes(etag: str, modified: int) -> list[Node]:
    return [("LastModified", timestamp(modified)), ("ETag", quoted(etag))]
