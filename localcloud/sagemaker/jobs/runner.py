"""Runs the jobs of one kind, one at a time, and again after the local cloud was killed."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from localcloud.sagemaker.jobs.store import FINAL_STATUSES, JobKind, JobStore, SageMakerJob
from localcloud.supervision import SupervisedThread

StopReason = Literal["", "requested", "too long", "closing"]
"""Stopped by the API, by the job's time limit, or because the local cloud stops."""

_log = logging.getLogger(__name__)


class StopSignal:
    """A request that a job ends early, with its reason. Thread-safe."""

    def __init__(self) -> None:
        """Create a signal without a request."""
        self.reason: StopReason = ""
        self.event = threading.Event()

    def request(self, reason: StopReason) -> None:
        """Request a stop. The first reason stays, except that "closing" replaces any other."""
        self.reason = reason if reason == "closing" else self.reason or reason
        self.event.set()


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """The final status of a job, and the reason if it failed."""

    status: Literal["Completed", "Failed", "Stopped"]
    reason: str | None = None


RunJob = Callable[[SageMakerJob, StopSignal], JobOutcome | None]
"""Runs a job and returns its outcome, or None if the local cloud stops first."""


class JobQueue:
    """Names of jobs, which a thread runs in order, one at a time."""

    def __init__(self, thread_name: str, run_job: Callable[[str, StopSignal], None]) -> None:
        """Create a queue whose thread `start` starts."""
        self._run_job = run_job
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._signals: dict[str, StopSignal] = {}
        self._closing = False
        self._guard = threading.Lock()
        self._thread = SupervisedThread(thread_name, self._work)

    def start(self, unfinished: Iterable[str]) -> None:
        """Submit the jobs that a killed cloud left unfinished and start the thread."""
        for name in unfinished:
            self.submit(name)
        self._thread.start()

    def stop(self) -> None:
        """Stop the running job and the thread."""
        with self._guard:
            self._closing = True
            running = list(self._signals.values())
        for signal in running:
            signal.request("closing")
        self._waiting.put(None)
        self._thread.join(4)

    def submit(self, name: str) -> None:
        """Add a job, which runs when those before it have ended."""
        self._waiting.put(name)

    def interrupt(self, name: str) -> None:
        """Stop a job if it is running."""
        with self._guard:
            signal = self._signals.get(name)
        if signal is not None:
            signal.request("requested")

    def _work(self) -> None:
        while (name := self._waiting.get()) is not None:
            signal = StopSignal()
            with self._guard:
                if self._closing:
                    continue
                self._signals[name] = signal
            try:
                self._run_job(name, signal)
            except Exception:
                self.submit(name)
                raise
            finally:
                with self._guard:
                    self._signals.pop(name, None)


class JobRunner:
    """Runs the jobs of one kind, one at a time, as this machine has few cores."""

    def __init__(self, jobs: JobStore, kind: JobKind, run_job: RunJob) -> None:
        """Run the jobs of a kind in `jobs`; nothing runs before `start`."""
        self._jobs = jobs
        self._kind = kind
        self._run_job = run_job
        self._queue = JobQueue(f"sagemaker-{kind}", self._run)
        self.submit, self.interrupt = self._queue.submit, self._queue.interrupt

    def start(self) -> None:
        """Run the jobs that a killed cloud left unfinished, and then new ones."""
        self._queue.start(job.name for job in self._jobs.unfinished(self._kind))

    def stop(self) -> None:
        """Stop the running job; the next start runs it again."""
        self._queue.stop()

    def _run(self, name: str, signal: StopSignal) -> None:
        job = self._jobs.get(self._kind, name)
        if job is None or job.status in FINAL_STATUSES:
            return
        if job.status == "Stopping":
            self._jobs.finish(self._kind, name, "Stopped")
            return
        try:
            outcome = self._run_job(job, signal)
        except Exception as error:  # noqa: BLE001 - a job must not stay in progress
            _log.exception("the %s job %s could not be run", self._kind, name)
            outcome = JobOutcome("Failed", f"InternalServerError: The local cloud failed: {error}")
        if outcome is not None:
            self._jobs.finish(self._kind, name, outcome.status, outcome.reason)
