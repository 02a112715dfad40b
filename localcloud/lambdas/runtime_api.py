"""The Lambda Runtime API of one execution environment, which AWS's runtime client calls.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase

from localcloud.lambdas.chunked_body import (
    MAX_STREAMED_RESPONSE,
    IncompleteResponseError,
    error_in_trailers,
    read_chunks,
)

MAX_RESPONSE = 6 * 1024 * 1024 + 100
"""AWS accepts responses of 6 MB and 100 bytes, by its own error message."""

_MAX_HEADERS = 100
_MAX_HEADER = 64 * 1024
_BASE = "/2018-06-01/runtime"
_RESULT = re.compile(rf"{_BASE}/invocation/([^/]+)/(response|error)")


@dataclass(frozen=True, slots=True)
class RuntimeInvocation:
    """One event for an execution environment. `deadline_ms` is in epoch milliseconds.

    `sink` receives the chunks of a streamed response; without it they are joined. `taken` is
    set once the environment has the event.
    """

    request_id: str
    function_arn: str
    payload: bytes
    deadline_ms: int
    trace_id: str
    client_context: str | None = None
    sink: Callable[[bytes], None] | None = None
    taken: threading.Event = field(default_factory=threading.Event)

    def headers(self) -> dict[str, str]:
        """Return the headers of the response to `/next`."""
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(self.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self.function_arn,
            "Lambda-Runtime-Trace-Id": self.trace_id,
        }
        if self.client_context is not None:
            headers["Lambda-Runtime-Client-Context"] = self.client_context
        return headers


@dataclass(frozen=True, slots=True)
class HandlerLoaded:
    """Signals that the handler is loaded, as the first `/next` came."""


@dataclass(frozen=True, slots=True)
class InitFailed:
    """Signals that the handler was not loaded; `payload` is the runtime's error document."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class InvocationResponse:
    """Signals that an invocation ended. `size` is that of a payload too large to keep."""

    payload: bytes
    is_error: bool = False
    size: int | None = None


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """Signals that the process exited, with Python's return code (negative for a signal)."""

    returncode: int


RuntimeSignal = HandlerLoaded | InitFailed | InvocationResponse | ProcessExited


class RuntimeApi:
    """The server of one execution environment. It puts what happens into `signals`, in order."""

    def __init__(self) -> None:
        """Bind a free port on 127.0.0.1 and answer in threads of this process."""
        self.signals: queue.SimpleQueue[RuntimeSignal] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[RuntimeInvocation | None] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._current: RuntimeInvocation | None = None
        self._server = _Server(self)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, name=f"lambda-api-{self.address}", daemon=True
        ).start()

    def post(self, invocation: RuntimeInvocation) -> None:
        """Queue `invocation` for the next `/next`."""
        self._inbox.put(invocation)

    def close(self) -> None:
        """Stop answering and free the port; waits up to half a second."""
        self._inbox.put(None)
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> RuntimeInvocation | None:
        """Block until there is an invocation; None means that the environment shall exit."""
        if not self._ready.is_set():
            self._ready.set()
            self.signals.put(HandlerLoaded())
        invocation = self._inbox.get()
        if invocation is not None:
            self._current = invocation
            invocation.taken.set()
        return invocation

    def sink(self, request_id: str) -> Callable[[bytes], None] | None:
        """Return the sink of the current invocation, None if its chunks are joined."""
        current = self._current
        return current.sink if current and current.request_id == request_id else None

    def finish(self, request_id: str, response: InvocationResponse) -> bool:
        """Signal the response of the current invocation; False if it is not that one's."""
        current = self._current
        if current is None or current.request_id != request_id:
            return False
        self._current = None
        self.signals.put(response)
        return True

    def fail_init(self, payload: bytes) -> None:
        """Signal that the handler was not loaded, with the runtime's error document."""
        self.signals.put(InitFailed(payload))


