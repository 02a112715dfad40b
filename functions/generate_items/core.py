"""Answer some items of a batch, several at once, and write each outcome at once.

Items with an outcome are skipped, so that after a crash only the calls that were in flight are
repeated. Items for which there is no time, or no capacity of their model, stay without an outcome:
another round answers them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Semaphore
from typing import Protocol

from chalicelib.batches import storage
from chalicelib.batches.checkpoint import batch_order, is_past_deadline
from chalicelib.batches.items import item_lines
from chalicelib.batches.outcomes import OutcomeWriter
from chalicelib.batches.rounds import THREADS, WRITERS
from chalicelib.batches.storage import KEYS_PER_PAGE, ItemObjects
from chalicelib.budgets.spender import Spender
from chalicelib.contracts.batches import (
    GenerateItemsRequest,
    GenerateItemsResult,
)
from chalicelib.contracts.generations import Call, Generation, Terms
from chalicelib.contracts.jobs import JobInput
from chalicelib.errors import HeadraceError
from chalicelib.generation.dependencies import CallLimits
from chalicelib.jobs.lifecycle import JobState
from functions.generate_items.code_runner import CodeFunction, CodeJudge
from functions.generate_items.item_worker import Deadline, ItemTally, ItemWorker

SECONDS = 180.0
"""For how long new items are begun. A call that was begun before may take a minute more, and the
model tried next another minute, but no longer than `LONGEST_SECONDS`.
"""
LONGEST_SECONDS = 250.0
"""By when the last call must have ended: the function has 270 s, and writes outcomes after it."""


class BatchStates(Protocol):
    """The records of jobs."""

    def state(self, tenant: str, job_id: str) -> JobState | None:
        """Return a job, or None."""


class BoundedGenerator(Protocol):
    """A generator of answers to calls."""

    def generate(
        self, call: Call, terms: Terms, spender: Spender, *, limits: CallLimits
    ) -> Generation:
        """Return the answer to `call`; raises one of `chalicelib.errors`, with its cost."""


class BudgetFlusher(Protocol):
    """The budget that the generator spends."""

    def flush(self) -> None:
        """Settle everything spent so far; what cannot be settled is logged."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`.

    `chance` returns a number from [0, 1), `log` records faults; `clock` is the one by which the
    generator keeps its deadline.
    """

    jobs: BatchStates
    objects: ItemObjects
    answerer: BoundedGenerator
    purse: BudgetFlusher
    now: Callable[[], datetime]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    memory_gb: float
    log: Callable[[HeadraceError], None]
    new_id: Callable[[], str]
    run_code: CodeFunction
    threads: int = THREADS
    seconds: float = SECONDS
    longest_seconds: float = LONGEST_SECONDS


def run(request: GenerateItemsRequest, deps: Deps) -> GenerateItemsResult:
    """Answer the items, as many as there is time for.

    Raises:
        Transient, Throttled: S3 or DynamoDB did not answer; the same request may be repeated.
    """
    began = deps.clock()
    job_input = _goes_on(request, deps)
    answers = ItemTally()
    if job_input is not None:
        try:
            _answer(request, job_input, deps, answers, began)
        finally:
            deps.purse.flush()
    counted = answers.done + answers.failed
    seconds = deps.clock() - began
    return GenerateItemsResult(
        done=answers.done,
        failed=answers.failed,
        left=len(request.items) - counted,
        seconds=round(seconds, 6),
        gb_seconds=seconds * deps.memory_gb + answers.code_gb_seconds,
        halted=answers.halted,
    )


def _answer(
    request: GenerateItemsRequest, given: JobInput, deps: Deps, answers: ItemTally, began: float
) -> None:
    order = batch_order(given)
    known = set(_known(request, deps))
    answers.done += sum(1 for ref in request.items if ref.n in known)
    waiting = [ref for ref in request.items if ref.n not in known]
    watch = Deadline(
        ends_at=began + deps.seconds,
        clock=deps.clock,
        goes_on=lambda: _goes_on(request, deps) is not None,
    )
    prefix = storage.job_prefix(given.tenant, given.job_id)
    bucket = request.given.bucket
    bundler = OutcomeWriter(lambda name, body: deps.objects.write(bucket, prefix + name, body, {}))
    answering = ItemWorker(
        objects=deps.objects,
        bucket=bucket,
        prefix=prefix,
        epoch=request.given.epoch,
        order=order,
        generate=lambda call, terms, spender, limits: deps.answerer.generate(
            call, terms, spender, limits=limits
        ),
        ends_at=began + deps.longest_seconds,
        code_judge=CodeJudge(
            deps.run_code, deps.sleep, answers.add_code, watch.has, given.correlation_id
        ),
        spender=Spender(given.tenant, order.key, correlation_id=given.correlation_id),
        answers=answers,
        watch=watch,
        sleep=deps.sleep,
        chance=deps.chance,
        log=deps.log,
        new_id=deps.new_id,
        bundler=bundler,
        room=Semaphore(deps.threads),
    )
    queue = item_lines(waiting, deps.objects, bucket, prefix)
    threads = min(deps.threads + WRITERS, max(1, len(waiting)))
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(answering.work_off, answers.turns(queue)) for _ in range(threads)]:
            done.result()
    bundler.flush()


def _goes_on(request: GenerateItemsRequest, deps: Deps) -> JobInput | None:
    """Return the job's input, or None if no model is to be called for it any more."""
    job_input = request.given
    state = deps.jobs.state(job_input.tenant, job_input.job_id)
    if state is None or state.job.status != "running" or state.job.attempt != job_input.attempt:
        return None
    return None if is_past_deadline(batch_order(state.input), deps.now()) else state.input


def _known(request: GenerateItemsRequest, deps: Deps) -> Iterator[int]:
    """Yield the numbers of items that have an outcome, or failed in this epoch."""
    job_input = request.given
    prefix = storage.job_prefix(job_input.tenant, job_input.job_id)
    first, last = request.items[0].n, request.items[-1].n
    for folder in (storage.OUTCOMES, storage.failures_prefix(job_input.epoch)):
        before = prefix + folder + storage.item_file(first - 1) if first else ""
        page = min(KEYS_PER_PAGE, last - first + 2)
        for key in deps.objects.keys(job_input.bucket, prefix + folder, before, page):
            n = storage.item_number(key)
            if n > last:
                break
            yield n
