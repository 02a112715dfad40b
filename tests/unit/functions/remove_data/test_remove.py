from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from chalicelib.contracts.documents import Document
from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.jobs import JobInput, StepRequest, StepResult
from chalicelib.contracts.removals import RemovalBound, Removed, RemovedTenant
from chalicelib.errors import Transient
from chalicelib.jobs.launcher import JobLauncher
from functions.remove_data import core
from tests.unit.ingest.fakes import INDEX, FakeTenants
from tests.unit.jobs.examples import JOB, NOW, begun, desk, given
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs

NEXT = IndexRef(INDEX.bucket, "acme-next", "next")
PICTURES = IndexRef(INDEX.bucket, "acme-pictures.emoji-clip.64", "emoji-clip")
KINDS = (
    *("inbox", "documents", "jobs", "feedback", "schedules", "sources", "results"),
    *("models/pairs", "models/data/tenants"),
)
PREFIXES = tuple(f"{kind}/acme/" for kind in KINDS)


@dataclass
class World:
    """A tenant's documents, objects, indexes and records. `dies_at` is the call that is cut off."""

    jobs: FakeJobs = field(default_factory=FakeJobs)
    stored: dict[str, Document] = field(default_factory=dict)
    objects: set[str] = field(default_factory=set)
    indexes: set[IndexRef] = field(default_factory=lambda: {INDEX, NEXT, PICTURES})
    records: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=lambda: {"KEY#1"})
    schedules: set[str] = field(default_factory=lambda: {"nightly", "weekly"})
    running: int = 0
    told: RemovedTenant | None = None
    calls: int = 0
    dies_at: int = -1
    bounds: list[RemovalBound | None] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def deps(self, seconds_a_look: float = 0.0) -> core.Deps:
        tenants = FakeTenants(next=NEXT, pictures=(PICTURES,))
        here = desk(self.jobs, seconds_a_look)
        return core.Deps(here, self.jobs, self, tenants, self, self, self, self)

    def run(self, request: StepRequest, seconds_a_look: float = 0.0) -> StepResult:
        """Run steps to the end, each cut off one being repeated; nothing waits."""
        deps = self.deps(seconds_a_look)
        for _ in range(200):
            try:
                result = core.run(request, deps)
            except Transient:
                continue
            if result.next != "more":
                return result
        raise AssertionError("it does not end")

    def _lives(self) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise Transient("the power went")

    def left(self) -> list[object]:
        places = (
            *(self.stored, self.objects, self.indexes, self.records, self.keys),
            self.schedules,
        )
        return [each for place in places for each in place]

    def put(self, name: str, collection: str = "a") -> None:
        told = {"document_id": name, "collection": collection, "path": name, "status": "ready"}
        self.stored[name] = Document.model_validate({**told, "created_at": NOW, "updated_at": NOW})

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        yield from list(self.stored.values())

    def document(self, tenant: str, document_id: str) -> Document | None:
        return self.stored.get(document_id)

    def remove(self, tenant: str, document: Document, bound: RemovalBound | None) -> Removed:
        self._lives()
        self.bounds.append(bound)
        self.stored.pop(document.document_id, None)
        return Removed(objects=3, vectors=2, records=2)

    def erase(self, tenant: str) -> int:
        self._lives()
        found = len(self.schedules)
        self.schedules.clear()
        return found

    def stop(self, given: JobInput) -> None:
        self._lives()
        self.stopped.append(given.job_id)

    def ingests(self, tenant: str) -> int:
        return self.running

    def other_jobs(self, tenant: str, job_id: str) -> Sequence[JobInput]:
        inputs = [running.input for running in self.jobs.executions.values()]
        return [each for each in inputs if each.job_id != job_id]

    def erase_objects(self, bucket: str, prefix: str) -> int:
        self._lives()
        found = [key for key in self.objects if key.startswith(prefix)][:2]
        self.objects -= set(found)
        return len(found)

    def erase_index(self, index: IndexRef) -> None:
        self._lives()
        self.indexes.discard(index)

    def erase_records(self, tenant: str, job_id: str, most: int) -> int:
        self._lives()
        found = list(self.records)[:2]
        self.records -= set(found)
        return len(found)

    def tell(self, told: RemovedTenant) -> None:
        self._lives()
        self.told = told

    def removed(self, tenant: str, job_id: str) -> RemovedTenant | None:
        return self.told

    def erase_last(self, tenant: str, job_id: str) -> None:
        self._lives()
        self.keys.clear()
        self.jobs.kept.pop((tenant, job_id), None)