class _ResponseBuffer:
    """Passes chunks to a sink, or joins them, up to the limit of AWS."""

    def __init__(self, sink: Callable[[bytes], None] | None) -> None:
        self.size = 0
        self.limit = MAX_RESPONSE if sink is None else MAX_STREAMED_RESPONSE
        self._sink = sink
        self._parts: list[bytes] = []

    @property
    def body(self) -> bytes:
        """The joined chunks."""
        return b"".join(self._parts)

    def add(self, chunk: bytes) -> None:
        """Add the next chunk; what exceeds the limit is counted and dropped."""
        self.size += len(chunk)
        if self.size > self.limit:
            return
        if self._sink is None:
            self._parts.append(chunk)
        else:
            self._sink(chunk)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing of a connection that ended with its environment."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _RuntimeHeaders(dict[str, str]):
    """The headers of a request, by their names in lower case."""

    def read(self, file: BufferedIOBase) -> bool:
        """Add the headers that follow in `file`; return False if they break off, or are none."""
        for _ in range(_MAX_HEADERS):
            line = file.readline(_MAX_HEADER)
            if line in (b"\r\n", b"\n"):
                return True
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or not line.endswith(b"\n"):
                return False
            self[name.lower()] = value.strip()
        return False


class _Handler(BaseHTTPRequestHandler):
    headers: _RuntimeHeaders  # type: ignore[assignment]
    raw_requestline: bytes
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def parse_request(self) -> bool:
        """Read the head of a request; return False if the connection is to be closed.

        The base class parses headers as those of a mail, which took longer than all the rest.
        """
        self.command, self.path, self.request_version = "", "", "HTTP/1.1"
        self.requestline = str(self.raw_requestline, "latin-1").rstrip("\r\n")
        words = self.requestline.split(" ")
        self.headers = _RuntimeHeaders()
        self.close_connection = True
        if len(words) != 3 or words[2] != "HTTP/1.1" or not self.headers.read(self.rfile):
            return False
        self.command, self.path, _ = words
        self.close_connection = self.headers.get("connection", "").lower() == "close"
        if self.headers.get("expect", "").lower() == "100-continue":
            return self.handle_expect_100()
        return True

    def do_GET(self) -> None:
        if self.path != f"{_BASE}/invocation/next":
            self._reply(404, {"errorType": "NotFound", "errorMessage": self.path})
            return
        invocation = self.server.api.next()
        if invocation is None:
            self.close_connection = True
            return
        self._send(200, invocation.headers(), invocation.payload)

    def do_POST(self) -> None:
        if "content-length" not in self.headers:
            self._streamed()
            return
        size = int(self.headers["content-length"])
        body = self._body(size)
        if body is None:
            self.close_connection = True
            return
        if self.path == f"{_BASE}/init/error":
            self.server.api.fail_init(body)
            self._reply(202, {"status": "OK"})
            return
        self._result(size, body)

    def _result(self, size: int, body: bytes) -> None:
        match = _RESULT.fullmatch(self.path)
        if match is None:
            self._reply(404, {"errorType": "NotFound", "errorMessage": self.path})
            return
        too_large = size > MAX_RESPONSE
        response = InvocationResponse(body, match[2] == "error", size if too_large else None)
        if not self.server.api.finish(match[1], response):
            self._reply(400, {"errorType": "InvalidRequestID", "errorMessage": match[1]})
        elif too_large:
            self._reply(413, {"errorType": "RequestEntityTooLarge", "errorMessage": str(size)})
        else:
            self._reply(202, {"status": "OK"})

    def _streamed(self) -> None:
        """Read a chunked response; drop one that breaks off, as its environment is dead."""
        match = _RESULT.fullmatch(self.path)
        if match is None or self.headers.get("transfer-encoding", "").lower() != "chunked":
            self.close_connection = True
            self._reply(400, {"errorType": "InvalidResponse", "errorMessage": self.path})
            return
        buffer = _ResponseBuffer(self.server.api.sink(match[1]))
        try:
            trailers = read_chunks(self.rfile, buffer.add)
        except (IncompleteResponseError, OSError):
            self.close_connection = True
            return
        error = error_in_trailers(trailers)
        too_large = buffer.size > buffer.limit
        size = buffer.size if too_large else None
        response = InvocationResponse(error or buffer.body, error is not None, size)
        if self.server.api.finish(match[1], response):
            self._reply(202, {"status": "OK"})
        else:
            self._reply(400, {"errorType": "InvalidRequestID", "errorMessage": match[1]})

    def _body(self, size: int) -> bytes | None:
        """Read the whole body, but keep only what the limit allows.

        Return None if it breaks off: the environment died while it responded.
        """
        body = self.rfile.read(min(size, MAX_RESPONSE))
        left = size - len(body)
        while left > 0 and (chunk := self.rfile.read(min(left, 1 << 20))):
            left -= len(chunk)
        return None if left else body

    def _reply(self, status: int, document: Mapping[str, str]) -> None:
        self._send(status, {"Content-Type": "application/json"}, json.dumps(document).encode())

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Log nothing of the environment's requests."""
