"""Worker processes: started by one thread that lives as long as the local cloud, and killed whole.

The kernel kills a process with PR_SET_PDEATHSIG when the *thread* that started it ends, so a
request's thread must not start one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

_MAIN = Path(__file__).with_name("worker_main.py")


@dataclass(frozen=True, slots=True)
class Command:
    """What to start: an interpreter, its environment, its working directory and its first script,
    which is given the id of this process.
    """

    interpreter: Path
    environment: Mapping[str, str]
    folder: Path
    script: Path = _MAIN


class Spawner:
    """The thread that starts every worker."""

    def __init__(self) -> None:
        """Begin at once; it ends with `stop`, and every worker with it."""
        self._jobs: queue.SimpleQueue[tuple[Command, Future[subprocess.Popen[bytes]]] | None]
        self._jobs = queue.SimpleQueue()
        threading.Thread(target=self._run, name="lambda-spawner", daemon=True).start()

    def spawn(self, command: Command) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own; raises OSError when it cannot be started."""
        started: Future[subprocess.Popen[bytes]] = Future()
        self._jobs.put((command, started))
        return started.result()

    def stop(self) -> None:
        """End the thread."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            command, started = job
            try:
                started.set_result(_start(command))
            except OSError as error:
                started.set_exception(error)


def _start(command: Command) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and script
        [str(command.interpreter), "-P", str(command.script), str(os.getpid())],
        cwd=command.folder,
        env=dict(command.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


class WorkerProcess:
    """One running process: its output goes to `output`, its end to `ended`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        output: Callable[[bytes], None],
        ended: Callable[[int], None],
    ) -> None:
        """Watch `process` from two threads."""
        assert process.stdout is not None
        self._process = process
        self._pipe = process.stdout
        self._output = output
        self._ended = ended
        self._reading = threading.Lock()
        self._drained = False
        os.set_blocking(self._pipe.fileno(), False)
        for target, what in ((self._read, "output"), (self._wait, "end")):
            threading.Thread(target=target, name=f"lambda-{what}-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id, which is also its process group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def terminate(self) -> None:
        """Ask the process to end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process and everything it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def drain(self) -> bool:
        """Pass on what was written so far; False at the end of the pipe."""
        with self._reading:
            while not self._drained:
                try:
                    chunk = os.read(self._pipe.fileno(), 65_536)
                except BlockingIOError:
                    return True
                if chunk:
                    self._output(chunk)
                else:
                    self._drained = True
            return False

    def _read(self) -> None:
        more = True
        while more:
            select.select([self._pipe], [], [])
            more = self.drain()
        with self._reading:
            self._pipe.close()

    def _wait(self) -> None:
        returncode = self._process.wait()
        self.kill()
        self.drain()
        self._ended(returncode)
