"""The HTTP server of an endpoint's container.

Environment: `SM_MODEL_DIR` is where the package lies unpacked (/opt/ml/model),
`SAGEMAKER_BIND_TO_PORT` the port (8080), `SAGEMAKER_BIND_TO_HOST` the address (all),
`SAGEMAKER_PROGRAM` the handler in the package's `code` (inference.py), and
`SAGEMAKER_MODEL_SERVER_WORKERS` how many requests the model works on at once (1).

The model is loaded before the port is opened, so that /ping answers as soon as it can be asked.
SIGTERM ends the server when the requests in hand are answered.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .handler import JSON, PROGRAM, Handler, HandlerResponse, UnsupportedType, UnusablePackage, load

MODEL_DIR = "/opt/ml/model"
PORT = 8080
MAX_BODY = 1024**3
"""The largest request, in bytes: that of asynchronous endpoints."""

_ACCEPT = ("X-Amzn-SageMaker-Accept", "Accept")
_log = logging.getLogger("serving")


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the server from environment variables."""

    model_dir: Path
    program: str
    host: str
    port: int
    workers: int

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Options:
        """Read `environ`. Raises ValueError naming a variable that is no whole number above 0."""
        return cls(
            Path(environ.get("SM_MODEL_DIR") or MODEL_DIR),
            environ.get("SAGEMAKER_PROGRAM") or PROGRAM,
            environ.get("SAGEMAKER_BIND_TO_HOST", ""),
            _whole(environ, "SAGEMAKER_BIND_TO_PORT", PORT),
            _whole(environ, "SAGEMAKER_MODEL_SERVER_WORKERS", 1),
        )


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isdecimal() or int(value) < 1:
        raise ValueError(f"{name} is {value!r}; it must be a whole number above 0.")
    return int(value)


class Server(ThreadingHTTPServer):
    """A server that answers by one handler, `workers` requests at a time."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: Handler, workers: int) -> None:
        """Bind `address`; nothing is answered before `serve_forever`."""
        super().__init__(address, _Requests)
        self.handler = handler
        self.turns = threading.Semaphore(workers)


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 75

    def do_GET(self) -> None:
        """Answer /ping: the model is loaded."""
        if self.path != "/ping":
            self._fail(404, f"There is no {self.path}; there are /ping and /invocations.")
            return
        self._send(200, b"", JSON)

    def do_POST(self) -> None:
        """Answer /invocations with the model's prediction."""
        if self.path != "/invocations":
            self._fail(404, f"There is no {self.path}; there are /ping and /invocations.")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._fail(411, "The request has no Content-Length.")
            return
        if int(length) > MAX_BODY:
            self._fail(413, f"The request has {length} bytes; {MAX_BODY} are taken.")
            return
        self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes) -> None:
        accept = next((self.headers[name] for name in _ACCEPT if self.headers.get(name)), "")
        with self.server.turns:
            try:
                kind = self.headers.get("Content-Type") or ""
                written = self.server.handler.answer(body, kind, accept)
            except UnsupportedType as error:
                self._fail(error.status, str(error))
            except ValueError as error:
                self._fail(400, str(error))
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is an answer
                _log.exception("the handler failed")
                self._fail(500, f"{type(error).__name__}: {error}")
            else:
                self._write(written)

    def _write(self, written: HandlerResponse) -> None:
        if isinstance(written.body, bytes):
            self._send(200, written.body, written.content_type)
            return
        self.send_response(200)
        self.send_header("Content-Type", written.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._stream(written.body)

    def _stream(self, pieces: Iterator[bytes]) -> None:
        """Write pieces as chunks as they come.

        A failure cuts the answer short, which the client sees by the missing last chunk.
        """
        try:
            for piece in filter(None, pieces):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
        except Exception:  # noqa: BLE001 - whatever a handler raises ends its answer
            _log.exception("a streamed answer broke off")
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _fail(self, status: int, message: str) -> None:
        self.close_connection = status in (404, 411, 413)
        self._send(status, json.dumps({"error": message}).encode(), JSON)

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log requests but pings, which come every few seconds."""
        if self.path != "/ping":
            _log.info(format, *args)


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Serve until SIGTERM. Exit code 1 where the package cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    if list(arguments) not in ([], ["serve"]):
        _log.error("The one argument is serve, not %s.", " ".join(arguments))
        return 2
    try:
        options = Options.of(os.environ)
        handler = load(options.model_dir, options.program)
    except (UnusablePackage, ValueError) as error:
        _log.error("%s", error)
        return 1
    server = Server((options.host, options.port), handler, options.workers)
    # shutdown() waits for serve_forever(), which the signal has interrupted.
    signal.signal(
        signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start()
    )
    _log.info("The model of %s is loaded; port %d.", options.model_dir, server.server_port)
    with server:
        server.serve_forever(poll_interval=0.1)
    return 0
