"""Strict framing of requests for cheroot: headers that mean one thing, and bodies that are whole.

cheroot takes a length of `1_0`, `+5` or `-1`, a chunk of a negative length, and the last of two
lengths; two programs that read one request differently can be led past each other's checks.

https://www.rfc-editor.org/rfc/rfc9112#section-6
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Protocol

import h11
from cheroot.errors import MaxSizeExceeded
from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest

from localcloud.frontdoor.connection_files import connection_file

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_ONCE = frozenset(
    {b"Authorization", b"Content-Length", b"Content-Type", b"Host", b"Transfer-Encoding"}
)
_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
_READ = 64 * 1024
_MAX_DRAIN = 64 * 1024 * 1024
"""The most bytes of an unread body that are read to keep its connection open."""


class BodyError(ValueError):
    """Raised by a read of a body that is malformed, or that ends too early."""


class BufferedStream(Protocol):
    """The receiving side of a connection."""

    def read(self, size: int, /) -> bytes: ...

    def peek(self, size: int, /) -> bytes: ...


class _Headers(dict[bytes, bytes]):
    """Headers by name. A repeated one is joined by commas, or refused if it must be single."""

    def __setitem__(self, name: bytes, value: bytes) -> None:
        before = self.get(name)
        if before is not None and name in _ONCE:
            raise ValueError(f"The header {name.decode('latin-1')} was given more than once.")
        if before is not None and not value.startswith(before + b", "):
            value = before + b", " + value
        super().__setitem__(name, value)


class StrictHeaderReader(HeaderReader):
    """cheroot's reader of headers, with names and lengths as RFC 9110 has them."""

    def __call__(self, rfile: Any, hdict: Any = None) -> Any:
        """Read headers into `hdict`. Raises ValueError, which cheroot answers with 400."""
        headers = {} if hdict is None else hdict
        name = b""
        while (line := rfile.readline()) != b"\r\n":
            if not line:
                raise ValueError("Illegal end of headers.")
            if not line.endswith(b"\r\n"):
                raise ValueError("HTTP requires CRLF terminators")
            if line[:1] not in (b" ", b"\t"):
                name, colon, line = line.partition(b":")
                if not colon:
                    raise ValueError("Illegal header line.")
                name = _header_name(name)
            elif not name:
                raise ValueError("Illegal header line.")
            headers[name] = line.strip()
        length, coding = headers.get(b"Content-Length"), headers.get(b"Transfer-Encoding")
        if length is not None and not _LENGTH.fullmatch(length):
            raise ValueError("Malformed Content-Length Header.")
        if length is not None and coding is not None:
            raise ValueError("Content-Length and Transfer-Encoding exclude each other.")
        return headers


@lru_cache(maxsize=1024)
def _header_name(name: bytes) -> bytes:
    """Return the name as cheroot looks it up: clients send the same few again and again."""
    if not _TOKEN.fullmatch(name):
        raise ValueError("Illegal header name.")
    return name.title()


class _Head:
    """The head of a request, of `limit` bytes at most."""

    def __init__(self, raw: Any, limit: int) -> None:
        self._raw = raw
        self._left = limit

    def readline(self) -> bytes:
        """Return the next line. Raises MaxSizeExceeded, which cheroot answers with 413 or 414."""
        line: bytes = self._raw.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise MaxSizeExceeded
        return line


