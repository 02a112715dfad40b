"""Request bodies as streams: of a known length, or in `aws-chunked` coding.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from localcloud.errors import AwsError
from localcloud.s3.errors import incomplete_body

_LINE_LIMIT = 16 * 1024
_READ = 64 * 1024


class ByteStream(Protocol):
    """A source of bytes; an empty result is the end."""

    def read(self, size: int, /) -> bytes: ...


class RequestBody:
    """The framed bytes of a request: `length` of them, or all if `length` is None.

    Reads raise IncompleteBody if there are fewer bytes or the transfer coding breaks off.
    """

    def __init__(self, raw: ByteStream, length: int | None) -> None:
        self._raw = raw
        self._left = length
        self._ended = length == 0

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; empty at the end."""
        if self._ended:
            return b""
        try:
            data = self._raw.read(size if self._left is None else min(size, self._left))
        except (OSError, ValueError) as error:
            self._ended = True
            raise incomplete_body() from error
        if self._left is not None:
            self._left -= len(data)
        self._ended = not data or self._left == 0
        if not data and self._left:
            raise incomplete_body()
        return data

    def drain(self) -> None:
        """Read and discard the rest, so that the connection can be reused."""
        with suppress(AwsError):
            while self.read(_READ):
                continue


class AwsChunkedBody:
    """The bytes within `aws-chunked` coding; `trailers` is filled at their end.

    Chunk signatures are skipped and not verified.
    """

    def __init__(self, raw: ByteStream, decoded_length: int | None) -> None:
        self._raw = raw
        self._buffer = bytearray()
        self._chunk_left = 0
        self._finished = False
        self._expected = decoded_length
        self._seen = 0
        self.trailers: dict[str, str] = {}

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; empty at the end."""
        if self._finished:
            return b""
        if not self._chunk_left and not self._begin_chunk():
            return b""
        data = self._read_buffered(min(size, self._chunk_left))
        self._chunk_left -= len(data)
        self._seen += len(data)
        if not self._chunk_left:
            self._expect_line_end()
        return data

    def _begin_chunk(self) -> bool:
        header = self._line()
        length = header.partition(b";")[0].strip()
        try:
            self._chunk_left = int(length, 16)
        except ValueError:
            raise incomplete_body() from None
        if self._chunk_left < 0:
            raise incomplete_body()
        if self._chunk_left == 0:
            self._finish()
        return not self._finished

    def _finish(self) -> None:
        self._finished = True
        while line := self._line(at_end=True):
            name, colon, value = line.partition(b":")
            if not colon:
                raise AwsError("MalformedTrailerError", "The request contained trailing data.")
            self.trailers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
        if self._expected is not None and self._seen != self._expected:
            raise incomplete_body()

    def _read_buffered(self, size: int) -> bytes:
        if not self._buffer and not self._fill():
            raise incomplete_body()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _line(self, *, at_end: bool = False) -> bytes:
        """Return the next line; with `at_end`, a missing last line counts as empty."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _LINE_LIMIT:
                raise incomplete_body()
            if not self._fill():
                if at_end and not self._buffer:
                    return b""
                raise incomplete_body()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.rstrip(b"\r")

    def _expect_line_end(self) -> None:
        if self._line():
            raise incomplete_body()

    def _fill(self) -> bool:
        data = self._raw.read(_READ)
        self._buffer += data
        return bool(data)


def read_all(source: ByteStream, limit: int) -> bytes:
    """Return a whole body; raise EntityTooLarge if it has more than `limit` bytes."""
    body = bytearray()
    while chunk := source.read(_READ):
        body += chunk
        if len(body) > limit:
            raise AwsError(
                "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size."
            )
    return bytes(body)
