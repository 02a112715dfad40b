"""What reducing holds in memory, however large the answers are together."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.batches import storage
from chalicelib.batches.results import MAX_CONCURRENT_READS, ResultWriter
from chalicelib.contracts.batches import BatchCheckpoint, ItemError, ItemOutcome, ItemRef
from chalicelib.generation.catalogue import catalogue
from chalicelib.jobs.lifecycle import JobState, new_job
from tests.unit.batches.examples import ORDER
from tests.unit.batches.fakes import FakeBatchObjects
from tests.unit.batches.ledger import Ledger
from tests.unit.functions.batches.world import PREFIX
from tests.unit.jobs.examples import NOW, given

ITEMS = 600
ANSWER_BYTES = 200_000
HELD = 2 * MAX_CONCURRENT_READS
"""Answers that are read ahead."""


@dataclass
class Counter:
    """A stream that keeps only how much was written."""

    size: int = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)


@dataclass
class LargeOutcomes(FakeBatchObjects):
    """Outcomes that are made when they are read."""

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        if not key.startswith(PREFIX + storage.OUTCOMES):
            return super().read(bucket, key, version_id)
        n = storage.item_number(key)
        line = {"id": f"i{n}", "answer": f"{n:08d}" * (ANSWER_BYTES // 8)}
        return ItemOutcome(n=n, line=line).model_dump_json().encode()

    @contextmanager
    def writing(self, bucket: str, key: str) -> Iterator[Counter]:  # type: ignore[override]
        counter = Counter()
        yield counter
        self.write(bucket, key, str(counter.size).encode(), {})


def test_memory_should_not_grow_with_the_number_of_answers() -> None:
    objects = LargeOutcomes()
    objects.bodies[PREFIX + storage.REJECTED] = b""
    job = given("batch", order=ORDER)
    state = JobState(new_job(job, NOW), job, "arn")
    place = BatchCheckpoint(phase="reducing", items=ITEMS)
    why = ItemError(type="Throttled", message="no")
    recount = Ledger().recount("acme", NOW)
    writer = ResultWriter(objects, catalogue, state, place, why, recount)
    refs = ((ItemRef(n=n, id=f"i{n}", start=n, length=1), "done") for n in range(ITEMS))
    tracemalloc.start()
    try:
        outcome = writer.write(refs, late=False)  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert outcome.counts.done == ITEMS
    assert int(objects.bodies[PREFIX + storage.RESULTS]) > ITEMS * ANSWER_BYTES
    assert peak < 6 * HELD * ANSWER_BYTES < ITEMS * ANSWER_BYTES