def full() -> World:
    world = World()
    for n in range(5):
        world.put(f"doc_{n}", "a" if n % 2 else "b")
    world.objects = {prefix + str(n) for prefix in PREFIXES for n in range(5)}
    world.records = {"WEBHOOK#1", "COLLECTION#a", "FEEDBACK#1", "JOB#old", "SOMETHING#new"}
    return world


def test_the_documents_of_a_collection_go_and_no_others() -> None:
    world = full()
    result = world.run(begun(world.jobs, "remove_collection", collection="a"))
    assert (result.status, result.counts.total, result.counts.done) == ("succeeded", 2, 2)
    assert {document.collection for document in world.stored.values()} == {"b"}
    assert world.objects
    assert world.records
    assert world.keys
    assert world.schedules


@pytest.mark.parametrize(("document_id", "count"), [("doc_1", 1), ("doc_gone", 0)])
def test_one_document_goes_and_no_other(document_id: str, count: int) -> None:
    world = full()
    bound = RemovalBound(order="07", newest="one")
    request = begun(world.jobs, "remove_document", document_id=document_id, bound=bound)
    result = world.run(request)
    assert (result.status, result.counts.done) == ("succeeded", count)
    assert world.bounds == [bound] * count
    assert len(world.stored) == 5 - count


def test_a_tenant_goes_whole_and_the_operator_keeps_what_was_removed() -> None:
    world = full()
    result = world.run(begun(world.jobs, "remove_tenant"))
    assert (result.next, result.status, result.counts.done) == ("ended", "succeeded", 5)
    assert not world.left()
    assert ("acme", JOB) not in world.jobs.kept
    assert world.told is not None
    assert world.told.documents == 5
    assert world.told.removed == Removed(objects=15 + 45, vectors=10, records=10 + 5 + 2)
    assert {backup.days for backup in world.told.backups} >= {0, 35, 90}


@pytest.mark.parametrize("dies_at", range(1, 25))
def test_a_removal_cut_off_at_any_call_ends_with_nothing_left(dies_at: int) -> None:
    world = full()
    world.dies_at = dies_at
    assert world.run(begun(world.jobs, "remove_tenant")).counts.done == 5
    assert not world.left()


def test_an_end_whose_answer_was_lost_is_told_again() -> None:
    world = full()
    request = begun(world.jobs, "remove_tenant")
    assert world.run(request) == world.run(request)


def test_a_removal_waits_for_running_ingests() -> None:
    world = full()
    world.running = 1
    request = begun(world.jobs, "remove_tenant")
    result = world.run(request)
    assert (result.next, result.seconds) == ("wait", core.WAIT_SECONDS)
    assert world.stored
    world.running = 0
    assert world.run(request).status == "succeeded"


def test_other_jobs_of_the_tenant_are_cancelled_and_waited_for() -> None:
    world = full()
    other = given("export", job_id="01J9ZQ3V5B8X6N2M4K7T0RWFHZ")
    JobLauncher(world.jobs, FakeJobExecutions(), lambda: NOW).launch(other)
    request = begun(world.jobs, "remove_tenant")
    assert world.run(request).next == "wait"
    assert world.jobs.kept["acme", other.job_id].job.status == "cancelled"
    world.jobs.leave(world.jobs.executions[other.execution_name])
    assert world.run(request).status == "succeeded"


def test_an_execution_that_rests_is_stopped_and_no_other() -> None:
    world = full()
    others = [
        given("export", job_id="01J9ZQ3V5B8X6N2M4K7T0RWFHX"),
        given("rollout", job_id="01J9ZQ3V5B8X6N2M4K7T0RWFHY"),
    ]
    for other in others:
        JobLauncher(world.jobs, FakeJobExecutions(), lambda: NOW).launch(other)
    assert world.run(begun(world.jobs, "remove_tenant")).next == "wait"
    assert world.stopped == [others[1].job_id]


def test_a_step_that_is_late_goes_on_in_the_next() -> None:
    world = full()
    request = begun(world.jobs, "remove_collection", collection="b")
    deps = world.deps(seconds_a_look=6.0)
    steps = 0
    while core.run(request, deps).next != "ended":
        steps += 1
    assert steps == 2
    assert len(world.stored) == 2


def test_a_cancelled_removal_stops_where_it_is() -> None:
    world = full()
    request = begun(world.jobs, "remove_collection", collection="a")
    core.run(request, world.deps())
    launcher = JobLauncher(world.jobs, FakeJobExecutions(), lambda: NOW)
    launcher.cancel(world.jobs.kept["acme", JOB])
    assert world.run(request).status == "cancelled"
    assert len(world.stored) == 5
