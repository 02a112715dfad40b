"""Synchronisation of a prefix with a collection: what is new, changed, gone, refused or cut off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as holds_for
from hypothesis import strategies as st

from chalicelib.contracts.jobs import JobError
from chalicelib.errors import InvalidInput, NotFound, Transient
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState
from functions.run_schedule import comparison, sync
from tests.unit.functions.run_schedule.buckets import (
    SCHEDULE,
    Buckets,
    Runs,
    place_of,
)
from tests.unit.jobs.examples import BUCKET, NOW
from tests.unit.jobs.fakes import FakeJobExecutions

SOURCE = "sources/acme/in/"
WORK = {"kind": "sync", "uri": f"s3://{BUCKET}/sources/acme/in/", "collection": "news"}
REMOVING = {**WORK, "remove": True}
INBOX = "inbox/acme/news/"


class World:
    """A source, a collection and the schedule between them."""

    def __init__(self) -> None:
        self.buckets = Buckets()
        self.runs = Runs(self.buckets)

    def put(self, name: str, body: bytes = b"text", days: int = 0) -> None:
        self.buckets.put(BUCKET, SOURCE + name, body, NOW + timedelta(days=days))

    def drop(self, name: str) -> None:
        del self.buckets.bodies[BUCKET, SOURCE + name]

    @property
    def inbox(self) -> dict[str, bytes]:
        return self.buckets.under(BUCKET, INBOX)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a step compare three keys and copy two objects."""
    monkeypatch.setattr(comparison, "KEYS_A_STEP", 3)
    monkeypatch.setattr(comparison, "COPIES_A_STEP", 2)
    monkeypatch.setattr(sync, "REMOVALS_AT_ONCE", 3)


def counts(state: JobState) -> tuple[int, int, int]:
    return state.job.counts.total, state.job.counts.done, state.job.counts.failed


def test_only_what_is_new_or_changed_should_be_brought_in(world: World) -> None:
    for name in ("a.txt", "folder/b.txt", "ü.txt"):
        world.put(name, name.encode())
    world.put("folder/", b"")
    world.buckets.put(BUCKET, "sources/acme/inner/c.txt", b"beside")
    first = world.runs.run(WORK)
    assert (first.job.status, counts(first)) == ("succeeded", (3, 3, 0))
    assert list(world.inbox) == ["a.txt", "folder/b.txt", "ü.txt"]
    assert place_of(first).results == ("news/a.txt", "news/folder/b.txt", "news/ü.txt")

    before = world.buckets.writes
    again = world.runs.run(WORK)
    assert counts(again) == (0, 0, 0)
    assert place_of(again).notes == ("3 unchanged",)
    assert world.buckets.writes == before + 3  # a file of the manifest, its head, the step

    world.put("a.txt", b"A", days=1)
    world.put("ü.txt", "ü.txt".encode(), days=1)
    third = world.runs.run(WORK)
    assert counts(third) == (2, 2, 0)
    assert world.inbox["a.txt"] == b"A"


def test_a_manifest_should_be_dropped_once_no_run_reads_it(world: World) -> None:
    world.put("a.txt")
    for _ in range(4):
        world.runs.run(WORK)
    kept = world.buckets.under(BUCKET, f"schedules/acme/{SCHEDULE}/")
    assert {key.partition("/")[0][-3:] for key in kept} == {"003", "004"}


def test_another_prefix_or_collection_should_begin_anew(world: World) -> None:
    world.put("a.txt")
    world.runs.run(REMOVING)
    world.buckets.put(BUCKET, "sources/acme/out/b.txt", b"b")
    other = {**REMOVING, "uri": f"s3://{BUCKET}/sources/acme/out"}
    assert counts(world.runs.run(other)) == (1, 1, 0)
    assert list(world.inbox) == ["a.txt", "b.txt"]
    assert counts(world.runs.run({**other, "collection": "more"})) == (1, 1, 0)


def test_what_cannot_become_a_document_should_be_said_once(world: World) -> None:
    world.put("big.bin", bytes(1_001))
    world.put("bad\x01name.txt")
    world.put("fine.txt")
    state = world.runs.run(WORK)
    assert (state.job.status, counts(state)) == ("partial", (3, 1, 2))
    (errors,) = state.files
    written = world.buckets.bodies[BUCKET, state.prefix + errors.name].decode()
    assert "it has 1,001 bytes; the stage takes 1,000 at most" in written
    assert "control character" in written
    assert len(place_of(state).notes) == 2
    again = world.runs.run(WORK)
    assert (again.job.status, counts(again)) == ("succeeded", (0, 0, 0))
    assert "2 unchanged that an earlier run could not bring in" in place_of(again).notes


