"""Answer and grade some cases of a suite, several at once, and write what comes of each at once.

Cases with an outcome are skipped, so that after a crash only those in flight are run again, and of
these only what the cache does not have. Cases for which there is no time stay without an outcome:
another round runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from chalicelib.batches import storage
from chalicelib.contracts.evaluations.jobs import (
    EvaluateCasesRequest,
    EvaluateCasesResult,
    EvaluationInput,
    EvaluationItem,
)
from chalicelib.contracts.evaluations.results import CaseResult
from chalicelib.contracts.jobs import JobInput
from chalicelib.evaluation.runner import CaseRunner
from chalicelib.evaluation.storage import read_input, waiting_file
from chalicelib.jobs.lifecycle import JobState

SECONDS = 150.0
"""For how long new cases are begun. A case has several calls, one after the other."""
LONGEST_SECONDS = 250.0
"""By when the last call must have ended: the function has 270 s, and writes outcomes after it."""
THREADS = 4
"""Cases at once. They wait for models nearly all of their time."""


class EvaluationStates(Protocol):
    """The records of jobs."""

    def state(self, tenant: str, job_id: str) -> JobState | None:
        """Return a job, or None."""


RunnerFactory = Callable[[JobInput, EvaluationInput, float], CaseRunner]
"""Returns what runs the cases of one evaluation, with calls that end by a time of the clock."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `clock` is the one by which calls keep their deadline."""

    jobs: EvaluationStates
    objects: storage.ItemObjects
    runner: RunnerFactory
    clock: Callable[[], float]
    memory_gb: float
    threads: int = THREADS
    seconds: float = SECONDS
    longest_seconds: float = LONGEST_SECONDS


@dataclass(slots=True)
class _Tally:
    done: int = 0
    failed: int = 0
    lock: Lock = field(default_factory=Lock)


def run(request: EvaluateCasesRequest, deps: Deps) -> EvaluateCasesResult:
    """Run the cases, as many as there is time for.

    Raises:
        Transient, Throttled: S3 or DynamoDB did not answer; the same request may be repeated.
    """
    began = deps.clock()
    tally = _Tally()
    state = _running_job(request, deps)
    if state is not None:
        _Child(request, deps, state, tally, began).run()
    seconds = deps.clock() - began
    return EvaluateCasesResult(
        done=tally.done,
        failed=tally.failed,
        left=len(request.items) - tally.done - tally.failed,
        seconds=round(seconds, 6),
        gb_seconds=seconds * deps.memory_gb,
    )


@dataclass(frozen=True, slots=True)
class _Child:
    request: EvaluateCasesRequest
    deps: Deps
    state: JobState
    tally: _Tally
    began: float

    def run(self) -> None:
        """Run what has no outcome yet."""
        deps, given = self.deps, read_input(self.deps.objects, self.bucket, self.state.prefix)
        runner = deps.runner(self.state.input, given, self.began + deps.longest_seconds)
        known = self._known()
        self.tally.done += len(known)
        waiting = [item for item in self.request.items if item.n not in known]
        with ThreadPoolExecutor(min(deps.threads, max(1, len(waiting)))) as pool:
            for each in [pool.submit(self._case, runner, item) for item in waiting]:
                each.result()

    @property
    def bucket(self) -> str:
        """Return the bucket of the job's objects."""
        return self.request.given.bucket

    def _case(self, runner: CaseRunner, item: EvaluationItem) -> None:
        """Run one case, if there is time and the job goes on."""
        if self.deps.clock() - self.began > self.deps.seconds:
            return
        if _running_job(self.request, self.deps) is None:
            return
        result = runner.run(runner.suite.cases[item.case], item.repeat)
        name, counts_as = self._place(item, result)
        body = result.model_dump_json().encode()
        self.deps.objects.write(self.bucket, self.state.prefix + name, body, {})
        with self.tally.lock:
            self.tally.done += counts_as == "done"
            self.tally.failed += counts_as == "failed"

    def _place(self, item: EvaluationItem, result: CaseResult) -> tuple[str, str]:
        """Return the name of an outcome, and what it counts as.

        What a budget left out is decided for this attempt; what a service had no room for is asked
        for in another round.
        """
        errors = [each.error for each in result.all_outcomes if each.status == "not_run"]
        if not errors:
            return storage.OUTCOMES + storage.item_file(item.n), "done"
        if all(error is not None and error.type == "QuotaExceeded" for error in errors):
            folder = storage.failures_prefix(self.request.given.epoch)
            return folder + storage.item_file(item.n), "failed"
        return waiting_file(item.n), "waiting"

    def _known(self) -> frozenset[int]:
        """Return the numbers of the items that have an outcome."""
        items: Sequence[EvaluationItem] = self.request.items
        first, last = items[0].n, items[-1].n
        folder = self.state.prefix + storage.OUTCOMES
        before = folder + storage.item_file(first - 1) if first else ""
        page = min(storage.KEYS_PER_PAGE, last - first + 2)
        found = set()
        for key in self.deps.objects.keys(self.bucket, folder, before, page):
            n = storage.item_number(key)
            if n > last:
                break
            found.add(n)
        return frozenset(found)


def _running_job(request: EvaluateCasesRequest, deps: Deps) -> JobState | None:
    """Return the job, or None if nothing is to be asked for it any more."""
    given = request.given
    state = deps.jobs.state(given.tenant, given.job_id)
    if state is None or state.job.status != "running" or state.job.attempt != given.attempt:
        return None
    return state
