from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from chalicelib.contracts.documents import Document
from chalicelib.contracts.indexes import IndexRef, TenantState
from chalicelib.contracts.jobs import JobError, Slice, StepRequest, StepResult
from chalicelib.errors import Conflict, ModelFailure, NotFound, Transient
from chalicelib.jobs.ingest_settlement import IngestSlot
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.retrieval.ids import vector_key
from functions.reindex_tenant import core
from tests.unit.ingest.examples import work
from tests.unit.ingest.fakes import INDEX, FakeObjects
from tests.unit.jobs.examples import JOB, NOW, begun, desk
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs

NEXT = IndexRef(INDEX.bucket, "acme-other-0rwfhd.terms", "other")


@dataclass
class World:
    """A tenant in memory. `dies_at` is the call of the world that is cut off after it was done."""

    jobs: FakeJobs = field(default_factory=FakeJobs)
    objects: FakeObjects = field(default_factory=FakeObjects)
    stored: dict[str, Document] = field(default_factory=dict)
    indexes: dict[str, set[str]] = field(default_factory=lambda: {INDEX.name: set()})
    state: TenantState = field(default_factory=lambda: TenantState(INDEX))
    places: list[IngestSlot] = field(default_factory=list)
    loses: Callable[[str], bool] | None = None
    waits: list[int] = field(default_factory=list)
    calls: int = 0
    dies_at: int = -1

    def deps(self, seconds_a_look: float = 0.0) -> core.Deps:
        here = desk(self.jobs, seconds_a_look)
        return core.Deps(here, self, self, self, self.objects, self._dimensions)

    def _dimensions(self, model: str) -> int:
        if model != "other":
            raise NotFound(f"no {model}")
        return 384

    def _lives(self) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise Transient("the power went")

    def put(self, name: str, version: str = "v_1", chunks: int = 3) -> None:
        """A version becomes ready; its ingest fills every index of the tenant."""
        told = {"document_id": name, "collection": "a", "path": name, "status": "ready"}
        facts = {"version": version, "chunks": chunks, "created_at": NOW, "updated_at": NOW}
        self.stored[name] = Document.model_validate(told | facts)
        for index in self.state.indexes:
            self.indexes[index.name] |= {vector_key(name, version, n) for n in range(chunks)}

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        for key in sorted(self.stored):
            if key > after:
                yield self.stored[key]

    def running(self) -> Iterator[IngestSlot]:
        yield from self.places

    def live_index(self, tenant: str) -> IndexRef | None:
        return self.state.live

    def tenant_state(self, tenant: str) -> TenantState | None:
        return self.state

    def set_next(self, tenant: str, job_id: str, index: IndexRef) -> None:
        self.state = TenantState(self.state.live, index)
        self._lives()

    def swap(self, tenant: str, job_id: str, old: IndexRef, index: IndexRef) -> None:
        if self.state.live == index:
            return
        assert (self.state.live, self.state.next) == (old, index)
        self.state = TenantState(index)
        self._lives()

    def drop_next(self, tenant: str, job_id: str) -> None:
        self.state = TenantState(self.state.live)

    def create(self, index: IndexRef, dimensions: int) -> None:
        assert dimensions == 384
        self.indexes.setdefault(index.name, set())
        self._lives()

    def drop(self, index: IndexRef) -> None:
        self.indexes.pop(index.name, None)
        self._lives()

    def missing(self, index: IndexRef, keys: Sequence[str]) -> list[str]:
        self._lives()
        return [key for key in keys if key not in self.indexes[index.name]]

    def embed(self, key: str) -> None:
        """What the children of one Map Run do."""
        for line in self.objects.bodies[key].splitlines():
            part = Slice.model_validate(json.loads(line))
            document = self.stored.get(part.document_id)
            if document is None or document.version != part.version or self.state.next is None:
                continue
            for n in range(part.first, part.first + part.count):
                made = vector_key(part.document_id, part.version, n)
                if self.loses is None or not self.loses(made):
                    self.indexes[self.state.next.name].add(made)

    def run(self, request: StepRequest, deps: core.Deps | None = None) -> StepResult:
        """Run as the state machine does, each cut off step being repeated."""
        deps, embedded = deps or self.deps(), None
        for _ in range(2_000):
            try:
                result = core.run(request.model_copy(update={"embedded": embedded}), deps)
            except Transient:
                continue
            embedded = None
            if result.next == "ended":
                return result
            if result.next == "embed":
                self.embed(result.key)
                embedded = result.batch
            if result.next == "wait":
                self.waits.append(result.seconds)
        raise AssertionError("it does not end")

    def wanted(self) -> set[str]:
        """The vectors of all that answers."""
        return {
            vector_key(each.document_id, each.version, n)
            for each in self.stored.values()
            for n in range(each.chunks)
        }


def world_of(count: int, chunks: int = 3) -> World:
    world = World()
    for n in range(count):
        world.put(f"doc_{n:03d}", chunks=chunks)
    return world


def begin(world: World) -> StepRequest:
    return begun(world.jobs, "reindex", model="other")


def test_every_vector_is_there_before_the_next_index_answers() -> None:
    world = world_of(7, chunks=450)
    result = world.run(begin(world))
    assert (result.status, result.counts.total, result.counts.done) == ("succeeded", 7, 7)
    assert world.state == TenantState(NEXT)
    assert world.indexes == {NEXT.name: world.wanted()}
    assert not [key for key in world.objects.bodies if key.startswith("jobs/")]


