"""A container: a process that serves a model on a port of this machine.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from localcloud.lambdas.process import ProcessCommand, ProcessSpawner, SupervisedProcess
from localcloud.sagemaker.cloudwatch import ContainerLogStream

HOST = "127.0.0.1"
_SCRIPT = Path(__file__).with_name("container_main.py")
_PING_INTERVAL_S = 0.05
_PING_TIMEOUT_S = 2.0
_EXIT_WAIT_S = 1.0
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_CHUNK_BYTES = 65_536


class ContainerEnded(Exception):  # noqa: N818 - named for what it tells
    """Raised if the process ended, or broke off its response."""


class ConnectionRefused(ContainerEnded):
    """Raised if the process accepted no connection, so that the request did not reach it."""


class ContainerTimeout(Exception):  # noqa: N818
    """Raised if the container did not respond in time."""


@dataclass(frozen=True, slots=True)
class ContainerRequest:
    """A request to a container, with the headers that SageMaker forwards."""

    body: bytes
    headers: Mapping[str, str]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class ContainerResponse:
    """The response of a container: status, headers in lower case, and the chunks of its body."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]

    @property
    def content_type(self) -> str:
        """The media type of the body."""
        return self.headers.get("content-type", "")

    def body(self) -> bytes:
        """Return the whole body. Raises ContainerEnded or ContainerTimeout."""
        return b"".join(self.chunks)


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """The settings of all containers: spawner, interpreter, and the folder of `serving`."""

    spawner: ProcessSpawner
    interpreter: Path
    python_path: Path


class ModelContainer:
    """A started process. It can be invoked once `wait_ready` has returned."""

    def __init__(
        self,
        settings: ContainerSettings,
        model_dir: Path,
        environment: Mapping[str, str],
        log: ContainerLogStream,
    ) -> None:
        """Start the process. Raises OSError."""
        self.port = _free_port()
        self.log = log
        self._ended = threading.Event()
        self.returncode: int | None = None
        command = ProcessCommand(
            settings.interpreter,
            self._environment(settings, model_dir, environment),
            model_dir,
            _SCRIPT,
        )
        self._process = SupervisedProcess(settings.spawner.spawn(command), log.feed, self._end)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return not self._ended.is_set() and self._process.alive

    def wait_ready(self, seconds: float) -> None:
        """Return once /ping responds with 200.

        Raises ContainerEnded if the process ends before, ContainerTimeout after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not self._pings():
            if not self.alive:
                raise ContainerEnded(
                    f"The container ended while it started, with exit code {self._code()}."
                )
            if time.monotonic() > deadline:
                raise ContainerTimeout(
                    f"The container did not pass the ping health check in {seconds} s."
                )
            self._ended.wait(_PING_INTERVAL_S)

    def invoke(self, request: ContainerRequest) -> ContainerResponse:
        """Post to /invocations and return the response as soon as it begins.

        Raises ConnectionRefused, ContainerEnded or ContainerTimeout. If the process is ending, the
        error comes once it has ended.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=request.timeout_s)
        try:
            connection.request("POST", "/invocations", request.body, dict(request.headers))
            response = connection.getresponse()
        except TimeoutError as error:
            connection.close()
            raise ContainerTimeout(f"There was no response in {request.timeout_s:g} s.") from error
        except ConnectionRefusedError as error:
            self._ended.wait(_EXIT_WAIT_S)
            raise ConnectionRefused("The container has ended.") from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._ended.wait(_EXIT_WAIT_S)
            raise ContainerEnded("The container ended before it responded.") from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        chunks = _body_chunks(connection, response)
        next(chunks)
        return ContainerResponse(response.status, headers, chunks)

    def stop(self, grace_s: float = 2.0) -> None:
        """Terminate the process, and kill it after `grace_s`."""
        self._process.terminate()
        if not self._ended.wait(grace_s):
            self._process.kill()

    def _end(self, returncode: int) -> None:
        self.returncode = returncode
        self._ended.set()

    def _code(self) -> int | None:
        self._ended.wait(_EXIT_WAIT_S)
        return self.returncode

    def _pings(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_PING_TIMEOUT_S)
        with closing(connection):
            try:
                connection.request("GET", "/ping")
                return connection.getresponse().status == http.client.OK
            except (OSError, http.client.HTTPException):
                return False

    def _environment(
        self, settings: ContainerSettings, model_dir: Path, environment: Mapping[str, str]
    ) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "HOME": str(model_dir),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **dict.fromkeys(_ONE_THREAD, "1"),
            **environment,
            "PYTHONPATH": str(settings.python_path),
            "SM_MODEL_DIR": str(model_dir),
            "SAGEMAKER_BIND_TO_HOST": HOST,
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
        }


def _free_port() -> int:
    """Return a port that is free at the moment."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _body_chunks(
    connection: http.client.HTTPConnection, response: http.client.HTTPResponse
) -> Iterator[bytes]:
    """Yield an empty chunk, then the body as it comes.

    Once the empty chunk is read, closing the iterator closes the connection, even if the body is
    never read.
    """
    with closing(connection):
        yield b""
        while True:
            try:
                chunk = response.read1(_CHUNK_BYTES)
            except TimeoutError as error:
                raise ContainerTimeout("The response broke off.") from error
            except (OSError, http.client.HTTPException) as error:
                raise ContainerEnded("The container ended before its response did.") from error
            if not chunk:
                break
            yield chunk
        if response.length:
            raise ContainerEnded("The container ended before its response did.")
