"""Byte ranges of objects: the Range header of a read and of a copy.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from localcloud.errors import AwsError

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A range of `length` bytes (at least one) from offset `start`."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        """Return the Content-Range header within an object of `size` bytes."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """Return the requested range, or None if S3 returns the whole object.

    S3 serves one range a request and ignores a header that it cannot read. A range that
    starts past the end is InvalidRange (416).
    """
    matched = _RANGE.fullmatch(header) if header else None
    if header is None or matched is None:
        return None
    first, last = matched.groups()
    if not first:
        return _suffix(header, last, size)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise _unsatisfiable(header, size)
    return ByteRange(start, end - start + 1)


def parse_copy_range(header: str, size: int) -> ByteRange:
    """Return the range of `x-amz-copy-source-range`, which must be `bytes=first-last`."""
    matched = _RANGE.fullmatch(header)
    if matched is None or not all(matched.groups()):
        raise AwsError(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where "
            "first and last are the zero-based offsets of the first and last bytes to copy",
        )
    start, end = (int(number) for number in matched.groups())
    if start > end or end >= size:
        raise AwsError(
            "InvalidArgument", f"Range specified is not valid for source object of size: {size}"
        )
    return ByteRange(start, end - start + 1)


def _suffix(header: str, last: str, size: int) -> ByteRange | None:
    if not last:
        return None
    length = min(int(last), size)
    if length == 0:
        raise _unsatisfiable(header, size)
    return ByteRange(size - length, length)


def _unsatisfiable(header: str, size: int) -> AwsError:
    return AwsError(
        "InvalidRange",
        "The requested range is not satisfiable",
        416,
        RangeRequested=header,
        ActualObjectSize=size,
    )
