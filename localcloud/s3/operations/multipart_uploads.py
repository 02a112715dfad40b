"""Multipart uploads; a completed object references the blobs of its parts.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from xml.etree.ElementTree import Element

from localcloud.errors import AwsError
from localcloud.s3.errors import bad_digest, malformed_xml
from localcloud.s3.operations.object_metadata import (
    checksum_nodes,
    parse_object_metadata,
    parse_tagging_header,
)
from localcloud.s3.operations.object_writes import CauseFactory
from localcloud.s3.request import S3Request, parse_int
from localcloud.s3.request_body.checksums import (
    SizedChecksum,
    checksum_type,
    composite_checksum,
    full_object_checksum,
    new_digest,
)
from localcloud.s3.request_body.verified_body import (
    DEFAULT_ALGORITHM,
    declared_algorithm,
    read_document,
    store_body,
)
from localcloud.s3.response import Operation, S3Response, xml_response
from localcloud.s3.storage.conditions import ConditionalWrite
from localcloud.s3.storage.records import (
    MultipartUploadRecord,
    ObjectChecksum,
    ObjectLayout,
    PartSummary,
    UploadedPart,
)
from localcloud.s3.storage.store import S3Store
from localcloud.s3.storage.transactions import NewVersion
from localcloud.s3.xml_format import Node, child_text, parse_xml, quote_etag

MAX_PARTS = 10_000
MIN_PART_BYTES = 5 * 1024**2
"""The minimum size in bytes of every part but the last."""


@dataclass(frozen=True, slots=True)
class _NamedPart:
    """A part as CompleteMultipartUpload names it."""

    number: int
    etag: str
    checksum: str | None


class MultipartUploadOperations:
    """CreateMultipartUpload, UploadPart, CompleteMultipartUpload and AbortMultipartUpload."""

    def __init__(self, store: S3Store, new_cause: CauseFactory) -> None:
        self._store = store
        self._new_cause = new_cause

    def operations(self) -> Mapping[str, Operation]:
        """Return the methods by the names of their operations."""
        return {
            "CreateMultipartUpload": self.create_multipart_upload,
            "UploadPart": self.upload_part,
            "CompleteMultipartUpload": self.complete_multipart_upload,
            "AbortMultipartUpload": self.abort_multipart_upload,
        }

    def create_multipart_upload(self, request: S3Request) -> S3Response:
        """Create a multipart upload."""
        algorithm = request.headers.get("x-amz-checksum-algorithm", "").upper()
        kind = request.headers.get("x-amz-checksum-type")
        checksum = None
        if algorithm:
            new_digest(algorithm)
            checksum = ObjectChecksum(algorithm, "", checksum_type(algorithm, kind))
        elif kind is not None:
            raise AwsError(
                "InvalidRequest",
                "The x-amz-checksum-type header can only be used with the"
                " x-amz-checksum-algorithm header.",
            )
        details = parse_object_metadata(request.headers, request.metadata, checksum)
        upload = self._store.create_upload(
            request.bucket, request.key, details, parse_tagging_header(request)
        )
        headers = {"x-amz-server-side-encryption": "AES256"}
        if checksum is not None:
            headers["x-amz-checksum-algorithm"] = checksum.algorithm
            headers["x-amz-checksum-type"] = checksum.kind
        nodes: list[Node] = [
            ("Bucket", request.bucket),
            ("Key", request.key),
            ("UploadId", upload.upload_id),
        ]
        return xml_response("InitiateMultipartUploadResult", nodes, headers=headers)

    def upload_part(self, request: S3Request) -> S3Response:
        """Store a part, replacing an earlier one of its number."""
        number = part_number(request)
        upload = require_upload(self._store, request)
        expected = upload.details.checksum
        algorithm = expected.algorithm if expected else None
        declared = declared_algorithm(request.headers)
        if algorithm is not None and declared not in (None, algorithm):
            raise AwsError(
                "InvalidRequest",
                f"Checksum Type mismatch occurred, expected checksum Type: {algorithm.lower()},"
                f" actual checksum Type: {(declared or '').lower()}",
            )
        received = store_body(self._store.blobs, request, algorithm or DEFAULT_ALGORITHM)
        part = UploadedPart(
            number,
            received.etag,
            received.extent.length,
            self._store.now(),
            received.checksum,
            (received.extent,),
        )
        try:
            self._store.add_part(upload, part)
        except AwsError:
            self._store.drop_unused([received.extent.blob])
            raise
        headers = {"ETag": quote_etag(part.etag), "x-amz-server-side-encryption": "AES256"}
        if algorithm is not None:
            headers[f"x-amz-checksum-{algorithm.lower()}"] = part.checksum
        return S3Response(headers=headers)

    def complete_multipart_upload(self, request: S3Request) -> S3Response:
        """Create the object from the parts that the request names."""
        upload = require_upload(self._store, request)
        condition = ConditionalWrite.from_headers(request.headers)
        named = _parse_completed_parts(_read_completion(request), upload)
        parts = _select_parts(named, self._store.catalogue.parts(upload.upload_id), upload)
        size = sum(part.size for part in parts)
        _check_size(request, size)
        checksum = _checksum(upload, parts)
        _check_object_checksum(request, checksum)
        draft = NewVersion(
            upload.bucket,
            upload.key,
            _etag(parts),
            size,
            replace(upload.details, checksum=checksum),
            upload.tags,
            ObjectLayout(
                tuple(extent for part in parts for extent in part.extents),
                tuple(PartSummary(part.number, part.size, part.checksum) for part in parts),
            ),
        )
        cause = self._new_cause(request, "CompleteMultipartUpload")
        version = self._store.write(draft, condition, cause, completes=upload)
        headers = {"x-amz-server-side-encryption": "AES256"}
        if self._store.catalogue.bucket(upload.bucket).versioning:
            headers["x-amz-version-id"] = version.version_id
        nodes: list[Node] = [
            ("Location", request.location(upload.key)),
            ("Bucket", upload.bucket),
            ("Key", upload.key),
            ("ETag", quote_etag(version.etag)),
            *checksum_nodes(checksum),
        ]
        return xml_response("CompleteMultipartUploadResult", nodes, headers=headers)

    def abort_multipart_upload(self, request: S3Request) -> S3Response:
        """Delete an upload and its parts."""
        self._store.abort_upload(require_upload(self._store, request))
        return S3Response(204)


def part_number(request: S3Request) -> int:
    """Return the part number of a request (1 to 10,000); raise InvalidArgument."""
    number = parse_int("partNumber", request.query.get("partNumber"), 0)
    if not 1 <= number <= MAX_PARTS:
        raise AwsError(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=request.query.get("partNumber"),
        )
    return number


def require_upload(store: S3Store, request: S3Request) -> MultipartUploadRecord:
    """Return the upload of a request; raise NoSuchBucket or NoSuchUpload."""
    store.catalogue.bucket(request.bucket)
    return store.catalogue.upload(request.bucket, request.key, request.query["uploadId"])


def _read_completion(request: S3Request) -> bytes:
    """Return the body of a completion; its checksum headers are those of the object."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if not name.startswith("x-amz-checksum-")
    }
    return read_document(replace(request, headers=headers))


