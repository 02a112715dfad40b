"""Admission of ingests: floods, simulated on the real claims, settlements and records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count, pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.waitlist import WaitlistTable
from chalicelib.adapters.records.writes import COUNTER
from chalicelib.contracts.arrivals import ExecutionStatus
from chalicelib.contracts.ingest import IngestInput
from chalicelib.errors import HeadraceError, Transient
from chalicelib.ingest.admission import MAX_FAILING, POSTPONEMENT, Admission
from chalicelib.ingest.arrivals import ArrivalProcessor
from chalicelib.ingest.departures import MemberRemover
from chalicelib.jobs.ingest_seats import SeatUse
from chalicelib.jobs.ingest_settlement import IngestSettlement, IngestSlot
from chalicelib.jobs.ingest_waitlist import WaitingArrival, courtesy
from tests.unit.ingest.conftest import TABLE, put_tenant
from tests.unit.ingest.examples import MACHINE, NOW, arrival
from tests.unit.ingest.fakes import FakeObjects, FakeQueue, FakeRemover
from tests.unit.ingest.memory_dynamo import MemoryDynamo

KB, MB, GB = 1024, 1024**2, 1024**3
SEATS = 4


@dataclass
class Stage:
    """A stage with some seats, on a clock that moves from one event to the next.

    An ingest takes `base` seconds, and another for each 200 kB.
    """

    tenants: tuple[str, ...] = ("acme",)
    base: float = 1.0
    now: datetime = NOW
    started: list[IngestInput] = field(default_factory=list)
    finished: list[IngestInput] = field(default_factory=list)
    waits: dict[str, timedelta] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    max_tenants: int = 200
    seats: int = SEATS

    def __post_init__(self) -> None:
        table = DynamoTable(MemoryDynamo(), TABLE)  # type: ignore[arg-type]
        for tenant in self.tenants:
            put_tenant(table, tenant)
        self.records, self.waiting, self.objects = (
            IngestTable(table),
            WaitlistTable(table),
            Objects(self),
        )
        remover, self.queue = FakeRemover(), FakeQueue()
        self.arrivals = ArrivalProcessor(
            records=self.records,
            tenants=self.records,
            objects=self.objects,
            executions=self,
            waiting=self.waiting,
            departed=MemberRemover(
                self.records, self.objects, lambda bucket: remover, remover.later
            ),
            machine_arn=MACHINE,
            max_running=self.seats,
            now=lambda: self.now,
        )
        self.admission = Admission(
            self.waiting, self.records, self.arrivals, self.queue, self.seats, self.max_tenants
        )
        self._events: list[tuple[datetime, int, Callable[[], object]]] = []
        self._number = count()

    def at(self, seconds: float, happens: Callable[[], object]) -> None:
        """Let something happen some seconds from now."""
        heappush(self._events, (self.now + timedelta(seconds=seconds), next(self._number), happens))

    def upload(self, size: int, tenant: str = "acme", after: float = 0.0) -> str:
        """Upload a file `after` so many seconds; return its path."""
        path = f"{next(self._number)}.txt"
        key = f"inbox/{tenant}/default/{path}"
        self.objects.bodies[key] = b"x"

        def arrive() -> None:
            if self.arrivals.take(arrival(key=key, size=size, time=self.now)) == "deferred":
                self.admission.admit(self.now)

        self.at(after, arrive)
        return path

    def run(self, until: timedelta = timedelta(days=30)) -> None:
        """Let everything happen that is still to happen."""
        end = self.now + until
        while self._events and self._events[0][0] <= end:
            self.now, _, happens = heappop(self._events)
            happens()

    def start(self, name: str, work: IngestInput) -> None:
        """Start an execution, as the arrivals see it."""
        assert work.uploaded_at is not None
        self.started.append(work)
        self.waits[work.path] = self.now - work.uploaded_at
        assert len(self.started) - len(self.finished) <= self.seats
        self.at(self.base + work.bytes / (200 * KB), lambda: self._end(name))

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        """No execution ends unnoticed."""
        raise AssertionError(execution_arn)

    def _end(self, name: str) -> None:
        slot = self.records.place(f"{MACHINE}:{name}")
        assert slot is not None
        self.finished.append(slot.work)
        self.records.settle(slot, IngestSettlement("failed", "because"), self.now)
        self.admission.admit(self.now)


class NobodyRuns:
    """Seats that are all free."""

    def running(self) -> Iterator[IngestSlot]:
        yield from ()


class Objects(FakeObjects):
    """Objects of which some cannot be looked at."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage
        self.error: HeadraceError | None = None

    def metadata(self, bucket: str, key: str, version_id: str | None = None) -> dict[str, str]:
        if key.rpartition("/")[2] in self._stage.broken:
            raise HeadraceError("denied")
        if self.error is not None:
            raise self.error
        return dict(super().metadata(bucket, key, version_id))


