"""The engine of schedules runs each time once, in turn, on seats, whatever is cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

import pytest

from chalicelib.contracts.schedule_runs import (
    RunCheckpoint,
    ScheduleEnded,
    SchedulePaused,
    Watermark,
)
from chalicelib.errors import Conflict, InvalidInput, QuotaExceeded, Transient
from chalicelib.schedules.changes import pause, remove, replace_terms, resume
from chalicelib.schedules.claims import MAX_QUEUED, MAX_WAITING, run_by_hand
from chalicelib.schedules.entries import wanted_entry
from chalicelib.schedules.library import MAX_SCHEDULES
from chalicelib.schedules.records import ChangeOutcome, ScheduleState
from tests.soak import often
from tests.unit.schedules.fakes import BEGAN, FakeSchedules, Room

HOUR = timedelta(hours=1)


def statuses(room: Room, name: str = "nightly") -> list[str]:
    return [run.status for run in room.history(room.state(name))]


def test_a_trigger_that_comes_twice_should_run_once() -> None:
    room = Room()
    state = room.create("nightly")
    room.later(hours=1)
    assert room.trigger(state, state) == []
    (run,) = room.history(state)
    assert (run.status, run.scheduled_at, run.trigger) == ("running", BEGAN + HOUR, "time")
    assert [given.job_id for given in room.executions.started] == [run.run_id]
    order = room.executions.started[0].run
    assert order is not None
    assert (order.schedule, order.work["kind"]) == ("nightly", "report")
    room.end(run.run_id)
    assert room.trigger(state) == []
    assert statuses(room) == ["succeeded"]


def test_a_trigger_that_is_lost_should_be_made_up_for_by_the_sweep() -> None:
    room = Room()
    state = room.create("nightly")
    room.entries.kept.clear()
    room.later(hours=1, minutes=4)
    room.sweep()
    assert room.history(state) == []
    room.later(minutes=2)
    room.sweep()
    assert statuses(room) == ["running"]
    assert list(room.entries.kept) == [state.schedule_id]


def test_terms_whose_entry_aws_refuses_should_be_taken_back() -> None:
    room = Room()
    before = room.create("nightly")
    room.entries.fails = InvalidInput("Scheduler does not take it.", field="expression")
    terms = before.terms.model_copy(update={"expression": "rate(2 hours)"})
    with pytest.raises(InvalidInput, match="does not take it"):
        room.library().replace("acme", "nightly", terms, "key")
    assert room.state("nightly").terms == before.terms
    room.entries.fails = Transient("Scheduler did not answer.")
    with pytest.raises(Transient):
        room.library().replace("acme", "nightly", terms, "key")
    room.entries.fails = None
    room.later(hours=3)
    room.sweep()
    assert room.state("nightly").terms == terms


def test_a_trigger_that_is_early_within_its_minute_should_run_once() -> None:
    room = Room()
    at = BEGAN + HOUR + timedelta(seconds=40)
    state = room.create("once", expression=f"at({at:%Y-%m-%dT%H:%M:%S})")
    room.later(hours=1, seconds=-60)
    assert room.trigger(state) == []
    assert room.history(state) == []
    room.later(seconds=65)
    assert room.trigger(state, state) == []
    (run,) = room.history(state)
    assert (run.status, run.scheduled_at) == ("running", at)


def test_a_rate_should_run_at_whole_minutes_in_which_aws_triggers_at_any_second() -> None:
    """All types of schedules invoke their targets with 60 second precision.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
    """
    room = Room()
    room.later(seconds=37.5)
    state = room.create("nightly")
    assert state.next_at == room.entries.kept[state.schedule_id].start == BEGAN + HOUR
    room.later(minutes=59, seconds=23)
    room.trigger(state)
    assert statuses(room) == ["running"]


def test_an_entry_whose_only_time_is_the_end_should_start_and_have_no_end() -> None:
    """AWS refuses an EndDate that is not after the StartDate.

    https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
    """
    room = Room()
    state = room.create("nightly", expression="rate(1 hour)", start=BEGAN, end=BEGAN + 2 * HOUR)
    for hours, end in ((0.5, state.terms.end), (1.5, None)):
        entry = wanted_entry(state, BEGAN + hours * HOUR)
        assert entry is not None
        assert (entry.start, entry.end) == (BEGAN + (hours + 0.5) * HOUR, end)


def test_the_sweep_should_wait_for_the_flexible_window() -> None:
    room = Room()
    room.create("nightly", window_minutes=60)
    room.later(hours=2)
    room.sweep()
    assert statuses(room) == []
    room.later(minutes=6)
    room.sweep()
    assert statuses(room)[:1] == ["running"]


def test_a_run_that_ends_should_move_watermark_and_announce_itself() -> None:
    room = Room()
    state = room.create("nightly")
    room.later(hours=1)
    room.trigger(state)
    (run,) = room.history(state)
    mark = Watermark(at=room.now, key="sources/acme/seen.json")
    place = RunCheckpoint(watermark=mark, results=("s3://b/report.json",), notes=("one is late",))
    room.end(run.run_id, checkpoint=place.model_dump_json())
    state = room.state("nightly")
    assert (state.watermark, state.failures, state.running) == (mark, 0, "")
    assert state.last_run is not None
    assert state.last_run.new_watermark == mark.at
    assert state.last_run.receipt is not None
    (event,) = [each for each in room.bus.events if isinstance(each, ScheduleEnded)]
    assert (event.status, event.webhooks) == ("succeeded", ("wh_1",))
    assert event.results == ("s3://b/report.json",)
    room.later(hours=1)
    room.trigger(state)
    order = room.executions.started[-1].run
    assert order is not None
    assert order.watermark == mark


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_run_without_success_should_leave_the_watermark(status: str) -> None:
    room = Room()
    state = room.create("nightly", retries=0)
    room.later(hours=1)
    room.trigger(state)
    (run,) = room.history(state)
    place = RunCheckpoint(watermark=Watermark(at=room.now))
    room.end(run.run_id, status, place.model_dump_json())
    assert room.state("nightly").watermark == Watermark()
    assert room.state("nightly").failures == (status == "failed")


def test_a_failed_run_should_be_tried_again_and_then_pause_its_schedule() -> None:
    room = Room()
    state = room.create("nightly", retries=1, pause_after=2)
    for _ in range(2):
        room.later(hours=1)
        room.trigger(state)
        run = room.history(state)[-1]
        room.end(run.run_id, "failed")
        assert statuses(room)[-1] == "running"
        room.end(run.run_id, "failed")
        assert room.history(state)[-1].attempts == 2
    state = room.state("nightly")
    assert statuses(room) == ["failed", "failed"]
    assert (state.status, state.next_at, state.failures) == ("paused", None, 2)
    assert "ModelFailure: no answer" in state.reason
    (event,) = [each for each in room.bus.events if isinstance(each, SchedulePaused)]
    assert (event.schedule, event.failures) == ("nightly", 2)
    room.later(minutes=1)
    room.sweep()
    assert room.entries.kept == {}
    change = resume(room.state("nightly"), room.now)
    assert change is not None
    assert room.records.change(change) is ChangeOutcome.MADE
    assert room.state("nightly").failures == 0


def test_skip_should_record_the_time_that_it_leaves_out() -> None:
    room = Room()
    state = room.create("nightly", overlap="skip")
    for _ in range(2):
        room.later(hours=1)
        room.trigger(state)
    assert statuses(room) == ["running", "skipped"]
    assert "not ended" in room.history(state)[-1].reason


def test_queue_should_run_one_after_the_other_and_ten_wait_at_most() -> None:
    room = Room()
    state = room.create("nightly", overlap="queue")
    for _ in range(MAX_QUEUED + 2):
        room.later(hours=1)
        room.trigger(state)
    assert statuses(room) == ["running", *["waiting"] * MAX_QUEUED, "skipped"]
    ended = []
    while room.state("nightly").running:
        ended.append(room.state("nightly").running)
        room.end(ended[-1])
    assert statuses(room) == ["succeeded"] * (MAX_QUEUED + 1) + ["skipped"]
    assert ended == sorted(ended)


def test_cancel_should_let_the_newest_run_follow_once_the_older_has_ended() -> None:
    room = Room()
    state = room.create("nightly", overlap="cancel")
    for _ in range(3):
        room.later(hours=1)
        room.trigger(state)
    assert statuses(room) == ["running", "cancelled", "waiting"]
    first = room.state("nightly").running
    assert room.jobs.kept["acme", first].job.status == "cancelled"
    room.end(first)
    assert statuses(room) == ["cancelled", "cancelled", "running"]


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("none", ["missed"]),
        ("latest", ["missed", "running"]),
        ("all", ["missed", "running", "waiting", "waiting"]),
    ],
)
def test_an_outage_should_be_made_up_for_as_the_policy_says(
    catch_up: str, expected: list[str]
) -> None:
    room = Room()
    state = room.create("nightly", catch_up=catch_up, max_catch_up=3)
    room.later(hours=8, minutes=40)
    room.trigger(state)
    assert statuses(room) == expected
    missed = room.history(state)[0].missed
    assert missed is not None
    made_up = len(expected) - 1
    assert missed.count == 8 - made_up
    assert missed.first == BEGAN + HOUR


@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel"])
def test_what_is_due_when_an_outage_ends_should_follow_what_is_made_up_for(overlap: str) -> None:
    room = Room()
    state = room.create("nightly", catch_up="all", overlap=overlap)
    room.later(hours=3, minutes=10)
    room.trigger(state)
    triggers = [(run.trigger, run.status) for run in room.history(state)]
    assert triggers == [("catch_up", "running"), ("catch_up", "waiting"), ("time", "waiting")]


def test_what_is_made_up_for_should_come_as_seats_are_free_though_it_is_much() -> None:
    room = Room()
    state = room.create("nightly", catch_up="all", max_catch_up=100)
    room.later(hours=90, minutes=40)
    room.trigger(state)
    assert len(room.state("nightly").waiting) == MAX_WAITING - 1
    ended = 0
    while room.state("nightly").running:
        room.end(room.state("nightly").running)
        ended += 1
    assert ended == 90
    times = [run.scheduled_at for run in room.history(state)]
    assert times == [BEGAN + n * HOUR for n in range(1, 91)]


def test_a_schedule_that_runs_once_should_end_and_lose_its_entry() -> None:
    room = Room()
    state = room.create("once", expression="at(2027-03-01T13:00:00)")
    room.later(hours=1)
    room.trigger(state)
    assert room.state("once").status == "ended"
    assert statuses(room, "once") == ["running"]
    room.sweep()
    assert room.entries.kept == {}
    with pytest.raises(Conflict, match="expression"):
        resume(room.state("once"), room.now)


def test_a_run_by_hand_should_wait_its_turn_or_be_refused() -> None:
    room = Room()
    state = room.create("nightly", overlap="skip")
    change = run_by_hand(state, "01J9ZQ3V5B8X6N2M4K7T0RWFHD", room.now)
    room.records.change(change)
    room.dispatcher.admit()
    (run,) = room.history(state)
    assert (run.status, run.trigger) == ("running", "manual")
    with pytest.raises(Conflict, match="not ended"):
        run_by_hand(room.state("nightly"), "01J9ZQ3V5B8X6N2M4K7T0RWFHE", room.now)


def test_a_pause_should_cancel_what_waits_and_leave_what_runs() -> None:
    room = Room()
    state = room.create("nightly", overlap="queue")
    for _ in range(2):
        room.later(hours=1)
        room.trigger(state)
    change = pause(room.state("nightly"), "because", room.now)
    assert change is not None
    room.records.change(change)
    assert statuses(room) == ["running", "cancelled"]
    room.later(hours=5)
    room.trigger(state)
    room.sweep()
    assert statuses(room) == ["running", "cancelled"]
    assert room.entries.kept == {}
    room.end(room.state("nightly").running)
    assert statuses(room) == ["succeeded", "cancelled"]
    assert pause(room.state("nightly"), "because", room.now) is None


def test_other_terms_should_keep_the_watermark() -> None:
    room = Room()
    state = room.create("nightly")
    terms = state.terms.model_copy(update={"expression": "rate(2 days)"})
    marked = state.model_copy(update={"watermark": Watermark(at=BEGAN)})
    after = replace_terms(marked, terms, "key2", room.now).after
    assert after is not None
    assert (after.watermark.at, after.next_at) == (BEGAN, BEGAN + timedelta(days=2))
    assert (after.key, after.entry_known) == ("key2", False)


def test_a_time_that_comes_while_terms_are_checked_should_not_be_decided_about_twice() -> None:
    room = Room()
    state = room.create("nightly", overlap="queue")
    room.later(minutes=59, seconds=59)
    library = room.library(lambda tenant, terms: room.later(seconds=2))
    library.replace("acme", "nightly", state.terms, "key")
    assert room.state("nightly").next_at == BEGAN + 2 * HOUR
    room.trigger(state)
    room.dispatcher.admit()
    assert statuses(room) == ["running"]
    assert room.state("nightly").waiting == ()


def test_a_removed_schedule_should_leave_no_entry_though_its_trigger_comes() -> None:
    room = Room()
    state = room.create("nightly")
    room.later(hours=1)
    room.trigger(state)
    room.records.change(remove(room.state("nightly"), room.now))
    room.trigger(state)
    room.later(minutes=2)
    room.sweep()
    assert room.entries.kept == {}
    assert room.deleted == set(), "its run may still write"
    (run,) = room.history(state)
    assert room.jobs.kept["acme", run.run_id].job.status == "cancelled"
    room.end(run.run_id)
    assert [each.status for each in room.history(state)] == ["cancelled"]
    assert room.records.seats() == []
    room.sweep()
    assert room.records.doubts == {}
    assert room.deleted == {f"schedules/acme/{state.schedule_id}/"}


def test_what_runs_kept_should_go_with_a_removed_schedule_alone() -> None:
    room = Room()
    state, other = room.create("nightly"), room.create("weekly")
    room.library().remove("acme", "nightly")
    room.later(seconds=1)
    again = room.create("nightly")
    room.sweep()
    assert room.deleted == {f"schedules/acme/{state.schedule_id}/"}
    assert set(room.entries.kept) == {other.schedule_id, again.schedule_id}


@dataclass
class RivalledSchedules(FakeSchedules):
    """Schedules beside which another is made once they were counted."""

    rivals: int = 0

    def schedules(self, tenant: str, after: str) -> Iterator[ScheduleState]:
        yield from list(super().schedules(tenant, after))
        if self.rivals:
            self.rivals -= 1
            (state,) = islice(self.states.values(), 1)
            rival = state.model_copy(update={"name": f"rival{self.rivals}"})
            self.create(rival, self.creations(tenant))


@pytest.mark.parametrize(("rivals", "is_made"), [(1, True), (2, False)])
def test_schedules_that_are_made_at_once_should_not_exceed_their_number(
    rivals: int, is_made: bool
) -> None:
    room = Room()
    for n in range(MAX_SCHEDULES - 2):
        room.create(f"s{n}")
    records = RivalledSchedules(**vars(room.records), rivals=rivals)
    library = replace(room.library(), records=records, keeper=replace(room.keeper, records=records))
    terms = room.state("s0").terms
    if is_made:
        library.create("acme", "mine", terms, "key")
    else:
        with pytest.raises(QuotaExceeded):
            library.create("acme", "mine", terms, "key")
    assert len(records.states) == MAX_SCHEDULES
    assert (("acme", "mine") in records.states) == is_made


def test_a_run_of_a_tenant_that_is_removed_should_give_its_seat_back() -> None:
    room = Room()
    state = room.create("nightly")
    room.jobs.refuses = Conflict("The tenant is being removed.", field="tenant")
    room.later(hours=1)
    room.trigger(state)
    assert room.records.seats() == []
    assert statuses(room) == ["cancelled"]


def test_many_schedules_of_ten_tenants_should_each_run_once_and_fairly() -> None:
    room, many = Room(max_running=10), often(500, 100)
    states = [room.create(f"s{n}", f"tenant-{n % 10}") for n in range(many)]
    room.later(hours=1)
    assert room.trigger(*states, *states[:50]) == []
    seats = Counter(seat.tenant for seat in room.records.seats())
    assert seats == {f"tenant-{n}": 1 for n in range(10)}
    while room.records.seats():
        assert len(room.records.seats()) <= 10
        room.end(room.records.seats()[0].run_id)
        begun = Counter(given.tenant for given in room.executions.started)
        assert max(begun.values()) - min(begun.values()) <= 1
    assert all([run.status for run in room.history(each)] == ["succeeded"] for each in states)
    assert len(room.executions.started) == many
