"""One worker: a process, its Runtime API and its log, doing one invocation at a time."""

from __future__ import annotations

import queue
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

from localcloud.iam.credentials import IssueCredentials, issue_administrator
from localcloud.lambdas.environment import Sandbox, log_stream, worker_environment
from localcloud.lambdas.logs import Logs, WorkerLog
from localcloud.lambdas.process import Command, Spawner, WorkerProcess
from localcloud.lambdas.registry import Registered
from localcloud.lambdas.runtime_api import Exited, Invocation, RuntimeApi, Signal
from localcloud.lambdas.spec import DEVELOPMENT_INTERPRETER
from localcloud.service import CloudContext


class Worker:
    """A sandbox in AWS's words. Not shared between threads except for `kill` and memory."""

    def __init__(
        self,
        function: Registered,
        process: subprocess.Popen[bytes],
        api: RuntimeApi,
        log: WorkerLog,
    ) -> None:
        """Watch `process`, which runs `function` and talks to `api`."""
        self.function = function
        self.log = log
        self.idle_since = 0.0
        self.peak_rss = 0
        self.process = WorkerProcess(process, log.feed, self._ended)
        self._api = api
        self._closed = threading.Event()

    @property
    def alive(self) -> bool:
        """Whether it can take an invocation."""
        return self.process.alive

    def run(self, invocation: Invocation) -> None:
        """Hand over `invocation`; its end comes out of `signal`."""
        self._api.post(invocation)

    def signal(self, seconds: float) -> Signal | None:
        """Return what happens next within `seconds`, with all output until then logged."""
        try:
            signal = self._api.signals.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        self.process.drain()
        return signal

    def kill(self) -> None:
        """End the process and everything it started."""
        self.process.kill()

    def await_end(self, seconds: float) -> None:
        """Wait until the process is gone and its last output is logged."""
        self._closed.wait(seconds)

    def _ended(self, returncode: int) -> None:
        self._api.signals.put(Exited(returncode))
        self._closed.set()
        self._api.close()


class WorkerFactory:
    """Starts workers in this local cloud's context."""

    def __init__(
        self,
        context: CloudContext,
        spawner: Spawner,
        logs: Logs,
        issue: IssueCredentials = issue_administrator,
        interpreter: Path = DEVELOPMENT_INTERPRETER,
    ) -> None:
        """Start workers by `spawner`, which log to `logs` and sign with what `issue` gives."""
        self._issue = issue
        self._interpreter = interpreter
        self._context = context
        self._spawner = spawner
        self._logs = logs
        self._home = context.folder("lambdas") / "home"
        self._home.mkdir(exist_ok=True)

    def start(self, function: Registered) -> Worker:
        """Start a worker; its first signal tells whether the handler could be loaded."""
        api = RuntimeApi()
        log = WorkerLog(self._logs, function.spec.name, log_stream(datetime.now(UTC).date()))
        credentials = self._issue(function.spec.role_arn, function.spec.name)
        sandbox = Sandbox(log.stream, api.address, self._home, credentials)
        environment = worker_environment(function.spec, self._context, sandbox)
        try:
            command = Command(self._interpreter, environment, Path(function.spec.code_path))
            process = self._spawner.spawn(command)
        except OSError:
            api.close()
            raise
        return Worker(function, process, api, log)
