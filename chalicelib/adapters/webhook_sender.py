"""Requests to webhooks' receivers: bounded in time and size, never redirected, and only to
public addresses unless the stage says otherwise.
"""

from __future__ import annotations

import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from chalicelib.errors import InvalidInput
from chalicelib.webhooks.requests import WebhookTarget, is_public, parse_target
from chalicelib.webhooks.subscriptions import ReceiverResponse

CONNECT_SECONDS = 3.0
ATTEMPT_SECONDS = 10.0
"""The time limit of a whole attempt: the name's look-up, TLS, the request and its response."""
MAX_ANSWER_BYTES = 1_024

Resolve = Callable[[str, int], Sequence[str]]
SecondsLeft = Callable[[], float]
"""Return how many seconds an attempt still has; raise `TimeoutError` if none."""


def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of `host`; raise `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class WebhookSender:
    """Sends requests. It connects to the very address that it checked, so that a name cannot
    lead to a public address when asked and to a private one when called.
    """

    def __init__(
        self,
        *,
        private_allowed: bool,
        resolve: Resolve = resolve,
        monotonic: Callable[[], float] = time.monotonic,
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> None:
        self._private_allowed = private_allowed
        self._resolve = resolve
        self._monotonic = monotonic
        self._attempt_seconds = attempt_seconds

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> ReceiverResponse:
        """Return the status that the receiver answered with, or why none came."""
        left = self._deadline()
        try:
            target = parse_target(url, private_allowed=self._private_allowed)
            address = self._address(target, left)
            connection = _Connection(target, address, left)
            try:
                connection.request("POST", target.resource, body, _with_host(headers, target))
                answer = connection.getresponse()
                text = answer.read(MAX_ANSWER_BYTES)
            finally:
                connection.close()
        except InvalidInput as error:
            return ReceiverResponse(None, error.message)
        except TimeoutError:
            return ReceiverResponse(
                None, f"TimeoutError: no response within {self._attempt_seconds:g} seconds."
            )
        except (HTTPException, OSError, UnicodeError, ValueError) as error:
            return ReceiverResponse(None, f"{type(error).__name__}: {error}"[:500])
        if 200 <= answer.status < 300:
            return ReceiverResponse(answer.status)
        return ReceiverResponse(answer.status, text.decode(errors="replace")[:500])

    def _deadline(self) -> SecondsLeft:
        end = self._monotonic() + self._attempt_seconds

        def left() -> float:
            seconds = end - self._monotonic()
            if seconds <= 0:
                raise TimeoutError
            return seconds

        return left

    def _address(self, target: WebhookTarget, left: SecondsLeft) -> str:
        addresses = _within(left, lambda: self._resolve(target.host, target.port))
        if not self._private_allowed:
            hidden = [address for address in addresses if not is_public(address)]
            if hidden:
                raise InvalidInput(f"{target.host} leads to a private address.", field="url")
        if not addresses:
            raise InvalidInput(f"{target.host} has no address.", field="url")
        return addresses[0]


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

    threading.Thread(target=run, name="webhook-resolver", daemon=True).start()
    try:
        found = results.get(timeout=left())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


class _Connection(HTTPConnection):
    """A connection to a checked address, whose every wait ends with the attempt."""

    def __init__(self, target: WebhookTarget, address: str, left: SecondsLeft) -> None:
        super().__init__(target.host, target.port)
        self._target = target
        self._address = address
        self._left = left
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


def _with_host(headers: Mapping[str, str], target: WebhookTarget) -> dict[str, str]:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"https": 443, "http": 80}[target.scheme]
    return {**headers, "Host": host if target.port == usual else f"{host}:{target.port}"}
