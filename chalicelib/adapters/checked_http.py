"""HTTP connections to checked addresses, bounded in time and never redirected.

A connection goes to the very address that was checked, so that a name cannot lead to a public
address when it is looked up and to a private one when it is called.
"""

from __future__ import annotations

import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from chalicelib.contracts.addresses import HttpTarget, is_public
from chalicelib.errors import InvalidInput

CONNECT_SECONDS = 3.0

Resolve = Callable[[str, int], Sequence[str]]
SecondsLeft = Callable[[], float]
"""Returns how many seconds a request still has; raises `TimeoutError` if none."""


def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of `host`; raise `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def seconds_until(end: float, monotonic: Callable[[], float] = time.monotonic) -> SecondsLeft:
    """Return what tells the seconds left until `end`, by `monotonic`."""

    def left() -> float:
        seconds = end - monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    return left


@dataclass(frozen=True, slots=True)
class CheckedHttp:
    """Opens connections to public addresses, or to any with `private_allowed`."""

    private_allowed: bool
    resolve: Resolve = resolve

    @contextmanager
    def connect(self, target: HttpTarget, left: SecondsLeft) -> Iterator[HTTPConnection]:
        """Yield an open connection to `target`, and close it and its response afterwards.

        Every wait ends when no seconds are `left`, also that for a slow byte of the response.

        Raises:
            InvalidInput: the host leads to a private address that may not be called, or nowhere.
            TimeoutError: no time is left.
            OSError, UnicodeError, ValueError: the address could not be found or connected to.
        """
        connection = _connect_first(target, self._addresses(target, left), left)
        try:
            yield connection
        finally:
            connection.close()

    def _addresses(self, target: HttpTarget, left: SecondsLeft) -> Sequence[str]:
        addresses = _within(left, lambda: self.resolve(target.host, target.port))
        if not self.private_allowed:
            hidden = [address for address in addresses if not is_public(address)]
            if hidden:
                raise InvalidInput(f"{target.host} leads to a private address.", field="url")
        if not addresses:
            raise InvalidInput(f"{target.host} has no address.", field="url")
        return addresses


def _connect_first(
    target: HttpTarget, addresses: Sequence[str], left: SecondsLeft
) -> HTTPConnection:
    """Return a connection to the first address that takes one; `localhost` often has two."""
    *others, last = addresses
    for address in others:
        connection = _Connection(target, address, left)
        try:
            connection.connect()
        except ConnectionError:
            connection.close()
        else:
            return connection
    connection = _Connection(target, last, left)
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection


def with_host(headers: Mapping[str, str], target: HttpTarget) -> dict[str, str]:
    """Return `headers` with the header `Host` of `target`."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"https": 443, "http": 80}[target.scheme]
    return {**headers, "Host": host if target.port == usual else f"{host}:{target.port}"}


def _within(left: SecondsLeft, look_up: Callable[[], Sequence[str]]) -> Sequence[str]:
    """Return what `look_up` returns; raise `TimeoutError` if it takes too long.

    A name server that never answers cannot be interrupted. The thread ends when the system's
    resolver gives up.
    """
    results: queue.SimpleQueue[Sequence[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put(look_up())
        except (OSError, UnicodeError) as error:
            results.put(error)

    threading.Thread(target=run, name="address-resolver", daemon=True).start()
    try:
        found = results.get(timeout=left())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


class _Connection(HTTPConnection):
    """A connection to a checked address, whose every wait ends when no seconds are left."""

    def __init__(self, target: HttpTarget, address: str, left: SecondsLeft) -> None:
        super().__init__(target.host, target.port)
        self._target = target
        self._address = address
        self._left = left
        self._last: HTTPResponse | None = None
        self.response_class = self._response  # type: ignore[assignment]

    def connect(self) -> None:
        """Connect to the address, with TLS for https."""
        timeout = min(CONNECT_SECONDS, self._left())
        self.sock = socket.create_connection((self._address, self._target.port), timeout)
        if self._target.scheme == "https":
            self.sock.settimeout(self._left())
            self.sock = ssl.create_default_context().wrap_socket(
                self.sock, server_hostname=self._target.host
            )

    def send(self, data: Any) -> None:
        """Send bytes before the deadline."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self._left())
        self.sock.sendall(data)

    def getresponse(self) -> HTTPResponse:
        """Return the response, which `close` closes as well: it may own the socket."""
        self._last = super().getresponse()
        return self._last

    def close(self) -> None:
        """Close the connection and its last response."""
        super().close()
        if self._last is not None:
            self._last.close()

    def _response(self, sock: socket.socket, **options: Any) -> HTTPResponse:
        return HTTPResponse(_DeadlineSocket(sock, self._left), **options)  # type: ignore[arg-type]


class _DeadlineSocket:
    """A socket as `HTTPResponse` uses it: a file to read from, until a deadline."""

    def __init__(self, sock: socket.socket, left: SecondsLeft) -> None:
        self._sock = sock
        self._left = left

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return the file."""
        return io.BufferedReader(_DeadlineReader(self._sock, self._left))


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket. A timeout of the socket would begin anew with each byte."""

    def __init__(self, sock: socket.socket, left: SecondsLeft) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._left = left

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read some bytes before the deadline."""
        self._sock.settimeout(self._left())
        return self._file.readinto(buffer)

    def close(self) -> None:
        """Close the socket, which the connection leaves to the reader of its last response."""
        self._file.close()
        super().close()
