"""One container: a process that serves a model on a port of this machine.

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
from localcloud.sagemaker.logs import Lines

HOST = "127.0.0.1"
_SCRIPT = Path(__file__).with_name("worker_main.py")
_PING_EVERY_S = 0.05
_PING_S = 2.0
_ENDING_S = 1.0
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PIECE = 65_536


class Gone(Exception):  # noqa: N818 - named for what it tells
    """The process ended, or cut its answer short."""


class Refused(Gone):
    """The process took no connection, so that nothing of the request reached it."""


class TimedOut(Exception):  # noqa: N818
    """The container gave no answer in time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a container. `headers` are those that SageMaker hands on."""

    body: bytes
    headers: Mapping[str, str]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What a container answered: its status, headers in lower case, and the pieces of its body."""

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]

    @property
    def content_type(self) -> str:
        """Return the media type."""
        return self.headers.get("content-type", "")

    def body(self) -> bytes:
        """Return the whole body. Raises Gone or TimedOut."""
        return b"".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Setting:
    """What every container has: who starts it, by which interpreter, and where `serving` lies."""

    spawner: ProcessSpawner
    interpreter: Path
    program: Path


class Container:
    """A process that was started. It is asked once `wait_ready` has returned."""

    def __init__(
        self, setting: Setting, model_dir: Path, environment: Mapping[str, str], lines: Lines
    ) -> None:
        """Start it. Raises OSError."""
        self.port = _free_port()
        self.lines = lines
        self._ended = threading.Event()
        self.returncode: int | None = None
        command = ProcessCommand(
            setting.interpreter,
            self._environment(setting, model_dir, environment),
            model_dir,
            _SCRIPT,
        )
        self._process = SupervisedProcess(setting.spawner.spawn(command), lines.feed, self._end)

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Tell whether the process runs."""
        return not self._ended.is_set() and self._process.alive

    def wait_ready(self, seconds: float) -> None:
        """Return once /ping is answered with 200.

        Raises Gone where the process ends before, TimedOut after `seconds`.
        """
        until = time.monotonic() + seconds
        while not self._pings():
            if not self.alive:
                raise Gone(f"The container ended while it started, with exit code {self._code()}.")
            if time.monotonic() > until:
                raise TimedOut(f"The container did not pass the ping health check in {seconds} s.")
            self._ended.wait(_PING_EVERY_S)

    def ask(self, asked: Asked) -> Answered:
        """Post to /invocations and return the answer as it begins.

        Raises Refused, Gone or TimedOut; where the process is ending, once it has ended.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=asked.timeout_s)
        try:
            connection.request("POST", "/invocations", asked.body, dict(asked.headers))
            response = connection.getresponse()
        except TimeoutError as error:
            connection.close()
            raise TimedOut(f"No answer came in {asked.timeout_s:g} s.") from error
        except ConnectionRefusedError as error:
            self._ended.wait(_ENDING_S)
            raise Refused("The container has ended.") from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._ended.wait(_ENDING_S)
            raise Gone("The container ended before it answered.") from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        pieces = _pieces(connection, response)
        next(pieces)
        return Answered(response.status, headers, pieces)

    def stop(self, grace_s: float = 2.0) -> None:
        """End the process: asked to first, and killed after `grace_s`."""
        self._process.terminate()
        if not self._ended.wait(grace_s):
            self._process.kill()

    def _end(self, returncode: int) -> None:
        self.returncode = returncode
        self._ended.set()

    def _code(self) -> int | None:
        self._ended.wait(_ENDING_S)
        return self.returncode

    def _pings(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_PING_S)
        with closing(connection):
            try:
                connection.request("GET", "/ping")
                return connection.getresponse().status == http.client.OK
            except (OSError, http.client.HTTPException):
                return False

    def _environment(
        self, setting: Setting, model_dir: Path, environment: Mapping[str, str]
    ) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "HOME": str(model_dir),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **dict.fromkeys(_ONE_THREAD, "1"),
            **environment,
            "PYTHONPATH": str(setting.program),
            "SM_MODEL_DIR": str(model_dir),
            "SAGEMAKER_BIND_TO_HOST": HOST,
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
        }


def _free_port() -> int:
    """Return a port that nobody has at the moment."""
    with closing(socket.socket()) as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


def _pieces(
    connection: http.client.HTTPConnection, response: http.client.HTTPResponse
) -> Iterator[bytes]:
    """Yield nothing first, from where on the connection is closed also where nobody reads, then
    the body as it comes.
    """
    with closing(connection):
        yield b""
        while True:
            try:
                piece = response.read1(_PIECE)
            except TimeoutError as error:
                raise TimedOut("The answer stopped coming.") from error
            except (OSError, http.client.HTTPException) as error:
                raise Gone("The container ended before its answer did.") from error
            if not piece:
                break
            yield piece
        if response.length:
            raise Gone("The container ended before its answer did.")