def test_small_files_of_a_flood_come_first() -> None:
    """Of 60 files put at once, the small ones last: their median rank is in the first quarter."""
    stage = Stage()
    paths = [stage.upload(900 * KB, after=n / 10) for n in range(44)]
    small = {stage.upload(240, after=5 + n / 10) for n in range(16)}
    stage.run()
    order = [work.path for work in stage.finished]
    assert sorted(order) == sorted((*paths, *small))
    assert median(order.index(path) for path in small) < len(order) / 4
    assert not stage.waiting.is_any()


@pytest.mark.parametrize("size", [MB, GB])
def test_a_large_file_is_not_starved_by_small_ones_without_end(size: int) -> None:
    stage = Stage(base=120)
    every = stage.base / SEATS / 1.1
    lasts = 1.5 * courtesy(size)
    for n in range(int(lasts.total_seconds() / every)):
        stage.upload(KB, after=n * every)
    large = stage.upload(size, after=150)
    stage.run(lasts)
    backlog = 0.2 * courtesy(size) + timedelta(minutes=5)
    assert timedelta(minutes=1) < stage.waits[large] < courtesy(size) + backlog


def test_the_first_upload_of_a_tenant_passes_all_that_another_put_before() -> None:
    stage = Stage(tenants=("acme", "zeta"))
    for _ in range(60):
        stage.upload(KB)
    only = stage.upload(900 * KB, "zeta", after=2.5)
    stage.run()
    assert stage.waits[only] <= timedelta(seconds=1)
    assert len(stage.finished) == 61


def test_seats_are_shared_by_tenants_whatever_they_upload() -> None:
    stage = Stage(tenants=("acme", "zeta"))
    for _ in range(20):
        stage.upload(900 * KB)
    for _ in range(90):
        stage.upload(KB, "zeta", after=1)
    stage.run(timedelta(seconds=30))
    running = Counter(slot.work.tenant for slot in stage.records.running())
    assert running == {"acme": 2, "zeta": 2}
    ended = Counter(work.tenant for work in stage.finished)
    assert ended["zeta"] > 40
    assert ended["acme"] > 8


def test_large_files_of_a_tenant_leave_seats_for_a_small_one_and_for_another_tenants() -> None:
    """However many large files came first, and in whatever order the others come."""
    stage = Stage(tenants=("acme", "zeta"))
    for n in range(12):
        stage.upload(64 * MB, after=n / 10)
    small = [stage.upload(KB, after=10 + n / 10) for n in range(8)]
    other = stage.upload(64 * MB, "zeta", after=20)
    last = stage.upload(KB, "zeta", after=21)
    stage.run(timedelta(seconds=60))
    assert max(stage.waits[path] for path in small) <= timedelta(seconds=9)
    assert stage.waits[other] == timedelta()
    assert stage.waits[last] == timedelta()
    running = Counter(slot.work.tenant for slot in stage.records.running())
    assert running == {"acme": 2, "zeta": 1}
    stage.run()
    assert len(stage.finished) == 22
    assert not stage.waiting.is_any()
    assert stage.records._table.get(COUNTER) == {
        "pk": "ADMISSION", "sk": "ingest", "running": 0, "running_large": 0,
    }  # fmt: skip


def test_the_only_seat_is_every_files() -> None:
    stage = Stage(seats=1)
    paths = [stage.upload(size) for size in (3 * MB, KB, 2 * MB, KB)]
    stage.run()
    assert sorted(work.path for work in stage.finished) == sorted(paths)


LINES = st.tuples(st.sampled_from("abcd"), st.booleans())


