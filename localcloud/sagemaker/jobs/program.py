"""The program of a job: its environment, its limits, and one run of its process.

A program that must end early gets SIGTERM and, after a grace period, SIGKILL.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopProcessingJob.html
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.lambdas.process import ProcessCommand, ProcessSpawner, SupervisedProcess
from localcloud.sagemaker.cloudwatch import ContainerLogs, LineSplitter
from localcloud.sagemaker.jobs.runner import StopReason, StopSignal
from localcloud.sagemaker.roles import CheckRole
from localcloud.service import CloudContext

INTERPRETER = Path(__file__).parents[3] / ".venv-training" / "bin" / "python"
"""The Python of the training environment, as `make training` creates it."""

SCRIPT = Path(__file__).with_name("program_main.py")
"""The first code in a program's process, which then executes the program."""

HOST = "algo-1"
GRACE_S = 120.0
"""Seconds between SIGTERM and SIGKILL."""

UPLOAD_INTERVAL_S = 1.0
"""Seconds between uploads of files that changed while a program runs."""

_POLL_S = 0.05
_PROCESSOR_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables that choose the kernels of OpenBLAS for this processor; they decide how sums round."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class JobContext:
    """The parts of the local cloud that jobs of every kind use.

    Attributes:
        cloud: account, region and data folder.
        spawner: starts processes.
        logs: writes to CloudWatch Logs.
        s3_client: returns an S3 client with a role, by its ARN.
        credential_variables: returns the variables by which a program has a role's credentials.
        check_role: raises AwsError for a role that cannot be used.
    """

    cloud: CloudContext
    spawner: ProcessSpawner
    logs: ContainerLogs
    s3_client: Callable[[str], Any]
    credential_variables: Callable[[str], Mapping[str, str]]
    check_role: CheckRole


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """The interpreter of programs, and the seconds between SIGTERM and SIGKILL."""

    interpreter: Path = INTERPRETER
    grace_s: float = GRACE_S


@dataclass(frozen=True, slots=True)
class ProgramExit:
    """The exit code of a program, and the reason if it was stopped."""

    code: int
    stop_reason: StopReason


@dataclass(frozen=True, slots=True)
class ProgramLimits:
    """The limits of a run in seconds. `on_tick` is called every `tick_s` while it runs."""

    max_runtime_s: float
    grace_s: float
    on_tick: Callable[[], None] = lambda: None
    tick_s: float = 1.0


@dataclass(slots=True)
class Program:
    """One run of a program in the caller's thread. Any thread may request a stop by `signal`."""

    spawner: ProcessSpawner
    limits: ProgramLimits
    signal: StopSignal
    _ended: threading.Event = field(default_factory=threading.Event)
    _code: int = 0

    def run(self, command: ProcessCommand, write_line: Callable[[str], None]) -> ProgramExit:
        """Run a program and pass on its output by lines. Raises OSError if it can't start."""
        splitter = LineSplitter(write_line)
        process = SupervisedProcess(self.spawner.spawn(command), splitter.feed, self._end)
        try:
            self._watch(process)
        finally:
            process.kill()
            self._ended.wait(2)
            splitter.flush()
        return ProgramExit(self._code, self.signal.reason)

    def _watch(self, process: SupervisedProcess) -> None:
        deadline = time.monotonic() + self.limits.max_runtime_s
        while not self._ended.is_set():
            if self.signal.reason == "closing":
                return
            if self.signal.event.is_set():
                process.terminate()
                self._wait_for_end()
                return
            if time.monotonic() > deadline:
                self.signal.request("too long")
                continue
            self.limits.on_tick()
            self._rest(min(self.limits.tick_s, max(0.0, deadline - time.monotonic())))

    def _wait_for_end(self) -> None:
        deadline = time.monotonic() + self.limits.grace_s
        while time.monotonic() < deadline and self.signal.reason != "closing":
            if self._ended.wait(_POLL_S):
                return

    def _rest(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.signal.event.is_set():
            if self._ended.wait(_POLL_S):
                return

    def _end(self, code: int) -> None:
        self._code = code
        self._ended.set()


def base_environment(root: Path) -> dict[str, str]:
    """Return the variables of every program: one thread, its /opt/ml, and this processor's."""
    return {
        **{name: os.environ[name] for name in _PROCESSOR_VARIABLES if name in os.environ},
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(root),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(_THREAD_VARIABLES, "1"),
        "HEADRACE_ML_ROOT": str(root),
    }
