"""Jobs of one kind brought to their ends: one after another, and again after a kill."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable
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


class Order:
    """Jobs by their names, worked on in the order of their coming, one at a time, in a thread."""

    def __init__(self, title: str, work: Callable[[str, Stopping], None]) -> None:
        """Work by `work`, which is told when a job is to end; nothing begins before `start`."""
        self._do = work
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopping: dict[str, Stopping] = {}
        self._closing = False
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._work, name=title, daemon=True)

    def start(self, left: Iterable[str]) -> None:
        """Take what a killed cloud left, and then what comes."""
        for name in left:
            self.submit(name)
        self._thread.start()

    def stop(self) -> None:
        """End what goes on."""
        with self._guard:
            self._closing = True
            running = list(self._stopping.values())
        for each in running:
            each.stop("closing")
        self._waiting.put(None)
        if self._thread.ident is not None:
            self._thread.join(4)

    def submit(self, name: str) -> None:
        """Take a job; it is worked on when those before it have ended."""
        self._waiting.put(name)

    def interrupt(self, name: str) -> None:
        """Let a job end, if it is worked on already."""
        with self._guard:
            found = self._stopping.get(name)
        if found is not None:
            found.stop("asked")

    def _work(self) -> None:
        while (name := self._waiting.get()) is not None:
            stopping = Stopping()
            with self._guard:
                if self._closing:
                    continue
                self._stopping[name] = stopping
            try:
                self._do(name, stopping)
            finally:
                with self._guard:
                    self._stopping.pop(name, None)


class JobKeeper:
    """Runs jobs of a kind one at a time, as this machine has few cores."""

    def __init__(self, jobs: Jobs, kind: Kind, work: Work) -> None:
        """Run what `jobs` has of a kind by `work`; nothing runs before `start`."""
        self._jobs = jobs
        self._kind = kind
        self._do = work
        self._order = Order(f"sagemaker-{kind}", self._bring_to_end)
        self.submit, self.interrupt = self._order.submit, self._order.interrupt

    def start(self) -> None:
        """Begin again what a killed cloud left, and take what comes."""
        self._order.start(job.name for job in self._jobs.going(self._kind))

    def stop(self) -> None:
        """End what runs; it is begun again at the next start."""
        self._order.stop()

    def _bring_to_end(self, name: str, stopping: Stopping) -> None:
        job = self._jobs.get(self._kind, name)
        if job is None or job.status in ENDED:
            return
        if job.status == "Stopping":
            self._jobs.settle(self._kind, name, "Stopped")
            return
        try:
            outcome = self._do(job, stopping)
        except Exception as error:  # noqa: BLE001 - a job must not stay in progress
            _log.exception("the %s job %s could not be run", self._kind, name)
            outcome = Outcome("Failed", f"InternalServerError: The local cloud failed: {error}")
        if outcome is not None:
            self._jobs.settle(self._kind, name, outcome.status, outcome.reason)
