"""A job's program: started, watched, and ended with SIGTERM first where it is to end early.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopProcessingJob.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from localcloud.lambdas.process import ProcessCommand, ProcessSpawner, SupervisedProcess
from localcloud.sagemaker.jobs.keeper import Stopping, Why
from localcloud.sagemaker.training.watching import Cutter

LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code, and why it was made to, if it was."""

    code: int
    why: Why


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a program may run, and how long it has between SIGTERM and SIGKILL, in seconds.

    `meanwhile` is called each `every_s` seconds while it runs.
    """

    longest_s: float
    grace_s: float
    meanwhile: Callable[[], None] = lambda: None
    every_s: float = 1.0


@dataclass(slots=True)
class Program:
    """One run of a program, in the caller's thread. `stopping` may be told by any other."""

    spawner: ProcessSpawner
    limits: Limits
    stopping: Stopping
    _ended: threading.Event = field(default_factory=threading.Event)
    _code: int = 0

    def run(self, command: ProcessCommand, say: Callable[[str], None]) -> Ended:
        """Run a program to its end; `say` takes its lines. Raises OSError where it cannot start."""
        cutter = Cutter(say)
        process = SupervisedProcess(self.spawner.spawn(command), cutter.feed, self._end)
        try:
            self._watch(process)
        finally:
            process.kill()
            self._ended.wait(2)
            cutter.end()
        return Ended(self._code, self.stopping.why)

    def _watch(self, process: SupervisedProcess) -> None:
        until = time.monotonic() + self.limits.longest_s
        while not self._ended.is_set():
            if self.stopping.why == "closing":
                return
            if self.stopping.event.is_set():
                process.terminate()
                self._wait_for_end()
                return
            if time.monotonic() > until:
                self.stopping.stop("too long")
                continue
            self.limits.meanwhile()
            self._rest(min(self.limits.every_s, max(0.0, until - time.monotonic())))

    def _wait_for_end(self) -> None:
        until = time.monotonic() + self.limits.grace_s
        while time.monotonic() < until and self.stopping.why != "closing":
            if self._ended.wait(LOOK_S):
                return

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.stopping.event.is_set():
            if self._ended.wait(LOOK_S):
                return

    def _end(self, code: int) -> None:
        self._code = code
        self._ended.set()
