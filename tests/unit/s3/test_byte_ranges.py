"""Ranges. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.errors import AwsError
from localcloud.s3.storage.blobs import slice_extents
from localcloud.s3.storage.byte_ranges import ByteRange, parse_copy_range, parse_range
from localcloud.s3.storage.records import BlobExtent


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=0-99", ByteRange(0, 10)),
        ("bytes=9-", ByteRange(9, 1)),
        ("bytes=-3", ByteRange(7, 3)),
        ("bytes=-99", ByteRange(0, 10)),
        ("Bytes = 1 - 2", ByteRange(1, 2)),
    ],
)
def test_a_range_is_cut_to_the_object(header: str, span: ByteRange) -> None:
    assert parse_range(header, 10) == span


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"],
)
def test_a_range_that_s3_cannot_read_is_the_whole_object(header: str | None) -> None:
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=10-11", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_a_range_past_the_end_is_refused(header: str, size: int) -> None:
    with pytest.raises(AwsError) as raised:
        parse_range(header, size)
    assert (raised.value.code, raised.value.status) == ("InvalidRange", 416)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 40))
def test_a_span_is_what_slicing_gives(first: int, last: int, size: int) -> None:
    data = bytes(range(size))
    if first >= size or last < first:
        return
    span = parse_range(f"bytes={first}-{last}", size)
    assert span is not None
    assert data[span.start : span.start + span.length] == data[first : last + 1]
    assert span.content_range(size) == f"bytes {first}-{min(last, size - 1)}/{size}"


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-3", "bytes=0-10", "bytes=3-2", "0-3"])
def test_a_copy_range_must_be_exact(header: str) -> None:
    with pytest.raises(AwsError, match="InvalidArgument"):
        parse_copy_range(header, 10)


@given(st.lists(st.binary(max_size=6), max_size=5), st.data())
def test_extents_are_cut_as_the_bytes_they_stand_for(
    blobs: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(blobs)
    start = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, len(whole) - start))
    extents = [BlobExtent(str(number), 0, len(blob)) for number, blob in enumerate(blobs)]
    pieces = slice_extents(extents, ByteRange(start, length))
    read = b"".join(blobs[int(e.blob)][e.start : e.start + e.length] for e in pieces)
    assert read == whole[start : start + length]
