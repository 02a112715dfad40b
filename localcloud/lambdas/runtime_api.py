"""The Lambda Runtime API for one worker: the HTTP side of AWS's runtime interface client.

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

from localcloud.lambdas.chunks import MAX_STREAMED, BrokenStream, error_in, read_chunks

MAX_RESPONSE = 6 * 1024 * 1024 + 100
"""AWS takes 6 MB and 100 bytes of response, its own limit message says so."""

_BASE = "/2018-06-01/runtime"
_RESULT = re.compile(rf"{_BASE}/invocation/([^/]+)/(response|error)")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event on its way to a worker. `deadline_ms` is in epoch milliseconds.

    `sink` takes the chunks of a streamed response; without one they are put together.
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
        """Return the headers of the answer to `/next`."""
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
class Ready:
    """The handler is loaded: the first `/next` came."""


@dataclass(frozen=True, slots=True)
class InitFailed:
    """The handler could not be loaded; `payload` is the runtime's error document."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """An invocation ended. `size` is the whole size when `payload` was too large to keep."""

    payload: bytes
    is_error: bool = False
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Exited:
    """The process ended, with Python's return code (negative for a signal)."""

    returncode: int


Signal = Ready | InitFailed | Answered | Exited


class RuntimeApi:
    """The server of one worker. What happens comes out of `signals`, in order."""

    def __init__(self) -> None:
        """Bind a free port on 127.0.0.1 and answer in threads of this process."""
        self.signals: queue.SimpleQueue[Signal] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._current: Invocation | None = None
        self._server = _Server(self)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, name=f"lambda-api-{self.address}", daemon=True
        ).start()

    def post(self, invocation: Invocation) -> None:
        """Queue `invocation` for the next `/next`."""
        self._inbox.put(invocation)

    def close(self) -> None:
        """Stop answering and free the port; waits up to half a second."""
        self._inbox.put(None)
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> Invocation | None:
        """Block until there is something to do; None means that the worker shall end."""
        if not self._ready.is_set():
            self._ready.set()
            self.signals.put(Ready())
        invocation = self._inbox.get()
        if invocation is not None:
            self._current = invocation
            invocation.taken.set()
        return invocation

    def sink(self, request_id: str) -> Callable[[bytes], None] | None:
        """Return where the chunks of the current invocation go, None where nobody waits."""
        current = self._current
        return current.sink if current and current.request_id == request_id else None

    def finish(self, request_id: str, answer: Answered) -> bool:
        """Take the result of the current invocation; False when it is not that one's."""
        current = self._current
        if current is None or current.request_id != request_id:
            return False
        self._current = None
        self.signals.put(answer)
        return True

    def fail_init(self, payload: bytes) -> None:
        """Take the error document of a handler that could not be loaded."""
        self.signals.put(InitFailed(payload))


class _Kept:
    """Chunks handed on or put together, up to what AWS takes."""

    def __init__(self, sink: Callable[[bytes], None] | None) -> None:
        self.size = 0
        self.limit = MAX_RESPONSE if sink is None else MAX_STREAMED
        self._sink = sink
        self._parts: list[bytes] = []

    @property
    def body(self) -> bytes:
        """What was put together."""
        return b"".join(self._parts)

    def take(self, chunk: bytes) -> None:
        """Take the next chunk; what is over the limit is counted and dropped."""
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
        """Say nothing of a connection that ended with its worker."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

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
        if "Content-Length" not in self.headers:
            self._streamed()
            return
        size = int(self.headers["Content-Length"])
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
        answer = Answered(body, match[2] == "error", size if too_large else None)
        if not self.server.api.finish(match[1], answer):
            self._reply(400, {"errorType": "InvalidRequestID", "errorMessage": match[1]})
        elif too_large:
            self._reply(413, {"errorType": "RequestEntityTooLarge", "errorMessage": str(size)})
        else:
            self._reply(202, {"status": "OK"})

    def _streamed(self) -> None:
        """Take a response in chunks; one that breaks off is none, and its worker is dead."""
        match = _RESULT.fullmatch(self.path)
        if match is None or self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            self.close_connection = True
            self._reply(400, {"errorType": "InvalidResponse", "errorMessage": self.path})
            return
        kept = _Kept(self.server.api.sink(match[1]))
        try:
            trailers = read_chunks(self.rfile, kept.take)
        except (BrokenStream, OSError):
            self.close_connection = True
            return
        error = error_in(trailers)
        too_large = kept.size > kept.limit
        answer = Answered(error or kept.body, error is not None, kept.size if too_large else None)
        if self.server.api.finish(match[1], answer):
            self._reply(202, {"status": "OK"})
        else:
            self._reply(400, {"errorType": "InvalidRequestID", "errorMessage": match[1]})

    def _body(self, size: int) -> bytes | None:
        """Read the body whole, but keep only what the limit allows.

        None when it breaks off: the worker died while it answered, and half an answer is none.
        """
        kept = self.rfile.read(min(size, MAX_RESPONSE))
        left = size - len(kept)
        while left > 0 and (chunk := self.rfile.read(min(left, 1 << 20))):
            left -= len(chunk)
        return None if left else kept

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
        """Say nothing: a worker's requests are not news."""
