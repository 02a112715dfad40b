"""The result files of a batch, written as streams in the order of its input."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from chalicelib.batches import storage
from chalicelib.batches.outcomes import (
    LoadingBundle,
    OutcomeReader,
    dump_line,
    error_line,
    parse_bundle,
)
from chalicelib.batches.receipts import ReceiptSum, batch_receipt, compare_with_estimate
from chalicelib.batches.rounds import ItemStatus
from chalicelib.contracts.batches import (
    BatchCheckpoint,
    BatchEstimate,
    BatchSummary,
    ItemError,
    ItemOutcome,
    ItemRef,
    RejectedLine,
)
from chalicelib.contracts.jobs import JobCounts
from chalicelib.contracts.jsonl import read_lines
from chalicelib.jobs.lifecycle import JobState, ResultFile
from chalicelib.jobs.steps import StepOutcome

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.budgets.settlement import Recount
    from chalicelib.generation.catalogue import Catalogue

MAX_CONCURRENT_READS = 16
"""Objects that are read ahead: so many are in memory, and as many connections open."""

End = Literal["succeeded", "partial", "expired"]
ResultLine = tuple[int, ItemStatus, Mapping[str, Any]]


@dataclass(slots=True)
class ResultWriter:
    """Writes the results of one batch.

    `why` is reported for items that nobody answered. `recount` gets the charges of all outcomes.
    """

    objects: ItemObjects
    catalogue: Callable[[], Catalogue]
    state: JobState
    place: BatchCheckpoint
    why: ItemError
    recount: Recount
    receipts: ReceiptSum = field(default_factory=ReceiptSum)
    counts: dict[ItemStatus, int] = field(
        default_factory=lambda: {"done": 0, "failed": 0, "missing": 0}
    )

    def write(self, statuses: Iterable[tuple[ItemRef, ItemStatus]], *, late: bool) -> StepOutcome:
        """Write every file, settle open charges of the budgets, and return the job's end.

        `found` are the items with their statuses, in order. `late` says that the deadline has
        passed.
        """
        bucket, prefix = self.state.input.bucket, self.state.prefix
        with ExitStack() as stack:
            results = stack.enter_context(self.objects.writing(bucket, prefix + storage.RESULTS))
            errors = stack.enter_context(self.objects.writing(bucket, prefix + storage.ERRORS))
            pool = stack.enter_context(ThreadPoolExecutor(MAX_CONCURRENT_READS))
            lines = heapq.merge(self._rejected(), self._outcomes(statuses, pool), key=_number)
            for _, status, line in lines:
                self.counts[status] += 1
                (results if status == "done" else errors).write(dump_line(line))
        self._add_what_came_to_nothing()
        self.recount.settle_charged()
        return self._ended(results.size, errors.size, late=late)

    def _rejected(self) -> Iterator[ResultLine]:
        pieces = self.objects.stream(self.state.input.bucket, self.state.prefix + storage.REJECTED)
        for line in read_lines(pieces, RejectedLine, self.place.rejected):
            yield line.n, "failed", line.line

    def _outcomes(
        self, statuses: Iterable[tuple[ItemRef, ItemStatus]], pool: ThreadPoolExecutor
    ) -> Iterator[ResultLine]:
        """Yield the line of each item, reading a few objects ahead."""
        waiting: deque[tuple[ItemRef, ItemStatus, Future[ItemOutcome] | None]] = deque()
        keys = self.objects.keys(self.state.input.bucket, self.state.prefix + storage.BUNDLES)
        reader = OutcomeReader(iter(keys), lambda key: pool.submit(self._bundle, key))
        for ref, status in statuses:
            reading = None
            if status == "done":
                reading = pool.submit(self._done, ref.n, reader.around(ref.n))
            elif status == "failed":
                reading = pool.submit(self._read, self._key(ref.n, status))
            waiting.append((ref, status, reading))
            if len(waiting) >= 2 * MAX_CONCURRENT_READS:
                yield self._line(*waiting.popleft())
        while waiting:
            yield self._line(*waiting.popleft())

    def _line(
        self, ref: ItemRef, status: ItemStatus, reading: Future[ItemOutcome] | None
    ) -> ResultLine:
        if reading is None:
            return ref.n, status, error_line(ref.n, ref.id, self.place.form, self.why)
        outcome = reading.result()
        self._count(outcome)
        return ref.n, status, outcome.line

    def _add_what_came_to_nothing(self) -> None:
        """Add what was spent on items that have no outcome of their own from it.

        They were put off to a later round, or failed in an earlier epoch and were tried again.
        """
        bucket, current = (
            self.state.input.bucket,
            self.state.prefix + storage.failures_prefix(self.place.epoch),
        )
        for folder in (storage.SPENT, storage.FAILURES):
            for key in self.objects.keys(bucket, self.state.prefix + folder):
                if not key.startswith(current):
                    self._count(self._read(key))

    def _count(self, outcome: ItemOutcome) -> None:
        self.receipts.add(outcome.receipt)
        self.recount.add_charges(outcome.charges)

    def _key(self, n: int, status: ItemStatus) -> str:
        folder = storage.OUTCOMES if status == "done" else storage.failures_prefix(self.place.epoch)
        return self.state.prefix + folder + storage.item_file(n)

    def _done(self, n: int, bundles: Iterable[LoadingBundle]) -> ItemOutcome:
        """Return the outcome of item `n` from one of the bundles or its own object.

        The pool works in order: bundles are loaded before anything waits for them.
        """
        for bundle in bundles:
            outcome = bundle.result().get(n)
            if outcome is not None:
                return outcome
        return self._read(self._key(n, "done"))

    def _bundle(self, key: str) -> Mapping[int, ItemOutcome]:
        return parse_bundle(self.objects.read(self.state.input.bucket, key))

    def _read(self, key: str) -> ItemOutcome:
        return ItemOutcome.model_validate_json(self.objects.read(self.state.input.bucket, key))

    def _ended(self, results: int, errors: int, *, late: bool) -> StepOutcome:
        counts = JobCounts(
            total=self.place.items + self.place.rejected,
            done=self.counts["done"],
            failed=self.counts["failed"] + (0 if late else self.counts["missing"]),
            expired=self.counts["missing"] if late else 0,
        )
        receipt = self.receipts.whole()
        estimate = self.place.estimate or BatchEstimate()
        words = compare_with_estimate(estimate, receipt, counts.done)
        place = self.place.model_copy(
            update={"phase": "done", "receipt": receipt, "words": words, "missing": 0}
        )
        summary = self._summary(counts, place, estimate)
        key = self.state.prefix + storage.SUMMARY
        self.objects.write(self.state.input.bucket, key, summary, {})
        end: End = "expired" if counts.expired else "partial" if counts.failed else "succeeded"
        return StepOutcome(
            place,
            counts,
            "done",
            end=end,
            files=(
                ResultFile(storage.RESULTS, results),
                ResultFile(storage.ERRORS, errors),
                ResultFile(storage.SUMMARY, len(summary)),
            ),
            summary=key,
        )

    def _summary(self, counts: JobCounts, place: BatchCheckpoint, estimate: BatchEstimate) -> bytes:
        summary = BatchSummary(
            job_id=self.state.input.job_id,
            tenant=self.state.input.tenant,
            created_at=self.state.job.created_at,
            counts=counts.model_dump(),
            receipt=batch_receipt(place, self.catalogue().cost),
            estimate=estimate,
            words=place.words,
            prompts=place.prompts,
        )
        return summary.model_dump_json(indent=2).encode() + b"\n"


def _number(line: ResultLine) -> int:
    return line[0]