def test_an_object_that_may_not_be_read_should_be_tried_again_the_next_time(world: World) -> None:
    world.put("a.txt")
    world.put("b.txt")
    world.buckets.denied.add(SOURCE + "b.txt")
    assert counts(world.runs.run(WORK)) == (2, 1, 1)
    world.buckets.denied.clear()
    assert counts(world.runs.run(WORK)) == (1, 1, 0)
    assert list(world.inbox) == ["a.txt", "b.txt"]


def test_a_source_of_which_nothing_may_be_read_should_fail_the_run(world: World) -> None:
    for name in ("a.txt", "b.txt"):
        world.put(name)
        world.buckets.denied.add(SOURCE + name)
    with pytest.raises(InvalidInput, match="access denied"):
        world.runs.run(WORK)


def test_a_source_that_is_empty_or_may_not_be_listed_should_fail_the_run(world: World) -> None:
    with pytest.raises(NotFound, match=r"no object under .*/sources/acme/in/: upload files"):
        world.runs.run(WORK)
    with pytest.raises(InvalidInput, match="may read"):
        world.runs.run({**WORK, "uri": f"s3://{BUCKET}/sources/rival/"})
    world.runs.grants.uris.append("s3://files/acme/")
    world.buckets.denied.add("files")
    with pytest.raises(InvalidInput, match="access denied"):
        world.runs.run({**WORK, "uri": "s3://files/acme/in/"})
    world.runs.grants.uris.clear()
    with pytest.raises(InvalidInput, match="an operator grants others"):
        world.runs.run({**WORK, "uri": "s3://files/acme/in/"})


def test_an_object_that_changes_while_it_is_copied_should_be_left_to_the_next_run(
    world: World,
) -> None:
    world.put("a.txt")
    world.put("b.txt")
    world.put("c.txt")

    def change(key: str) -> None:
        if key.endswith("a.txt"):
            world.put("a.txt", b"other")
        if key.endswith("b.txt"):
            world.drop("b.txt")

    world.buckets.before_copy = change
    state = world.runs.run(WORK)
    assert (state.job.status, counts(state)) == ("succeeded", (1, 1, 0))
    assert place_of(state).notes == ("2 changed or went away meanwhile; the next run looks again",)
    assert counts(world.runs.run(WORK)) == (1, 1, 0)
    assert world.inbox["a.txt"] == b"other"


def test_documents_should_stay_unless_their_removal_is_asked_for(world: World) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        world.put(name)
    world.runs.run(WORK)
    world.drop("b.txt")
    assert counts(world.runs.run(WORK)) == (0, 0, 0)
    assert len(world.inbox) == 3


def test_documents_whose_objects_are_gone_should_be_removed(world: World, small: None) -> None:
    for n in range(10):
        world.put(f"{n}.txt")
    world.buckets.put(BUCKET, f"{INBOX}own.txt", b"uploaded by hand")
    world.runs.run(REMOVING)
    for n in (0, 4, 5, 9):
        world.drop(f"{n}.txt")
    state = world.runs.run(REMOVING)
    assert (state.job.status, counts(state)) == ("succeeded", (4, 4, 0))
    assert list(world.inbox) == ["1.txt", "2.txt", "3.txt", "6.txt", "7.txt", "8.txt", "own.txt"]
    assert counts(world.runs.run(REMOVING)) == (0, 0, 0)


def test_a_removal_that_fails_should_be_counted_and_tried_again_the_next_time(
    world: World,
) -> None:
    for n in range(4):
        world.put(f"{n}.txt")
    world.runs.run(REMOVING)
    world.drop("0.txt")
    request = world.runs.begin(REMOVING)
    world.runs.step(request)
    assert world.runs.step(request).next == "wait"
    (child,) = [state for state in world.runs.jobs.kept.values() if state.input.document_id]
    assert world.runs.step(request).next == "wait"
    world.runs.jobs.fail(child, JobError(type="Transient", message="no answer"), NOW)
    state = world.runs.finish(request)
    assert (state.job.status, counts(state)) == ("partial", (1, 0, 1))
    assert "did not remove its document" in place_of(state).notes[1]
    assert counts(world.runs.run(REMOVING)) == (1, 1, 0)
    assert list(world.inbox) == ["1.txt", "2.txt", "3.txt"]