def test_a_tenant_without_documents_moves_too() -> None:
    world = World()
    assert world.run(begin(world)).status == "succeeded"
    assert world.state.live == NEXT


def test_the_old_index_outlives_the_swap_by_the_length_of_a_query() -> None:
    world = world_of(1)
    seen: list[tuple[int, bool]] = []

    class Watched(list[int]):
        def append(self, seconds: int) -> None:
            seen.append((seconds, INDEX.name in world.indexes))
            assert world.state.live == NEXT

    world.waits = Watched()
    world.run(begin(world))
    assert seen == [(core.LINGER_SECONDS, True)]
    assert INDEX.name not in world.indexes


@pytest.mark.parametrize("dies_at", range(1, 12))
def test_a_reindex_cut_off_after_any_call_ends_the_same(dies_at: int) -> None:
    world = world_of(3)
    world.dies_at = dies_at
    assert world.run(begin(world)).counts.done == 3
    assert world.indexes == {NEXT.name: world.wanted()}


def test_what_was_lost_is_embedded_again() -> None:
    world = world_of(5)
    lost = iter([True] * 4)
    world.loses = lambda key: next(lost, False)
    assert world.run(begin(world)).status == "succeeded"
    assert world.indexes == {NEXT.name: world.wanted()}


def test_what_keeps_missing_ends_the_attempt_and_the_old_index_answers() -> None:
    world = world_of(2)
    world.loses = lambda key: True
    with pytest.raises(ModelFailure, match="still miss"):
        world.run(begin(world))
    assert world.state.live == INDEX


def test_ingests_that_began_before_the_next_index_was_known_are_waited_for() -> None:
    world = world_of(2)
    old = IngestSlot(work(), 1, "arn", NOW - timedelta(minutes=1))
    world.places = [old]
    request, deps = begin(world), world.deps()

    class Patient(list[int]):
        def append(self, seconds: int) -> None:
            super().append(seconds)
            if len(self) == 2:
                # The ingest knew of the old index only, and ends.
                world.places = []
                world.indexes[INDEX.name] |= {vector_key("doc_late", "v_1", 0)}
                world.state, both = TenantState(INDEX), world.state
                world.put("doc_late", chunks=1)
                world.state = both

    world.waits = Patient()
    assert world.run(request, deps).counts.done == 3
    assert world.waits[:2] == [core.WAIT_SECONDS] * 2
    assert world.indexes == {NEXT.name: world.wanted()}


def test_ingests_that_began_later_are_not_waited_for() -> None:
    world = world_of(1)
    world.places = [IngestSlot(work(), 1, "arn", NOW + timedelta(seconds=1))]
    assert world.run(begin(world)).status == "succeeded"
    assert world.waits == [core.LINGER_SECONDS]


@pytest.mark.parametrize("seed", range(20))
def test_documents_that_change_meanwhile_are_never_short_of_a_vector(seed: int) -> None:
    chance = random.Random(seed)
    world = world_of(6)
    request, deps, embedded, version = begin(world), world.deps(), None, 1
    for _ in range(300):
        result = core.run(request.model_copy(update={"embedded": embedded}), deps)
        embedded = None
        if result.next == "ended":
            break
        if chance.random() < 0.5:
            version += 1
            world.put(f"doc_{chance.randrange(9):03d}", f"v_{version}", chance.randrange(1, 5))
        if chance.random() < 0.3:
            world.stored.pop(f"doc_{chance.randrange(9):03d}", None)
        if result.next == "embed":
            world.embed(result.key)
            embedded = result.batch
    assert world.state.live == NEXT
    assert world.wanted() <= world.indexes[NEXT.name]


def test_a_batch_that_failed_fails_the_step_with_its_reason() -> None:
    world = world_of(1)
    request = begin(world)
    core.run(request, world.deps())
    error = JobError(type="ModelFailure", message="other is not in /models")
    with pytest.raises(ModelFailure, match="not in /models"):
        core.run(request.model_copy(update={"error": error}), world.deps())


def test_a_cancelled_reindex_takes_its_index_down() -> None:
    world = world_of(2)
    request = begin(world)
    core.run(request, world.deps())
    assert world.state.next == NEXT
    JobLauncher(world.jobs, FakeJobExecutions(), lambda: NOW).cancel(world.jobs.kept["acme", JOB])
    assert world.run(request).status == "cancelled"
    assert (world.state, list(world.indexes)) == (TenantState(INDEX), [INDEX.name])


def test_steps_that_are_late_go_on_where_they_stopped() -> None:
    world = world_of(9)
    deps = world.deps(seconds_a_look=6.0)
    assert world.run(begin(world), deps).counts.done == 9
    assert world.indexes == {NEXT.name: world.wanted()}


def test_a_pointer_that_lost_the_next_index_stops_the_job() -> None:
    world = world_of(1)
    request, deps = begin(world), world.deps()
    while world.jobs.kept["acme", JOB].job.phase != "verifying":
        core.run(request.model_copy(update={"embedded": 0}), deps)
    world.state = TenantState(INDEX)
    with pytest.raises(Conflict):
        core.run(request, deps)
