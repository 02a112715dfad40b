"""A batch job of Bedrock, asked for, looked at, stopped in time, and folded into outcomes.

One step looks at the batch's own record and at Bedrock's job: a batch that was cancelled stops its
job, and one that is paused goes on with it when it is resumed. What the job does not answer is left
without an outcome, and is asked for call by call.

    queue/{attempt}/records.jsonl          what Bedrock reads
    queue/{attempt}/out/{job}/….jsonl.out  what it writes
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalicelib.batches import service_jobs
from chalicelib.batches.checkpoint import batch_order, read_checkpoint, read_refs
from chalicelib.batches.input_reader import split_lines
from chalicelib.batches.items import item_lines as lines_of_items
from chalicelib.batches.items import parse_item
from chalicelib.batches.service_jobs import JobOutputParser
from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.contracts.batches import BatchCheckpoint, ItemOutcome, ServiceJob
from chalicelib.contracts.receipts import nanodollars
from chalicelib.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    Throttled,
    Unsupported,
)
from chalicelib.generation.dependencies import Budgets
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from functions.harvest_batch.output_folder import OutputFolder

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.jobs import StepRequest, StepResult
    from chalicelib.generation.receipts import CostModel
    from chalicelib.jobs.lifecycle import JobState

AT_ONCE = 16
"""Records that are folded at once, and so many more in memory."""
MOST_OUTPUT_BYTES = 16 * 1024 * 1024
"""Of one record of the output: it holds the input, too."""
_DAY = timedelta(days=1)


class BedrockBatchJobs(Protocol):
    """Batch jobs of Bedrock."""

    def create(
        self, name: str, model_id: str, bucket: str, records: str, into: str, hours: int
    ) -> str:
        """Ask for a job, the same one if it is asked for again under its name; return its ARN."""

    def named(self, prefix: str) -> str:
        """Return the ARN of the newest job whose name begins so, empty if there is none."""

    def status(self, arn: str) -> str:
        """Return the state of a job, as Bedrock calls it; raise `NotFound`."""

    def stop(self, arn: str) -> None:
        """Have a job answer no more; one that has ended is `Conflict`."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`.

    `screens` tells whether calls of a spender are screened, which only calls one by one can be.
    `poll_seconds` is how long a job is left alone between two looks. `log` is told of what Bedrock
    does not take.
    """

    desk: StepContext
    objects: ItemObjects
    jobs: BedrockBatchJobs
    budgets: Budgets
    accounts: CostModel
    screens: Callable[[Spender], bool]
    poll_seconds: int
    log: Callable[[HeadraceError], None]


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do one step.

    Raises:
        Transient, Throttled: a service did not answer; the step may be repeated.
    """
    step = _Step(deps)
    return run_step(request, deps.desk.started(), step.work, step.clean)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps

    def work(self, state: JobState) -> StepOutcome:
        """Ask for the job, look at it, or fold what it answered."""
        place = read_checkpoint(state)
        if place is None or place.service_job is None:
            raise Conflict(f"{state.input.job_id} has no job of Bedrock.")
        job = self._found(state, place.service_job)
        if not job.arn:
            return self._ask(state, place, job)
        status = self.deps.jobs.status(job.arn)
        if status in service_jobs.ENDED:
            self._fold(state, place, job)
            return self._one_by_one(state, place)
        if self.deps.desk.now() >= job.stop_at and not job.stopping:
            self._stop(job)
            job = job.model_copy(update={"stopping": True})
        return self._wait(state, place, job)

    def clean(self, state: JobState) -> int | None:
        """Stop the job of a batch that was cancelled, and return for how long to leave it alone.

        Once it has stopped, what it answered is written for another attempt, and settled.
        """
        place = read_checkpoint(state)
        job = place.service_job if place is not None else None
        reserved = job.reservation if job is not None else None
        if place is None or job is None or reserved is None:
            return None
        job = self._found(state, job)
        if not job.arn:
            self.deps.budgets.release(reserved)
            return None
        with suppress(NotFound):
            if self.deps.jobs.status(job.arn) not in service_jobs.ENDED:
                self._stop(job)
                return self.deps.poll_seconds
            self._fold(state, place, job)
        return None

    def _found(self, state: JobState, job: ServiceJob) -> ServiceJob:
        """Return the job with its ARN where it was asked for, even if whoever asked was cancelled,
        paused or killed before it kept the answer.
        """
        if job.arn or job.reservation is None:
            return job
        return job.model_copy(update={"arn": self.deps.jobs.named(_name(state))})

    def _ask(self, state: JobState, place: BatchCheckpoint, job: ServiceJob) -> StepOutcome:
        """Take the most that it can cost off the budgets, write the records, and ask."""
        given, now = state.input, self.deps.desk.now()
        order = batch_order(given)
        spender = Spender(given.tenant, order.key, correlation_id=given.correlation_id)
        if self.deps.screens(spender):
            return self._one_by_one(state, place)
        if job.reservation is not None and job.attempt != state.job.attempt:
            self.deps.budgets.release(job.reservation)
            job = job.model_copy(update={"reservation": None})
        if job.reservation is None:
            seconds = round((order.deadline - now + _DAY).total_seconds())
            most = MaxCost(job.nanodollars, tokens=0)
            try:
                reserved = self.deps.budgets.reserve(spender, job.model, most, seconds)
            except (QuotaExceeded, Throttled):
                return self._one_by_one(state, place)
            job = job.model_copy(update={"reservation": reserved, "attempt": state.job.attempt})
            return StepOutcome(_with(place, job), state.counted, "queueing", next="more")
        folder = f"{state.prefix}queue/{state.job.attempt}/"
        with self.deps.objects.writing(given.bucket, folder + service_jobs.RECORDS) as stream:
            for line in self._records(state, place, job):
                stream.write(line)
        try:
            arn = self.deps.jobs.create(
                f"{_name(state)}{state.job.attempt}",
                job.model_id,
                given.bucket,
                folder + service_jobs.RECORDS,
                folder + "out/",
                service_jobs.timeout_hours(job, now),
            )
        except InvalidInput as error:
            self.deps.log(error)
            self.deps.budgets.release(job.reservation)
            return self._one_by_one(state, place)
        return self._wait(state, place, job.model_copy(update={"arn": arn}))

    def _records(self, state: JobState, place: BatchCheckpoint, job: ServiceJob) -> Iterator[bytes]:
        """Yield the records of all items, a few read at once. What cannot be put as one is left to
        a call of its own, which tells why.
        """
        order, model = batch_order(state.input), self.deps.accounts.models.model(job.model)
        refs, bucket = list(read_refs(state, place, self.deps.objects)), state.input.bucket
        for ref, line in lines_of_items(refs, self.deps.objects, bucket, state.prefix):
            try:
                record = service_jobs.input_record(ref.n, parse_item(ref, line, order), model)
            except (InvalidInput, Unsupported) as error:
                self.deps.log(error)
                continue
            yield record

    def _fold(self, state: JobState, place: BatchCheckpoint, job: ServiceJob) -> None:
        """Write an outcome for each record that was answered, and settle what all of them cost."""
        bucket = state.input.bucket
        folding = OutputFolder(
            objects=self.deps.objects,
            bucket=bucket,
            prefix=state.prefix,
            epoch=place.epoch,
            order=batch_order(state.input),
            books=JobOutputParser(self.deps.accounts, job),
            now=self.deps.desk.now(),
            refs={ref.n: ref for ref in read_refs(state, place, self.deps.objects)},
        )
        used = ActualCost(0)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            lines = self._output(state, job)
            while some := list(islice(lines, 4 * AT_ONCE)):
                used = _added(used, pool.map(folding.fold, some))
        if job.reservation is not None:
            self.deps.budgets.settle(job.reservation, used)

    def _output(self, state: JobState, job: ServiceJob) -> Iterator[bytes]:
        """Yield the lines that the job wrote, in whatever order."""
        bucket, name = state.input.bucket, job.arn.rpartition("/")[2]
        for key in self.deps.objects.keys(bucket, state.prefix + "queue/"):
            if f"/out/{name}/" in key and key.endswith(service_jobs.RECORDS + ".out"):
                for line in split_lines(self.deps.objects.stream(bucket, key), MOST_OUTPUT_BYTES):
                    if line.body is not None:
                        yield line.body

    def _stop(self, job: ServiceJob) -> None:
        with suppress(Conflict):
            self.deps.jobs.stop(job.arn)

    def _wait(self, state: JobState, place: BatchCheckpoint, job: ServiceJob) -> StepOutcome:
        seconds = self.deps.poll_seconds
        return StepOutcome(
            _with(place, job), state.counted, "queueing", next="wait", seconds=seconds
        )

    def _one_by_one(self, state: JobState, place: BatchCheckpoint) -> StepOutcome:
        """Leave what has no outcome to calls that are made one by one."""
        place = place.model_copy(update={"phase": "generating", "service_job": None})
        return StepOutcome(place, state.counted, "generating", next="reduce")


def _name(state: JobState) -> str:
    """Return how the names of a batch's jobs begin, whatever the attempt."""
    return f"headrace-{state.input.job_id}-"


def _with(place: BatchCheckpoint, job: ServiceJob) -> BatchCheckpoint:
    return place.model_copy(update={"phase": "queueing", "service_job": job})


def _added(used: ActualCost, outcomes: Iterable[ItemOutcome | None]) -> ActualCost:
    for outcome in outcomes:
        if outcome is not None:
            receipt = outcome.receipt
            used = ActualCost(
                used.nanodollars + nanodollars(receipt.dollars),
                used.tokens_in + receipt.tokens_in,
                used.tokens_out + receipt.tokens_out,
            )
    return used
