"""Checksums of objects and parts, and how those of parts make one of the whole.

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
    """What hashlib's objects offer, and the running CRCs here too."""

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
"""The algorithms computed here. AWS has XXHASH64, XXHASH3 and XXHASH128 as well."""

_REFLECTED_POLYNOMIALS = {
    "CRC32": (0xEDB88320, 32),
    "CRC32C": (0x82F63B78, 32),
    "CRC64NVME": (0x9A6C9329AC4BC9B5, 64),
}


def new_digest(algorithm: str) -> Digest:
    """Return a running digest; an algorithm that is not computed here is NotImplemented."""
    try:
        return _DIGESTS[algorithm]()
    except KeyError:
        raise AwsError(
            "NotImplemented", f"The checksum algorithm {algorithm} is not implemented.", 501
        ) from None


def encoded(digest: bytes) -> str:
    """Return a digest as S3 writes it: base64."""
    return base64.b64encode(digest).decode("ascii")


def checksum_type(algorithm: str, asked: str | None) -> str:
    """Return the checksum type of a multipart upload, or refuse a pair that AWS refuses."""
    allowed = {"COMPOSITE"}
    if algorithm == "CRC64NVME":
        allowed = {"FULL_OBJECT"}
    elif algorithm in _REFLECTED_POLYNOMIALS:
        allowed = {"COMPOSITE", "FULL_OBJECT"}
    if asked is None:
        return "COMPOSITE" if "COMPOSITE" in allowed else "FULL_OBJECT"
    if asked not in allowed:
        raise AwsError(
            "InvalidRequest",
            f"The {asked} checksum type cannot be used with the {algorithm.lower()} "
            "checksum algorithm.",
        )
    return asked


def composite(algorithm: str, parts: Sequence[str]) -> str:
    """Return the checksum of the parts' checksums, with `-` and their number."""
    digest = new_digest(algorithm)
    for part in parts:
        digest.update(base64.b64decode(part))
    return f"{encoded(digest.digest())}-{len(parts)}"


@dataclass(frozen=True, slots=True)
class SizedChecksum:
    """The base64 CRC of `size` bytes."""

    value: str
    size: int


def full_object(algorithm: str, parts: Sequence[SizedChecksum]) -> str:
    """Return the CRC of the parts laid end to end, without reading them again."""
    _, width = _REFLECTED_POLYNOMIALS[algorithm]
    total = 0
    for part in parts:
        value = int.from_bytes(base64.b64decode(part.value), "big")
        total = _shifted(algorithm, total, part.size) ^ value
    return encoded(total.to_bytes(width // 8, "big"))


def _shifted(algorithm: str, crc: int, size: int) -> int:
    """Return what `crc` becomes when `size` zero bytes follow (without the final xor)."""
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


def decoded_md5(header: str) -> bytes:
    """Return the digest in a Content-MD5 header, or InvalidDigest."""
    try:
        digest = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    return digest


def check_value(algorithm: str, value: str) -> None:
    """Refuse a checksum that cannot be one of `algorithm`."""
    try:
        size = len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        size = -1
    if size != len(new_digest(algorithm).digest()):
        raise AwsError(
            "InvalidRequest", f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."
        )


def bad_digest(name: str) -> AwsError:
    """Return the error for bytes that do not have the checksum the client sent."""
    return AwsError("BadDigest", f"The {name} you specified did not match the calculated checksum.")