def _parse_completed_parts(body: bytes, upload: MultipartUploadRecord) -> list[_NamedPart]:
    named = [_parse_part(element, upload) for element in parse_xml(body, "CompleteMultipartUpload")]
    if not named:
        raise malformed_xml()
    numbers = [part.number for part in named]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise AwsError(
            "InvalidPartOrder",
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
        )
    return named


def _parse_part(element: Element, upload: MultipartUploadRecord) -> _NamedPart:
    number, etag = child_text(element, "PartNumber"), child_text(element, "ETag")
    if element.tag != "Part" or not number or etag is None or not number.isdigit():
        raise malformed_xml()
    expected = upload.details.checksum
    given = child_text(element, f"Checksum{expected.algorithm}") if expected else None
    if expected is not None and expected.kind == "COMPOSITE" and given is None:
        raise AwsError(
            "InvalidRequest",
            f"The upload was created using a {expected.algorithm.lower()} checksum. The complete"
            " request must include the checksum for each part. It was missing for part"
            f" {number} in the request.",
        )
    return _NamedPart(int(number), etag.strip().strip('"'), given)


def _select_parts(
    named: Sequence[_NamedPart], stored: Sequence[UploadedPart], upload: MultipartUploadRecord
) -> list[UploadedPart]:
    by_number = {part.number: part for part in stored}
    parts = []
    for wanted in named:
        part = by_number.get(wanted.number)
        if part is None or part.etag != wanted.etag or wanted.checksum not in (None, part.checksum):
            raise AwsError(
                "InvalidPart",
                "One or more of the specified parts could not be found.  The part may not have "
                "been uploaded, or the specified entity tag may not match the part's entity tag.",
                UploadId=upload.upload_id,
                PartNumber=wanted.number,
                ETag=wanted.etag,
            )
        parts.append(part)
    for part in parts[:-1]:
        if part.size < MIN_PART_BYTES:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=part.size,
                MinSizeAllowed=MIN_PART_BYTES,
                PartNumber=part.number,
                ETag=part.etag,
            )
    return parts


def _check_size(request: S3Request, size: int) -> None:
    declared = request.headers.get("x-amz-mp-object-size")
    if declared is not None and parse_int("x-amz-mp-object-size", declared, 0) != size:
        raise AwsError(
            "InvalidRequest",
            "The provided 'x-amz-mp-object-size' header does not match what was computed.",
        )


def _etag(parts: Sequence[UploadedPart]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(bytes.fromhex(part.etag))
    return f"{digest.hexdigest()}-{len(parts)}"


def _checksum(upload: MultipartUploadRecord, parts: Sequence[UploadedPart]) -> ObjectChecksum:
    expected = upload.details.checksum
    if expected is not None and expected.kind == "COMPOSITE":
        value = composite_checksum(expected.algorithm, [part.checksum for part in parts])
        return replace(expected, value=value)
    algorithm = expected.algorithm if expected else DEFAULT_ALGORITHM
    value = full_object_checksum(
        algorithm, [SizedChecksum(part.checksum, part.size) for part in parts]
    )
    return ObjectChecksum(algorithm, value, "FULL_OBJECT")


def _check_object_checksum(request: S3Request, checksum: ObjectChecksum) -> None:
    """Raise BadDigest if the object lacks the checksum that the completion declares."""
    kind = request.headers.get("x-amz-checksum-type", checksum.kind)
    given = request.headers.get(f"x-amz-checksum-{checksum.algorithm.lower()}", checksum.value)
    if kind != checksum.kind:
        raise AwsError(
            "InvalidRequest", "The x-amz-checksum-type does not match that of the upload."
        )
    if given != checksum.value and given != checksum.value.partition("-")[0]:
        raise bad_digest(checksum.algorithm)