def test_more_than_half_should_not_be_removed_at_once(world: World) -> None:
    for n in range(4):
        world.put(f"{n}.txt")
    world.runs.run(REMOVING)
    for n in range(3):
        world.drop(f"{n}.txt")
    for _ in range(2):
        refused = world.runs.run(REMOVING)
        assert (refused.job.status, counts(refused)) == ("partial", (3, 0, 3))
        assert place_of(refused).notes[0].startswith("3 of 4 objects are gone")
        assert len(world.inbox) == 4
    world.put("0.txt", days=1)
    back = world.runs.run(REMOVING)
    assert (back.job.status, counts(back)) == ("succeeded", (3, 3, 0))
    assert list(world.inbox) == ["0.txt", "3.txt"]


def test_documents_that_were_removed_by_hand_should_not_count_as_lost(world: World) -> None:
    for n in range(4):
        world.put(f"{n}.txt")
    world.runs.run(REMOVING)
    for n in range(3):
        world.drop(f"{n}.txt")
        del world.buckets.bodies[BUCKET, f"{INBOX}{n}.txt"]
    assert world.runs.run(REMOVING).job.status == "succeeded"


def test_a_source_that_was_wiped_should_remove_nothing(world: World) -> None:
    world.put("a.txt")
    world.runs.run(REMOVING)
    world.drop("a.txt")
    with pytest.raises(NotFound, match="No document was removed"):
        world.runs.run(REMOVING)
    assert list(world.inbox) == ["a.txt"]


def test_a_listing_that_breaks_off_should_remove_nothing(
    world: World, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(9):
        world.put(f"{n}.txt")
    world.runs.run(REMOVING)
    world.drop("0.txt")
    whole = world.buckets.listed

    def broken(location: Any, after: str = "") -> Iterator[Any]:
        for n, found in enumerate(whole(location, after)):
            if n == 4 or after:
                raise Transient("the connection broke")
            yield found

    monkeypatch.setattr(world.buckets, "listed", broken)
    request = world.runs.begin(REMOVING)
    world.runs.step(request)
    for _ in range(3):
        with pytest.raises(Transient):
            world.runs.step(request)
    assert len(world.inbox) == 9
    monkeypatch.undo()
    assert counts(world.runs.finish(request)) == (1, 1, 0)


def test_a_run_that_ended_in_part_should_begin_again_when_it_is_retried(world: World) -> None:
    world.put("a.txt")
    world.put("b.txt")
    world.buckets.denied.add(SOURCE + "b.txt")
    request = world.runs.begin(WORK)
    state = world.runs.finish(request)
    world.buckets.denied.clear()
    JobLauncher(world.runs.jobs, FakeJobExecutions(), lambda: NOW).retry(state)
    again = world.runs.finish(request.model_copy(update={"attempt": 2}))
    assert (again.job.status, counts(again)) == ("succeeded", (2, 2, 0))


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_is_cut_off_at_any_write_should_lose_and_double_nothing(
    small: None, after: bool
) -> None:
    """Each cut is one write later than the one before, until a run needs none that is cut."""
    cut, was_cut = 0, True
    while was_cut:
        cut += 1
        world = World()
        for n in range(7):
            world.put(f"{n}.txt", b"%d" % n)
        world.runs.run(REMOVING)
        for n in (1, 6):
            world.drop(f"{n}.txt")
        world.put("3.txt", b"changed", days=1)
        world.put("new.txt", b"new", days=1)
        world.buckets.cut_at, world.buckets.cut_after = world.buckets.writes + cut, after
        state = world.runs.run(REMOVING)
        was_cut = world.buckets.writes >= world.buckets.cut_at
        assert (state.job.status, counts(state)) == ("succeeded", (4, 4, 0))
        assert world.inbox == world.buckets.under(BUCKET, SOURCE)
        following = world.runs.run(REMOVING)
        assert (counts(following), place_of(following).notes) == ((0, 0, 0), ("6 unchanged",))
    assert cut > 12


_NAMES = st.sampled_from(["a", "a/b", "a0", "B", "ä", "￿", "𐀀", "z/y/x"])


@holds_for(st.lists(st.dictionaries(_NAMES, st.integers(0, 3), min_size=1), max_size=5))
def test_the_collection_should_follow_the_source_whatever_happens_to_it(
    states: list[dict[str, int]],
) -> None:
    """Of a source that keeps half of its objects the collection is its image after each run."""
    world = World()
    for day, wanted in enumerate(states):
        before = world.buckets.under(BUCKET, SOURCE)
        kept = {name: body for name, body in before.items() if name in wanted}
        for name in set(before) - set(kept):
            if len(before) - len(kept) <= len(before) // 2:
                world.drop(name)
        for name, n in wanted.items():
            if before.get(name) != b"%d" % n:
                world.put(name, b"%d" % n, days=day)
        world.runs.run(REMOVING)
        assert world.inbox == world.buckets.under(BUCKET, SOURCE)
