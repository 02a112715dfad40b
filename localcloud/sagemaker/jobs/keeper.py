"""Jobs of one kind brought to their ends: one after another, and again after a kill."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from localcloud.sagemaker.jobs.record import ENDED, Job, Jobs, Kind

Why = Literal["", "asked", "too long", "closing"]
_log = logging.getLogger(__name__)


class Stopping:
    """Whether a job is to end before it is done, and why. Safe from any thread."""

    def __init__(self) -> None:
        """Begin with no reason."""
        self.why: Why = ""
        self.event = threading.Event()

    def stop(self, why: Why) -> None:
        """Let the job end; the first reason stays, but for the closing of the local cloud."""
        self.why = why if why == "closing" else self.why or why
        self.event.set()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ends, and why where it failed."""

    status: Literal["Completed", "Failed", "Stopped"]
    reason: str | None = None


Work = Callable[[Job, Stopping], Outcome | None]
"""Does a job, and returns how it ends; None where the local cloud closes before it does."""


class JobKeeper:
    """Runs jobs in the order of their making, one at a time, as this machine has few cores."""

    def __init__(self, jobs: Jobs, kind: Kind, work: Work) -> None:
        """Run what `jobs` has of a kind by `work`; nothing runs before `start`."""
        self._jobs = jobs
        self._kind = kind
        self._do = work
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopping: dict[str, Stopping] = {}
        self._closing = False
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._work, name=f"sagemaker-{kind}", daemon=True)

    def start(self) -> None:
        """Begin again what a killed cloud left, and take what comes."""
        for job in self._jobs.going(self._kind):
            self.submit(job.name)
        self._thread.start()

    def stop(self) -> None:
        """End what runs; it is begun again at the next start."""
        with self._guard:
            self._closing = True
            running = list(self._stopping.values())
        for each in running:
            each.stop("closing")
        self._waiting.put(None)
        if self._thread.ident is not None:
            self._thread.join(4)

    def submit(self, name: str) -> None:
        """Take a job; it runs when those before it have ended."""
        self._waiting.put(name)

    def interrupt(self, name: str) -> None:
        """Let a job end, if it runs already."""
        with self._guard:
            found = self._stopping.get(name)
        if found is not None:
            found.stop("asked")

    def _work(self) -> None:
        while (name := self._waiting.get()) is not None:
            job = self._jobs.get(self._kind, name)
            if job is not None and job.status not in ENDED and not self._closing:
                self._bring_to_end(job)

    def _bring_to_end(self, job: Job) -> None:
        if job.status == "Stopping":
            self._jobs.settle(self._kind, job.name, "Stopped")
            return
        stopping = Stopping()
        with self._guard:
            self._stopping[job.name] = stopping
        again = self._jobs.get(self._kind, job.name)
        if again is not None and again.status == "Stopping":
            stopping.stop("asked")
        try:
            outcome = self._do(job, stopping)
        except Exception as error:  # noqa: BLE001 - a job must not stay in progress
            _log.exception("the %s job %s could not be run", self._kind, job.name)
            outcome = Outcome("Failed", f"InternalServerError: The local cloud failed: {error}")
        finally:
            with self._guard:
                self._stopping.pop(job.name, None)
        if outcome is not None:
            self._jobs.settle(self._kind, job.name, outcome.status, outcome.reason)
