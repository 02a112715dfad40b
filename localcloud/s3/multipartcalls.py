"""Multipart uploads. Parts stay where they are: an object made of them is a list of them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from xml.etree.ElementTree import Element

from localcloud.errors import AwsError
from localcloud.s3.answer import Answer, xml
from localcloud.s3.bucketcalls import Call
from localcloud.s3.changes import Draft
from localcloud.s3.checksums import (
    SizedChecksum,
    bad_digest,
    checksum_type,
    composite,
    full_object,
    new_digest,
)
from localcloud.s3.conditions import WriteCondition
from localcloud.s3.describing import checksum_nodes, describe, tags_of
from localcloud.s3.markup import Node, child_text, malformed_xml, parse, quoted
from localcloud.s3.receiving import DEFAULT_ALGORITHM, declared_algorithm, read_document, receive
from localcloud.s3.request import S3Request, whole_number
from localcloud.s3.schema import Checksum, Layout, Part, PartSummary, Upload
from localcloud.s3.store import Store
from localcloud.s3.writecalls import CauseOf

MAX_PARTS = 10_000
MIN_PART = 5 * 1024**2
"""The least bytes of every part but the last."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A part as a CompleteMultipartUpload names it."""

    number: int
    etag: str
    checksum: str | None


class MultipartCalls:
    """Create, fill, complete and abort multipart uploads."""

    def __init__(self, store: Store, cause_of: CauseOf) -> None:
        self._store = store
        self._cause_of = cause_of

    def calls(self) -> Mapping[str, Call]:
        """Return the operations by name."""
        return {
            "CreateMultipartUpload": self.create_multipart_upload,
            "UploadPart": self.upload_part,
            "CompleteMultipartUpload": self.complete_multipart_upload,
            "AbortMultipartUpload": self.abort_multipart_upload,
        }

    def create_multipart_upload(self, request: S3Request) -> Answer:
        """Begin an upload."""
        algorithm = request.headers.get("x-amz-checksum-algorithm", "").upper()
        kind = request.headers.get("x-amz-checksum-type")
        checksum = None
        if algorithm:
            new_digest(algorithm)
            checksum = Checksum(algorithm, "", checksum_type(algorithm, kind))
        elif kind is not None:
            raise AwsError(
                "InvalidRequest",
                "The x-amz-checksum-type header can only be used with the"
                " x-amz-checksum-algorithm header.",
            )
        details = describe(request.headers, request.metadata, checksum)
        upload = self._store.create_upload(request.bucket, request.key, details, tags_of(request))
        headers = {"x-amz-server-side-encryption": "AES256"}
        if checksum is not None:
            headers["x-amz-checksum-algorithm"] = checksum.algorithm
            headers["x-amz-checksum-type"] = checksum.kind
        nodes: list[Node] = [
            ("Bucket", request.bucket),
            ("Key", request.key),
            ("UploadId", upload.upload_id),
        ]
        return xml("InitiateMultipartUploadResult", nodes, headers=headers)

    def upload_part(self, request: S3Request) -> Answer:
        """Store a part, in place of an earlier one of its number."""
        number = part_number(request)
        upload = upload_of(self._store, request)
        expected = upload.details.checksum
        algorithm = expected.algorithm if expected else None
        declared = declared_algorithm(request.headers)
        if algorithm is not None and declared not in (None, algorithm):
            raise AwsError(
                "InvalidRequest",
                f"Checksum Type mismatch occurred, expected checksum Type: {algorithm.lower()},"
                f" actual checksum Type: {(declared or '').lower()}",
            )
        received = receive(self._store.blobs, request, algorithm or DEFAULT_ALGORITHM)
        part = Part(
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
        headers = {"ETag": quoted(part.etag), "x-amz-server-side-encryption": "AES256"}
        if algorithm is not None:
            headers[f"x-amz-checksum-{algorithm.lower()}"] = part.checksum
        return Answer(headers=headers)

    def complete_multipart_upload(self, request: S3Request) -> Answer:
        """Make the object of the parts that the request names."""
        upload = upload_of(self._store, request)
        condition = WriteCondition.from_headers(request.headers)
        named = _parse_completion(_read_completion(request), upload)
        parts = _chosen(named, self._store.catalogue.parts(upload.upload_id), upload)
        size = sum(part.size for part in parts)
        _check_size(request, size)
        checksum = _checksum(upload, parts)
        _check_whole(request, checksum)
        draft = Draft(
            upload.bucket,
            upload.key,
            _etag(parts),
            size,
            replace(upload.details, checksum=checksum),
            upload.tags,
            Layout(
                tuple(extent for part in parts for extent in part.extents),
                tuple(PartSummary(part.number, part.size, part.checksum) for part in parts),
            ),
        )
        cause = self._cause_of(request, "CompleteMultipartUpload")
        version = self._store.write(draft, condition, cause, completes=upload)
        headers = {"x-amz-server-side-encryption": "AES256"}
        if self._store.catalogue.bucket(upload.bucket).versioning:
            headers["x-amz-version-id"] = version.version_id
        nodes: list[Node] = [
            ("Location", request.location(upload.key)),
            ("Bucket", upload.bucket),
            ("Key", upload.key),
            ("ETag", quoted(version.etag)),
            *checksum_nodes(checksum),
        ]
        return xml("CompleteMultipartUploadResult", nodes, headers=headers)

    def abort_multipart_upload(self, request: S3Request) -> Answer:
        """Forget an upload."""
        self._store.abort_upload(upload_of(self._store, request))
        return Answer(204)


def part_number(request: S3Request) -> int:
    """Return the part number of a request, from 1 to 10,000."""
    number = whole_number("partNumber", request.query.get("partNumber"), 0)
    if not 1 <= number <= MAX_PARTS:
        raise AwsError(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=request.query.get("partNumber"),
        )
    return number


def upload_of(store: Store, request: S3Request) -> Upload:
    """Return the upload that a request is for."""
    store.catalogue.bucket(request.bucket)
    return store.catalogue.upload(request.bucket, request.key, request.query["uploadId"])


def _read_completion(request: S3Request) -> bytes:
    """Return the body of a completion, whose checksum headers are about the object instead."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if not name.startswith("x-amz-checksum-")
    }
    return read_document(replace(request, headers=headers))


def _parse_completion(body: bytes, upload: Upload) -> list[_Named]:
    named = [_named(element, upload) for element in parse(body, "CompleteMultipartUpload")]
    if not named:
        raise malformed_xml()
    numbers = [part.number for part in named]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise AwsError(
            "InvalidPartOrder",
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
        )
    return named


def _named(element: Element, upload: Upload) -> _Named:
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
    return _Named(int(number), etag.strip().strip('"'), given)


def _chosen(named: Sequence[_Named], stored: Sequence[Part], upload: Upload) -> list[Part]:
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
        if part.size < MIN_PART:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=part.size,
                MinSizeAllowed=MIN_PART,
                PartNumber=part.number,
                ETag=part.etag,
            )
    return parts


def _check_size(request: S3Request, size: int) -> None:
    declared = request.headers.get("x-amz-mp-object-size")
    if declared is not None and whole_number("x-amz-mp-object-size", declared, 0) != size:
        raise AwsError(
            "InvalidRequest",
            "The provided 'x-amz-mp-object-size' header does not match what was computed.",
        )


def _etag(parts: Sequence[Part]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(bytes.fromhex(part.etag))
    return f"{digest.hexdigest()}-{len(parts)}"


def _checksum(upload: Upload, parts: Sequence[Part]) -> Checksum:
    expected = upload.details.checksum
    if expected is not None and expected.kind == "COMPOSITE":
        value = composite(expected.algorithm, [part.checksum for part in parts])
        return replace(expected, value=value)
    algorithm = expected.algorithm if expected else DEFAULT_ALGORITHM
    value = full_object(algorithm, [SizedChecksum(part.checksum, part.size) for part in parts])
    return Checksum(algorithm, value, "FULL_OBJECT")


def _check_whole(request: S3Request, checksum: Checksum) -> None:
    """Hold the object to the checksum that the completion declares, if any."""
    kind = request.headers.get("x-amz-checksum-type", checksum.kind)
    given = request.headers.get(f"x-amz-checksum-{checksum.algorithm.lower()}", checksum.value)
    if kind != checksum.kind:
        raise AwsError(
            "InvalidRequest", "The x-amz-checksum-type does not match that of the upload."
        )
    if given != checksum.value and given != checksum.value.partition("-")[0]:
        raise bad_digest(checksum.algorithm)
