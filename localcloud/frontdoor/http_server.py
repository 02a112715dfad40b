"""The HTTP server under the front door: cheroot on the loopback address."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import socket
import threading
import time

from cheroot.workers import threadpool
from cheroot.workers.threadpool import ThreadPool, WorkerThread
from cheroot.wsgi import Gateway_10, Server

from localcloud.frontdoor.strict_http import StrictConnection
from localcloud.wsgi import CONNECTION, RAW_HEADERS, Environ, WsgiApp

HOST = "127.0.0.1"
_THREADS = 96
"""Many, as a request may wait for others that it caused (an invoke, a nested call)."""

_MAX_KEEP_ALIVE = 512
"""Every client of every warm function keeps a connection; beyond so many they are closed after
each response, and the next call has to connect anew. An idle one costs a file descriptor.
"""

_STOP_S = 5.0

_log = logging.getLogger(__name__)


class _Gateway(Gateway_10):
    """cheroot's WSGI gateway, which also passes on the header names as they came,
    and the connection.
    """

    def get_environ(self) -> Environ:  # type: ignore[override]
        environ: Environ = super().get_environ()  # type: ignore[no-untyped-call]
        environ[RAW_HEADERS] = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self.req.inheaders.items()
        ]
        environ[CONNECTION] = self.req.conn.socket
        return environ


class _Server(Server):
    """cheroot's server, which frames requests strictly and logs its errors to our log."""

    ConnectionClass = StrictConnection

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        _log.log(level, msg, exc_info=traceback)

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: tuple[str, int]) -> socket.socket:
        """Bind the socket, or close it; cheroot leaves it open if the port is taken."""
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_


class _Workers(ThreadPool):
    """cheroot's threads, which a stop waits for no longer than its timeout.

    cheroot first serves every connection that waits, and then waits for each request however
    long it takes. The threads end with the process instead.
    """

    def _spawn_worker(self) -> WorkerThread:
        worker = WorkerThread(self.server)  # type: ignore[no-untyped-call]
        worker.name = f"http-{worker.name}"
        worker.daemon = True
        worker.start()
        return worker

    def stop(self, timeout: float = 5) -> None:
        """Close the connections that wait, and give up the requests that do not end in time."""
        end = time.monotonic() + timeout
        with contextlib.suppress(queue.Empty):
            while True:
                self.get(block=False).close()
        workers: list[WorkerThread] = list(self._clear_threads())  # type: ignore[attr-defined]
        for _ in workers:
            self.put(threadpool._SHUTDOWNREQUEST)  # type: ignore[attr-defined]
        for worker in workers:
            worker.join(max(0.0, end - time.monotonic()))
        busy = [worker for worker in workers if worker.is_alive()]
        for worker in busy:
            self._force_close(worker.conn)  # type: ignore[attr-defined]
        if busy:
            _log.warning("%d requests had not ended when the server stopped", len(busy))


class PortUnavailableError(Exception):
    """Raised when a port is taken or may not be bound by this user."""


class HttpServer:
    """A threaded HTTP/1.1 server on 127.0.0.1."""

    def __init__(self, port: int = 0, stop_s: float = _STOP_S) -> None:
        """Bind `port` (0: any free one). Raises PortUnavailableError.

        Requests that run at a stop have `stop_s` seconds to end.
        """
        self._server = _Server(
            (HOST, port),
            _no_application,
            request_queue_size=512,
            timeout=75,
            shutdown_timeout=stop_s,  # type: ignore[arg-type]
        )
        self._server.requests = _Workers(self._server, min=_THREADS)
        self._server.gateway = _Gateway
        self._server.keep_alive_conn_limit = _MAX_KEEP_ALIVE
        self._server.max_request_header_size = 64 * 1024
        try:
            self._server.prepare()
        except OSError as error:
            raise PortUnavailableError(
                f"Port {port} of {HOST} cannot be used ({_reason(error)}); "
                "another program may have it. Choose another port; `--port 0` takes a free one."
            ) from error
        self._thread = threading.Thread(target=self._server.serve, name="http", daemon=True)

    @property
    def url(self) -> str:
        """The endpoint URL of clients."""
        return f"http://{HOST}:{self._server.bind_addr[1]}"

    @property
    def waiting(self) -> int:
        """The number of connections whose request waits for a thread."""
        return int(self._server.requests.qsize)

    def start(self, application: WsgiApp) -> None:
        """Serve `application` from now on."""
        self._server.wsgi_app = application
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting, wait a while for the requests that run, and free the port."""
        self._server.stop()
        if self._thread.ident is not None:
            self._thread.join(10)


def _reason(error: OSError) -> str:
    """Return the system's message; cheroot wraps it in an error without a number."""
    return os.strerror(error.errno) if error.errno else str(error.args[0])


def _no_application(environ: object, start_response: object) -> list[bytes]:
    raise RuntimeError("the HTTP server was started without an application")
