"""Checksums of objects and parts, and the combination of part checksums.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import crc64fast  # type: ignore[import-untyped]
from fastcrc import crc32 as fastcrc32

from localcloud.errors import AwsError


class Digest(Protocol):
    """A running digest: the interface of hashlib's objects and of the CRCs here."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    """A running 32-bit CRC over `step(data, value)`."""

    def __init__(self, step: Callable[[bytes, int], int]) -> None:
        self._step = step
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _crc64nvme() -> Digest:
    digest: Digest = crc64fast.crc64fast()
    return digest


def _md5() -> Digest:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> Digest:
    return hashlib.sha1(usedforsecurity=False)


_DIGESTS: Mapping[str, Callable[[], Digest]] = {
    "CRC32": lambda: _Crc32(zlib.crc32),
    "CRC32C": lambda: _Crc32(fastcrc32.iscsi),
    "CRC64NVME": _crc64nvme,
    "SHA1": _sha1,
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": _md5,
}

ALGORITHMS = frozenset(_DIGESTS)
"""The supported algorithms; AWS also has XXHASH64, XXHASH3 and XXHASH128."""

_REFLECTED_POLYNOMIALS = {
    "CRC32": (0xEDB88320, 32),
    "CRC32C": (0x82F63B78, 32),
    "CRC64NVME": (0x9A6C9329AC4BC9B5, 64),
}


def new_digest(algorithm: str) -> Digest:
    """Return a running digest; raise NotImplemented for an unsupported algorithm."""
    try:
        return _DIGESTS[algorithm]()
    except KeyError:
        raise AwsError(
            "NotImplemented", f"The checksum algorithm {algorithm} is not implemented.", 501
        ) from None


def encode_digest(digest: bytes) -> str:
    """Return a digest in base64, as S3 writes it."""
    return base64.b64encode(digest).decode("ascii")


def checksum_type(algorithm: str, requested: str | None) -> str:
    """Return the checksum type of a multipart upload.

    Raises:
        AwsError: InvalidRequest for a type that the algorithm does not support.
    """
    allowed = {"COMPOSITE"}
    if algorithm == "CRC64NVME":
        allowed = {"FULL_OBJECT"}
    elif algorithm in _REFLECTED_POLYNOMIALS:
        allowed = {"COMPOSITE", "FULL_OBJECT"}
    if requested is None:
        return "COMPOSITE" if "COMPOSITE" in allowed else "FULL_OBJECT"
    if requested not in allowed:
        raise AwsError(
            "InvalidRequest",
            f"The {requested} checksum type cannot be used with the {algorithm.lower()} "
            "checksum algorithm.",
        )
    return requested


def composite_checksum(algorithm: str, parts: Sequence[str]) -> str:
    """Return the composite checksum: that of the part checksums, `-`, and their number."""
    digest = new_digest(algorithm)
    for part in parts:
        digest.update(base64.b64decode(part))
    return f"{encode_digest(digest.digest())}-{len(parts)}"


@dataclass(frozen=True, slots=True)
class SizedChecksum:
    """The base64 CRC of `size` bytes."""

    value: str
    size: int


def full_object_checksum(algorithm: str, parts: Sequence[SizedChecksum]) -> str:
    """Return the CRC of the concatenated parts without reading them again."""
    _, width = _REFLECTED_POLYNOMIALS[algorithm]
    total = 0
    for part in parts:
        value = int.from_bytes(base64.b64decode(part.value), "big")
        total = _append_zero_bytes(algorithm, total, part.size) ^ value
    return encode_digest(total.to_bytes(width // 8, "big"))


def _append_zero_bytes(algorithm: str, crc: int, size: int) -> int:
    """Return `crc` after `size` more zero bytes (without the final xor)."""
    bit = 0
    while size:
        if size & 1:
            crc = _times(_zero_bytes(algorithm, bit), crc)
        size >>= 1
        bit += 1
    return crc


@cache
def _zero_bytes(algorithm: str, exponent: int) -> tuple[int, ...]:
    """Return the matrix over GF(2) that appends 2**exponent zero bytes to a CRC."""
    polynomial, width = _REFLECTED_POLYNOMIALS[algorithm]
    if exponent:
        half = _zero_bytes(algorithm, exponent - 1)
        return tuple(_times(half, column) for column in half)
    one_bit = (polynomial, *(1 << n for n in range(width - 1)))
    matrix = one_bit
    for _ in range(3):
        matrix = tuple(_times(matrix, column) for column in matrix)
    return matrix


def _times(matrix: tuple[int, ...], vector: int) -> int:
    product = 0
    for column in matrix:
        if vector & 1:
            product ^= column
        vector >>= 1
        if not vector:
            break
    return product


def parse_content_md5(header: str) -> bytes:
    """Return the digest of a Content-MD5 header; raise InvalidDigest."""
    try:
        digest = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    return digest


def check_checksum_value(algorithm: str, value: str) -> None:
    """Raise InvalidRequest if `value` cannot be a checksum of `algorithm`."""
    try:
        size = len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        size = -1
    if size != len(new_digest(algorithm).digest()):
        raise AwsError(
            "InvalidRequest", f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."
        )
