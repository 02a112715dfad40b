"""Read a request body and verify it against the checksums that the client declared.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from localcloud.errors import AwsError
from localcloud.s3.errors import bad_digest
from localcloud.s3.request import S3Request, parse_int
from localcloud.s3.request_body.checksums import (
    Digest,
    check_checksum_value,
    encode_digest,
    new_digest,
    parse_content_md5,
)
from localcloud.s3.request_body.streams import AwsChunkedBody, ByteStream, read_all
from localcloud.s3.storage.blobs import CHUNK_BYTES, BlobStore
from localcloud.s3.storage.records import BlobExtent

DEFAULT_ALGORITHM = "CRC64NVME"
"""The checksum algorithm that S3 applies if the client sends no checksum."""

MAX_UPLOAD_BYTES = 5 * 1024**3
"""The most bytes of one PUT, POST or part."""

MAX_DOCUMENT_BYTES = 8 * 1024**2
"""The most bytes of an XML or JSON body, which is read into memory."""

_PREFIX = "x-amz-checksum-"
_NOT_VALUES = frozenset({"x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"})
_SHA256_HEX = re.compile(r"[0-9a-f]{64}")


class BodyDigests:
    """Running digests of a body: always MD5, and those of the given algorithms."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._digests: dict[str, Digest] = {
            algorithm: new_digest(algorithm) for algorithm in {"MD5", *algorithms}
        }

    def update(self, data: bytes) -> None:
        """Add `data` to every digest."""
        for digest in self._digests.values():
            digest.update(data)

    def md5(self) -> bytes:
        """Return the MD5, which ETags are made of."""
        return self._digests["MD5"].digest()

    def base64(self, algorithm: str) -> str:
        """Return a digest in base64, as S3 writes it."""
        return encode_digest(self._digests[algorithm].digest())


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A verified body that is stored in a blob; `checksum` is base64 in `algorithm`."""

    extent: BlobExtent
    md5: bytes
    algorithm: str
    checksum: str

    @property
    def etag(self) -> str:
        """The ETag of an object or part of these bytes."""
        return self.md5.hex()


class VerifiedBody:
    """The decoded body of a request; the read at its end verifies every checksum."""

    def __init__(self, request: S3Request, algorithm: str | None = None) -> None:
        """Prepare to read; `algorithm` is computed besides the declared one."""
        headers = request.headers
        self._source = unframed_body(request)
        self._md5 = parse_content_md5(headers["content-md5"]) if "content-md5" in headers else None
        self._sha256 = _payload_hash(headers)
        self.declared = declared_algorithm(headers)
        self._value = headers.get(f"{_PREFIX}{(self.declared or '').lower()}")
        if self.declared is not None and self._value is not None:
            check_checksum_value(self.declared, self._value)
        self.algorithm = algorithm or self.declared or DEFAULT_ALGORITHM
        extra = {"SHA256"} if self._sha256 else set()
        self.digests = BodyDigests({self.algorithm, self.declared or self.algorithm} | extra)

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, empty at the end; raise BadDigest."""
        data = self._source.read(size)
        self.digests.update(data)
        if not data:
            self._verify()
        return data

    @property
    def is_checked(self) -> bool:
        """Whether the client declared any digest of the body."""
        return self._md5 is not None or self.declared is not None

    def _verify(self) -> None:
        if self._md5 is not None and self._md5 != self.digests.md5():
            raise bad_digest("Content-MD5")
        if self._sha256 and encode_digest(bytes.fromhex(self._sha256)) != self.digests.base64(
            "SHA256"
        ):
            raise AwsError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        if self.declared is not None and self._declared_value() != self.digests.base64(
            self.declared
        ):
            raise bad_digest(self.declared)

    def _declared_value(self) -> str:
        value = self._value
        if value is None and isinstance(self._source, AwsChunkedBody):
            value = self._source.trailers.get(f"{_PREFIX}{(self.declared or '').lower()}")
        if value is None:
            raise AwsError(
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed.",
            )
        return value


def store_body(blobs: BlobStore, request: S3Request, algorithm: str | None = None) -> StoredBody:
    """Write the body of a PUT to a blob and verify it.

    Raises:
        AwsError: MissingContentLength, EntityTooLarge, IncompleteBody or BadDigest.
    """
    length = request.headers.get("x-amz-decoded-content-length") or request.headers.get(
        "content-length"
    )
    if length is None:
        raise AwsError(
            "MissingContentLength", "You must provide the Content-Length HTTP header.", 411
        )
    size = parse_int("Content-Length", length, 0)
    if size > MAX_UPLOAD_BYTES:
        raise AwsError(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=size,
            MaxSizeAllowed=MAX_UPLOAD_BYTES,
        )
    body = VerifiedBody(request, algorithm)
    with blobs.new_blob() as incoming:
        while chunk := body.read(CHUNK_BYTES):
            incoming.write(chunk)
        extent = incoming.commit()
    return StoredBody(
        extent, body.digests.md5(), body.algorithm, body.digests.base64(body.algorithm)
    )


def read_document(request: S3Request, *, must_be_checked: bool = False) -> bytes:
    """Return a whole, verified body of at most `MAX_DOCUMENT_BYTES`."""
    body = VerifiedBody(request)
    if must_be_checked and not body.is_checked:
        raise AwsError("InvalidRequest", "Missing required header for this request: Content-MD5")
    return read_all(body, MAX_DOCUMENT_BYTES)


def unframed_body(request: S3Request) -> ByteStream:
    """Return the bytes of a request without `aws-chunked` framing."""
    headers = request.headers
    signed = headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    if signed or "aws-chunked" in content_codings(headers):
        decoded = headers.get("x-amz-decoded-content-length")
        if decoded is None:
            raise AwsError(
                "MissingContentLength",
                "You must provide the x-amz-decoded-content-length HTTP header.",
                411,
            )
        return AwsChunkedBody(request.stream, parse_int("x-amz-decoded-content-length", decoded, 0))
    return request.stream


def content_codings(headers: Mapping[str, str]) -> list[str]:
    """Return the codings of the Content-Encoding header."""
    codings = headers.get("content-encoding", "").split(",")
    return [coding.strip() for coding in codings if coding.strip()]


def declared_algorithm(headers: Mapping[str, str]) -> str | None:
    """Return the checksum algorithm that the client declares in a header or trailer."""
    names = [name for name in headers if name.startswith(_PREFIX) and name not in _NOT_VALUES]
    trailers = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")]
    names += [name for name in trailers if name and name not in names]
    if len(names) > 1:
        raise AwsError(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )
    if not names:
        if "x-amz-sdk-checksum-algorithm" in headers and "authorization" in headers:
            raise AwsError(
                "InvalidRequest",
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-*"
                " or x-amz-trailer headers were found.",
            )
        return None
    if not names[0].startswith(_PREFIX):
        raise AwsError("InvalidRequest", "The value specified in the x-amz-trailer is invalid.")
    return names[0].removeprefix(_PREFIX).upper()


def _payload_hash(headers: Mapping[str, str]) -> str | None:
    value = headers.get("x-amz-content-sha256", "")
    return value if _SHA256_HEX.fullmatch(value) else None