@given(st.integers(1, 9), st.lists(LINES, max_size=40))
def test_seats_that_large_files_may_hold_are_bounded_and_no_seat_is_held_back_from_small_ones(
    seats: int, wanted: list[tuple[str, bool]]
) -> None:
    """Fill the seats one by one from what waits, until nothing that waits may have one."""
    waiting = [
        WaitingArrival(f"{n:02}", tenant, NOW + timedelta(seconds=n), NOW, "", large)
        for n, (tenant, large) in enumerate(wanted)
    ]
    use = SeatUse(seats)
    while use.held.total() < seats:
        before = Counter(use.held)
        given = use.next_admitted(waiting)
        if given is None:
            break
        others = [each.tenant for each in waiting if each.tenant != given.tenant and not each.large]
        assert all(before[given.tenant] <= before[other] for other in others)
        if others:
            assert before[given.tenant] < (seats + 1) / 2
        use.take(given.tenant, large=given.large)
        waiting.remove(given)
    assert use.held_large.total() <= max(1, seats - 1)
    assert max(use.held_large.values(), default=0) <= max(1, seats - 2)
    assert use.held.total() == seats or all(each.large for each in waiting)
    if use.held.total() < seats and waiting:
        assert use.held_large.total() >= max(1, seats - 2)


def test_more_tenants_than_are_compared_at_once_all_have_their_turn() -> None:
    tenants = tuple(f"t{n:03d}" for n in range(24))
    stage = Stage(tenants=tenants, max_tenants=10)
    for tenant in tenants * 3:
        stage.upload(KB, tenant)
    stage.run()
    assert Counter(work.tenant for work in stage.finished) == dict.fromkeys(tenants, 3)
    half = {work.tenant for work in stage.started[: len(stage.started) // 2]}
    assert len(half) > 20


def test_an_arrival_that_cannot_be_processed_stops_no_other() -> None:
    stage = Stage()
    for _ in range(SEATS):
        stage.upload(KB)
    bad = stage.upload(KB, after=0.1)
    good = stage.upload(KB, after=0.2)
    stage.at(0.3, lambda: stage.broken.add(bad))
    stage.at(POSTPONEMENT.total_seconds() - 1, stage.broken.clear)
    for again in (2, 3, POSTPONEMENT.total_seconds() + 5):
        stage.at(again, lambda: stage.admission.admit(stage.now))
    while stage._events:
        try:
            stage.run()
        except HeadraceError as error:
            assert str(error) == "denied"  # noqa: PT017 - the admission after each end raises it
    assert stage.waits[good] <= timedelta(seconds=3)
    assert stage.waits[bad] > POSTPONEMENT
    assert not stage.waiting.is_any()


@pytest.mark.parametrize("size", [KB, 2 * MB])
def test_an_arrival_that_keeps_failing_goes_to_the_queue_with_its_reason_and_waits_no_more(
    size: int,
) -> None:
    """The queue counts its receives, and moves it to the dead letters; from there it may return."""
    stage = Stage()
    for _ in range(SEATS):
        stage.upload(KB)
    bad = stage.upload(size, after=0.1)
    stage.at(0.2, lambda: stage.broken.add(bad))
    looks = int(2 * MAX_FAILING / timedelta(minutes=15))
    for n in range(looks):
        stage.at(2 + 900 * n, lambda: stage.admission.admit(stage.now))
    failures = 0
    while stage._events:
        try:
            stage.run()
        except HeadraceError:
            failures += 1
    assert failures >= MAX_FAILING / timedelta(minutes=15)
    (body, error), *more = stage.queue.failed
    assert (bad in body, error.message, more) == (True, "denied", [])
    assert not stage.waiting.is_any()
    with pytest.raises(HeadraceError, match="denied"):
        stage.arrivals.take(body, has_waited=True)
    stage.broken.clear()
    assert stage.arrivals.take(body, has_waited=True) == "started"


def test_an_arrival_that_passing_errors_keep_back_waits_on() -> None:
    stage = Stage()
    for _ in range(SEATS + 1):
        stage.upload(KB)
    stage.run(timedelta(seconds=0.5))
    (waiting,) = stage.waiting.firsts("", large=False)
    stage.objects.error = Transient("busy")
    for hours in range(5):
        with pytest.raises(Transient):
            Admission(stage.waiting, NobodyRuns(), stage.arrivals, stage.queue, SEATS).admit(
                NOW + timedelta(hours=hours)
            )
    assert [*stage.waiting.firsts("", large=False)] == [waiting]
    assert stage.queue.failed == []


@given(st.lists(st.integers(0, 5 * GB), min_size=2))
def test_a_file_lets_others_pass_for_longer_the_larger_it_is_and_never_for_ever(
    sizes: list[int],
) -> None:
    waits = [courtesy(size) for size in sorted(sizes)]
    assert all(earlier <= later for earlier, later in pairwise(waits))
    assert waits[-1] <= timedelta(hours=1, minutes=2)
    assert courtesy(4 * KB) == timedelta()
    assert courtesy(MB) == timedelta(minutes=24)