class SizedBody:
    """A body of a known length. A read that finds fewer bytes raises BodyError."""

    def __init__(self, raw: BufferedStream, length: int) -> None:
        self._raw = raw
        self._length = self._left = length

    @property
    def ended(self) -> bool:
        """Whether everything was read."""
        return self._left == 0

    def read(self, size: int | None = None, /) -> bytes:
        """Return `size` bytes, or the rest if there are fewer or no `size`."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        data = self._raw.read(wanted) if wanted else b""
        self._left -= len(data)
        if len(data) < wanted:
            read = self._length - self._left
            raise BodyError(f"The body broke off after {read} of {self._length} bytes.")
        return data


class ChunkedBody:
    """A body in chunks, parsed by h11."""

    def __init__(self, raw: BufferedStream) -> None:
        self._raw = raw
        self._parser = h11.Connection(h11.SERVER)
        self._parser.receive_data(_CHUNKED_HEAD)
        self._parser.next_event()
        self._decoded = bytearray()
        self.ended = False

    def read(self, size: int | None = None, /) -> bytes:
        """Return `size` bytes, or the rest if there are fewer or no `size`."""
        everything = size is None or size < 0
        while not self.ended and (everything or len(self._decoded) < (size or 0)):
            self._receive()
        wanted = len(self._decoded) if everything else size
        data = bytes(self._decoded[:wanted])
        del self._decoded[:wanted]
        return data

    def _receive(self) -> None:
        """Parse what the connection has, and leave on it what follows the body."""
        received = self._raw.peek(1)  # all that is buffered; a larger number waits for more
        if not received:
            raise BodyError("The body broke off within its chunks.")
        unread = 0
        try:
            self._parser.receive_data(received)
            while isinstance(event := self._parser.next_event(), h11.Data):
                self._decoded += event.data
        except h11.RemoteProtocolError as error:
            raise BodyError(f"The chunks of the body are malformed: {error}.") from error
        if isinstance(event, h11.EndOfMessage):
            self.ended = True
            unread = len(self._parser.trailing_data[0])
        self._raw.read(len(received) - unread)


class StrictRequest(HTTPRequest):
    """cheroot's request, with strict framing."""

    header_reader = StrictHeaderReader()

    def __init__(self, server: Any, conn: Any, *more: Any, **named: Any) -> None:
        """Begin to read a request from `conn`."""
        super().__init__(server, conn, *more, **named)
        self.inheaders = _Headers()
        self.rfile: Any

    def read_request_line(self) -> bool:
        """Read the first line; return False if the request was answered with an error."""
        self.rfile = _Head(self.conn.rfile, self.server.max_request_header_size)
        return bool(super().read_request_line())  # type: ignore[no-untyped-call]

    def read_request_headers(self) -> bool:
        """Read the headers; return False if the request was answered with an error."""
        if not super().read_request_headers():  # type: ignore[no-untyped-call]
            return False
        coding = self.inheaders.get(b"Transfer-Encoding")
        if coding is None or (coding.lower() == b"chunked" and self.chunked_read):
            return True
        self.simple_response("501 Not Implemented", "The one transfer coding taken is chunked.")
        return False

    def respond(self) -> None:
        """Have the gateway answer; a body that cannot be read is a bad request."""
        if self.chunked_read:
            self.rfile = ChunkedBody(self.conn.rfile)
        else:
            length = int(self.inheaders.get(b"Content-Length", 0))
            self.rfile = SizedBody(self.conn.rfile, length)
        try:
            self.server.gateway(self).respond()
        except BodyError as error:
            self.close_connection = True
            if not self.sent_headers:
                self.simple_response("400 Bad Request", str(error))
            return
        if self.ready:
            self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")
        if not self.rfile.ended:
            self.close_connection = True

    def send_headers(self) -> None:
        """Send the head of the response, once the body is read or the connection given up."""
        if not self.close_connection:
            self.close_connection = not _drain(self.rfile)
        super().send_headers()


class StrictConnection(HTTPConnection):
    """cheroot's connection of strict requests."""

    RequestHandlerClass = StrictRequest

    def __init__(self, server: Any, sock: Any, makefile: Any = None) -> None:
        """Serve `sock` through files of our own, whatever `makefile` cheroot hands over."""
        super().__init__(server, sock, connection_file)


def _drain(body: SizedBody | ChunkedBody) -> bool:
    """Read and drop the rest of a body; return False if it is malformed or too long for that."""
    left = _MAX_DRAIN
    try:
        while not body.ended and left > 0:
            left -= len(body.read(_READ))
    except (BodyError, OSError):
        return False
    return body.ended
