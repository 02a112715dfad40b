"""aws-chunked bodies.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.errors import AwsError
from localcloud.s3.request_body.streams import AwsChunkedBody, ByteStream, RequestBody, read_all


class Dribble:
    """A socket that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = io.BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._step))


def encode(chunks: list[bytes], extension: bytes, trailers: dict[str, str]) -> bytes:
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    lines = "".join(f"{name}:{value}\r\n" for name, value in trailers.items())
    return body + b"0" + extension + b"\r\n" + lines.encode() + b"\r\n"


def drain(source: ByteStream, size: int = 7) -> bytes:
    data = b""
    while chunk := source.read(size):
        assert len(chunk) <= size
        data += chunk
    return data


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.sampled_from([b"", b";chunk-signature=abc"]),
    st.dictionaries(st.sampled_from(["x-amz-checksum-crc32", "x-b"]), st.sampled_from(["a=", "b"])),
    st.integers(1, 20),
)
def test_a_body_is_what_its_chunks_hold(
    chunks: list[bytes], extension: bytes, trailers: dict[str, str], step: int
) -> None:
    whole = b"".join(chunks)
    source = AwsChunkedBody(Dribble(encode(chunks, extension, trailers), step), len(whole))
    assert drain(source) == whole
    assert source.trailers == trailers
    assert source.read(1) == b""


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=4), st.data())
def test_a_body_that_breaks_off_is_incomplete(chunks: list[bytes], data: st.DataObject) -> None:
    body = encode(chunks, b"", {})
    cut = data.draw(st.integers(0, len(body) - 5))
    source = AwsChunkedBody(io.BytesIO(body[:cut]), sum(map(len, chunks)))
    with pytest.raises(AwsError, match="IncompleteBody"):
        drain(source)


@pytest.mark.parametrize("body", [b"x\r\n", b"-1\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"9" * 40_000])
def test_a_malformed_chunk_is_refused(body: bytes) -> None:
    with pytest.raises(AwsError, match="IncompleteBody"):
        drain(AwsChunkedBody(io.BytesIO(body), None))


def test_a_trailer_without_a_value_is_refused() -> None:
    with pytest.raises(AwsError, match="MalformedTrailerError"):
        drain(AwsChunkedBody(io.BytesIO(b"0\r\nnonsense\r\n\r\n"), 0))


def test_more_or_fewer_bytes_than_declared_are_refused() -> None:
    for declared in (2, 4):
        with pytest.raises(AwsError, match="IncompleteBody"):
            drain(AwsChunkedBody(io.BytesIO(encode([b"abc"], b"", {})), declared))


def test_a_body_of_known_length_ends_there_and_not_before() -> None:
    assert drain(RequestBody(io.BytesIO(b"abcdef"), 3)) == b"abc"
    with pytest.raises(AwsError, match="IncompleteBody"):
        drain(RequestBody(io.BytesIO(b"ab"), 3))


def test_a_body_that_the_server_ends_is_read_to_its_end() -> None:
    assert drain(RequestBody(io.BytesIO(b"abcdef"), None)) == b"abcdef"


def test_what_is_left_of_a_body_is_drained() -> None:
    socket = io.BytesIO(b"abcdef" + b"next request")
    source = RequestBody(socket, 6)
    source.read(2)
    source.drain()
    assert socket.read() == b"next request"
    RequestBody(io.BytesIO(b"short"), 6).drain()


def test_a_document_larger_than_its_limit_is_refused() -> None:
    assert read_all(io.BytesIO(b"abc"), 3) == b"abc"
    with pytest.raises(AwsError, match="EntityTooLarge"):
        read_all(io.BytesIO(b"abcd"), 3)
