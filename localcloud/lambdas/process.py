"""Child processes: started by one thread, killed with everything that they started.

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

from localcloud.moved_clock import clock_variables

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


@dataclass(frozen=True, slots=True)
class ProcessCommand:
    """A Python process to start: its interpreter, environment variables, folder and script.

    The script gets the id of this process as its argument.
    """

    interpreter: Path
    environment: Mapping[str, str]
    folder: Path
    script: Path = _BOOTSTRAP


class ProcessSpawner:
    """The thread that starts every process."""

    def __init__(self) -> None:
        """Begin at once; when `stop` ends the thread, every process ends with it."""
        self._jobs: queue.SimpleQueue[tuple[ProcessCommand, Future[subprocess.Popen[bytes]]] | None]
        self._jobs = queue.SimpleQueue()
        threading.Thread(target=self._run, name="lambda-spawner", daemon=True).start()

    def spawn(self, command: ProcessCommand) -> subprocess.Popen[bytes]:
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
            except Exception as error:  # noqa: BLE001 - the thread starts the next one, too
                started.set_exception(error)


def _start(command: ProcessCommand) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and script
        [str(command.interpreter), "-P", str(command.script), str(os.getpid())],
        cwd=command.folder,
        env=clock_variables(command.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


class SupervisedProcess:
    """One running process, watched by two threads."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        on_output: Callable[[bytes], None],
        on_exit: Callable[[int], None],
    ) -> None:
        """Call `on_output` with output as it comes, and `on_exit` with the return code."""
        assert process.stdout is not None
        self._process = process
        self._pipe = process.stdout
        self._on_output = on_output
        self._on_exit = on_exit
        self._reading = threading.Lock()
        self._drained = False
        os.set_blocking(self._pipe.fileno(), False)
        for target, name in ((self._read, "output"), (self._wait, "end")):
            threading.Thread(target=target, name=f"lambda-{name}-{self.pid}", daemon=True).start()

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
        """Pass on the output written so far; return False at the end of the pipe."""
        with self._reading:
            while not self._drained:
                try:
                    chunk = os.read(self._pipe.fileno(), 65_536)
                except BlockingIOError:
                    return True
                if chunk:
                    self._on_output(chunk)
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
        self._on_exit(returncode)
