"""A batch job of Bedrock: created, polled, stopped in time, and its output stored.

One step reads the batch's own record and the state of Bedrock's job: a batch that was cancelled
stops its job, and one that is paused continues with it when it is resumed. Items that the job does
not answer stay without an outcome, and are answered call by call. If the job fails, or
answers less than half of them, the batch is paused first, with what those calls would cost: who
asked for half the price decides.

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
from chalicelib.batches.checkpoint import (
    batch_order,
    is_past_deadline,
    read_checkpoint,
    read_refs,
)
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
"""Records of the output that are processed at once; as many more are in memory."""
MOST_OUTPUT_BYTES = 16 * 1024 * 1024
"""The most bytes of one record of the output: it contains the input, too."""
_DAY = timedelta(days=1)


class BedrockBatchJobs(Protocol):
    """Batch jobs of Bedrock."""

    def create(
        self, name: str, model_id: str, bucket: str, records: str, into: str, hours: int
    ) -> str:
        """Create a job, or find the one that already has this name; return its ARN."""

    def named(self, prefix: str) -> str:
        """Return the ARN of the newest job whose name begins so, empty if there is none."""

    def status(self, arn: str) -> str:
        """Return the state of a job, as Bedrock calls it; raise `NotFound`."""

    def message(self, arn: str) -> str:
        """Return why a job failed, as Bedrock says it, empty if it says nothing."""

    def stop(self, arn: str) -> None:
        """Stop a job; raise `Conflict` if it has ended."""


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
        """Create the job, poll it, or store the outcomes of its output."""
        place = read_checkpoint(state)
        if place is None or place.service_job is None:
            raise Conflict(f"{state.input.job_id} has no job of Bedrock.")
        job = self._found(state, place.service_job)
        if not job.arn:
            return self._ask(state, place, job)
        status = self.deps.jobs.status(job.arn)
        if status in service_jobs.ENDED:
            done = self._fold(state, place, job)
            # A job of an earlier attempt was stopped when the batch was cancelled.
            ours = job.stopping or (status == "Stopped" and job.attempt != state.job.attempt)
            if ours or (status == "Completed" and done >= place.items / 2):
                return self._one_by_one(state, place)
            reason = f"Bedrock's batch job ended as {status}: {self.deps.jobs.message(job.arn)}"
            return self._pause(state, place, job, done, reason)
        if self.deps.desk.now() >= job.stop_at and not job.stopping:
            self._stop(job)
            job = job.model_copy(update={"stopping": True})
        return self._wait(state, place, job)

    def clean(self, state: JobState) -> int | None:
        """Stop the job of a cancelled batch, and return how many seconds to wait for that.

        Once it has stopped, its output is stored for another attempt, and settled.
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
        """Return the job with its ARN if it was created, even if the ARN was not stored.

        The step that created it may have been cancelled, paused or killed before it stored the
        answer.
        """
        if job.arn or job.reservation is None:
            return job
        return job.model_copy(update={"arn": self.deps.jobs.named(_name(state))})

    def _ask(self, state: JobState, place: BatchCheckpoint, job: ServiceJob) -> StepOutcome:
        """Reserve the most that the job can cost, write the records, and create it."""
        job_input, now = state.input, self.deps.desk.now()
        order = batch_order(job_input)
        spender = Spender(job_input.tenant, order.key, correlation_id=job_input.correlation_id)
        if self.deps.screens(spender):
            return self._one_by_one(state, place)
        if job.reservation is not None and job.attempt != state.job.attempt:
            self.deps.budgets.release(job.reservation)
            job = job.model_copy(update={"reservation": None})
        if job.reservation is None:
            seconds = round((order.deadline - now + _DAY).total_seconds())
            max_cost = MaxCost(job.nanodollars, tokens=0)
            try:
                reserved = self.deps.budgets.reserve(spender, job.model, max_cost, seconds)
            except (QuotaExceeded, Throttled):
                return self._one_by_one(state, place)
            job = job.model_copy(update={"reservation": reserved, "attempt": state.job.attempt})
            return StepOutcome(_with(place, job), state.counted, "queueing", next="more")
        folder = f"{state.prefix}queue/{state.job.attempt}/"
        with self.deps.objects.writing(job_input.bucket, folder + service_jobs.RECORDS) as stream:
            for line in self._records(state, place, job):
                stream.write(line)
        try:
            arn = self.deps.jobs.create(
                f"{_name(state)}{state.job.attempt}",
                job.model_id,
                job_input.bucket,
                folder + service_jobs.RECORDS,
                folder + "out/",
                service_jobs.timeout_hours(job, now),
            )
        except InvalidInput as error:
            self.deps.log(error)
            self.deps.budgets.release(job.reservation)
            return self._pause(state, place, job, 0, f"Bedrock refused the batch job: {error}")
        return self._wait(state, place, job.model_copy(update={"arn": arn}))

    def _records(self, state: JobState, place: BatchCheckpoint, job: ServiceJob) -> Iterator[bytes]:
        """Yield the records of all items, a few read at once.

        An item that cannot be a record is left to a call of its own, which reports the reason.
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

    def _fold(self, state: JobState, place: BatchCheckpoint, job: ServiceJob) -> int:
        """Write an outcome for each answered record, and settle the cost of all of them.

        Returns how many records were answered.
        """
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
        used, answered = ActualCost(0), 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            lines = self._output(state, job)
            while some := list(islice(lines, 4 * AT_ONCE)):
                outcomes = [each for each in pool.map(folding.fold, some) if each is not None]
                used, answered = _added(used, outcomes), answered + len(outcomes)
        if job.reservation is not None:
            self.deps.budgets.settle(job.reservation, used)
        return answered

    def _output(self, state: JobState, job: ServiceJob) -> Iterator[bytes]:
        """Yield the lines that the job wrote, in any order."""
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
        """Leave items without an outcome to single calls."""
        place = place.model_copy(update={"phase": "generating", "service_job": None})
        return StepOutcome(place, state.counted, "generating", next="reduce")

    def _pause(
        self, state: JobState, place: BatchCheckpoint, job: ServiceJob, done: int, reason: str
    ) -> StepOutcome:
        """Pause before items are answered one by one at a higher price than was asked for.

        Goes on if the job left nothing, or if the deadline has passed.
        """
        left = place.items - done
        late = is_past_deadline(batch_order(state.input), self.deps.desk.now())
        if left <= 0 or late:
            return self._one_by_one(state, place)
        words = service_jobs.failed_job_notes(reason, left, place, job)
        place = place.model_copy(
            update={"phase": "generating", "service_job": None, "words": words}
        )
        return StepOutcome(place, state.counted, "generating", paused=True)


def _name(state: JobState) -> str:
    """Return the beginning of the names of a batch's jobs, whatever the attempt."""
    return f"headrace-{state.input.job_id}-"


def _with(place: BatchCheckpoint, job: ServiceJob) -> BatchCheckpoint:
    return place.model_copy(update={"phase": "queueing", "service_job": job})


def _added(used: ActualCost, outcomes: Iterable[ItemOutcome]) -> ActualCost:
    for outcome in outcomes:
        receipt = outcome.receipt
        used = ActualCost(
            used.nanodollars + nanodollars(receipt.dollars),
            used.tokens_in + receipt.tokens_in,
            used.tokens_out + receipt.tokens_out,
        )
    return used
