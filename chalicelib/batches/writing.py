"""The results of a batch written in the order of its input, as streams."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from chalicelib.batches import places
from chalicelib.batches.accounting import Receipts, explained
from chalicelib.batches.bundles import Loading, Shelf, outcomes_of
from chalicelib.batches.receipts import batch_receipt
from chalicelib.batches.reconciling import Fate
from chalicelib.batches.results import failed_line, written
from chalicelib.contracts.batches import (
    BatchEstimate,
    BatchPlace,
    BatchSummary,
    ItemError,
    ItemOutcome,
    ItemRef,
    RejectedLine,
)
from chalicelib.contracts.jobs import JobCounts
from chalicelib.contracts.jsonl import read_lines
from chalicelib.jobs.lifecycle import JobState, ResultFile
from chalicelib.jobs.stepping import Outcome

if TYPE_CHECKING:
    from chalicelib.batches.ports import ItemObjects
    from chalicelib.budgets.recounting import Recount
    from chalicelib.generation.catalogue import Catalogue

READS_AT_ONCE = 16
"""Objects that are read ahead: so many are in memory, and as many connections open."""

End = Literal["succeeded", "partial", "expired"]
Line = tuple[int, Fate, Mapping[str, Any]]


@dataclass(slots=True)
class Writer:
    """Writes the results of one batch. `why` is told of items that nobody answered, and `recount`
    hears of the charges of all outcomes.
    """

    objects: ItemObjects
    catalogue: Callable[[], Catalogue]
    state: JobState
    place: BatchPlace
    why: ItemError
    recount: Recount
    receipts: Receipts = field(default_factory=Receipts)
    counts: dict[Fate, int] = field(default_factory=lambda: {"done": 0, "failed": 0, "missing": 0})

    def write(self, found: Iterable[tuple[ItemRef, Fate]], *, late: bool) -> Outcome:
        """Write every file, and settle what nobody had settled of the budgets; items come with
        their fates in order. Return the job's end.
        """
        bucket, prefix = self.state.input.bucket, self.state.prefix
        with ExitStack() as stack:
            results = stack.enter_context(self.objects.writing(bucket, prefix + places.RESULTS))
            errors = stack.enter_context(self.objects.writing(bucket, prefix + places.ERRORS))
            pool = stack.enter_context(ThreadPoolExecutor(READS_AT_ONCE))
            lines = heapq.merge(self._rejected(), self._outcomes(found, pool), key=_number)
            for _, fate, line in lines:
                self.counts[fate] += 1
                (results if fate == "done" else errors).write(written(line))
        self._add_what_came_to_nothing()
        self.recount.end()
        return self._ended(results.size, errors.size, late=late)

    def _rejected(self) -> Iterator[Line]:
        pieces = self.objects.stream(self.state.input.bucket, self.state.prefix + places.REJECTED)
        for line in read_lines(pieces, RejectedLine, self.place.rejected):
            yield line.n, "failed", line.line

    def _outcomes(
        self, found: Iterable[tuple[ItemRef, Fate]], pool: ThreadPoolExecutor
    ) -> Iterator[Line]:
        """Yield the line of each item, reading a few objects ahead."""
        waiting: deque[tuple[ItemRef, Fate, Future[ItemOutcome] | None]] = deque()
        keys = self.objects.keys(self.state.input.bucket, self.state.prefix + places.BUNDLES)
        shelf = Shelf(iter(keys), lambda key: pool.submit(self._bundle, key))
        for ref, fate in found:
            reading = None
            if fate == "done":
                reading = pool.submit(self._done, ref.n, shelf.around(ref.n))
            elif fate == "failed":
                reading = pool.submit(self._read, self._key(ref.n, fate))
            waiting.append((ref, fate, reading))
            if len(waiting) >= 2 * READS_AT_ONCE:
                yield self._line(*waiting.popleft())
        while waiting:
            yield self._line(*waiting.popleft())

    def _line(self, ref: ItemRef, fate: Fate, reading: Future[ItemOutcome] | None) -> Line:
        if reading is None:
            return ref.n, fate, failed_line(ref.n, ref.id, self.place.form, self.why)
        outcome = reading.result()
        self._count(outcome)
        return ref.n, fate, outcome.line

    def _add_what_came_to_nothing(self) -> None:
        """Add what was spent on items that were given up for a while, or failed before and were
        tried again.
        """
        bucket, now = self.state.input.bucket, self.state.prefix + places.failures(self.place.epoch)
        for folder in (places.SPENT, places.FAILURES):
            for key in self.objects.keys(bucket, self.state.prefix + folder):
                if not key.startswith(now):
                    self._count(self._read(key))

    def _count(self, outcome: ItemOutcome) -> None:
        self.receipts.add(outcome.receipt)
        self.recount.add(outcome.charges)

    def _key(self, n: int, fate: Fate) -> str:
        folder = places.OUTCOMES if fate == "done" else places.failures(self.place.epoch)
        return self.state.prefix + folder + places.file_of(n)

    def _done(self, n: int, bundles: Iterable[Loading]) -> ItemOutcome:
        """Return the outcome of item `n`, by one of the bundles or by its own object.

        The pool takes up what it is given in order: bundles are loaded before they are waited for.
        """
        for bundle in bundles:
            found = bundle.result().get(n)
            if found is not None:
                return found
        return self._read(self._key(n, "done"))

    def _bundle(self, key: str) -> Mapping[int, ItemOutcome]:
        return outcomes_of(self.objects.read(self.state.input.bucket, key))

    def _read(self, key: str) -> ItemOutcome:
        return ItemOutcome.model_validate_json(self.objects.read(self.state.input.bucket, key))

    def _ended(self, results: int, errors: int, *, late: bool) -> Outcome:
        counts = JobCounts(
            total=self.place.items + self.place.rejected,
            done=self.counts["done"],
            failed=self.counts["failed"] + (0 if late else self.counts["missing"]),
            expired=self.counts["missing"] if late else 0,
        )
        receipt = self.receipts.whole()
        estimate = self.place.estimate or BatchEstimate()
        words = explained(estimate, receipt, counts.done)
        place = self.place.model_copy(
            update={"phase": "done", "receipt": receipt, "words": words, "missing": 0}
        )
        summary = self._summary(counts, place, estimate)
        key = self.state.prefix + places.SUMMARY
        self.objects.write(self.state.input.bucket, key, summary, {})
        end: End = "expired" if counts.expired else "partial" if counts.failed else "succeeded"
        return Outcome(
            place,
            counts,
            "done",
            end=end,
            files=(
                ResultFile(places.RESULTS, results),
                ResultFile(places.ERRORS, errors),
                ResultFile(places.SUMMARY, len(summary)),
            ),
            summary=key,
        )

    def _summary(self, counts: JobCounts, place: BatchPlace, estimate: BatchEstimate) -> bytes:
        told = BatchSummary(
            job_id=self.state.input.job_id,
            tenant=self.state.input.tenant,
            created_at=self.state.job.created_at,
            counts=counts.model_dump(),
            receipt=batch_receipt(place, self.catalogue().cost),
            estimate=estimate,
            words=place.words,
            prompts=place.prompts,
        )
        return told.model_dump_json(indent=2).encode() + b"\n"


def _number(line: Line) -> int:
    return line[0]
