"""A call answered by the step of its job, as the machine `generate` runs it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.batches import storage
from chalicelib.batches.rounds import MAX_PAID_TRIES
from chalicelib.budgets.spender import Spender
from chalicelib.contracts.http import kind_of
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    NoAnswer,
    QuotaExceeded,
    Throttled,
    Transient,
)
from functions.generate_one import core
from infra.synthesis.sources import read_sources
from tests.unit.functions.generate_one.world import PREFIX, USED, Killed, World
from tests.unit.jobs.examples import NOW

ROOT = Path(__file__).parents[4]


def test_should_answer_a_call_in_one_step_and_write_its_result_as_a_batch_does() -> None:
    world = World()
    world.begin()
    assert world.run().status == "succeeded"
    (line,) = world.lines(storage.RESULTS)
    assert (line["id"], line["generation"]["output"]["text"]) == ("a", "Hi.")
    assert world.lines(storage.ERRORS) == []
    job = world.state.job
    assert (job.counts.total, job.counts.done, job.phase) == (1, 1, "done")
    assert job.result_ref == PREFIX + storage.SUMMARY
    assert [file.name for file in world.state.files] == [
        storage.RESULTS,
        storage.ERRORS,
        storage.SUMMARY,
    ]
    assert world.place.estimate is not None
    assert world.place.estimate.items == 1
    assert world.spenders == {Spender("acme", "k", correlation_id=world.state.input.correlation_id)}


def test_should_count_one_function_and_the_four_transitions_of_its_machine() -> None:
    world = World()
    world.begin()
    world.run()
    assert (world.state.used.requests, world.state.used.transitions) == (1, 4)


def test_should_show_that_it_runs_while_a_model_is_asked() -> None:
    world, seen = World(), []
    world.while_asked = lambda: seen.append((world.state.job.status, world.state.job.counts.total))
    world.begin()
    world.run()
    assert seen == [("running", 1)]


def test_should_rest_longer_each_time_that_there_is_no_room_and_then_answer() -> None:
    world = World(lambda nth: Throttled("busy") if nth <= 9 else None)
    world.begin()
    assert world.run().status == "succeeded"
    assert world.waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert world.calls == 10
    assert world.state.used.transitions == 4 + 3 * len(world.waits)


def test_should_rest_for_as_long_as_the_model_says() -> None:
    world = World(lambda nth: Throttled("busy", retry_after=47) if nth == 1 else None)
    world.begin()
    world.run()
    assert world.waits == [47]


def test_should_expire_at_the_deadline_and_say_what_stood_in_the_way() -> None:
    world = World(lambda nth: Throttled("No room."))
    world.begin(deadline=NOW + timedelta(hours=1))
    assert world.run().status == "expired"
    assert world.now == NOW + timedelta(hours=1)
    (line,) = world.lines(storage.ERRORS)
    assert line["error"]["type"] == "Expired"
    assert "The last try ended by Throttled" in line["error"]["message"]
    assert world.state.job.counts.expired == 1


def test_should_not_be_longer_than_a_history_may_be_within_the_longest_deadline() -> None:
    world = World(lambda nth: Throttled("busy"))
    world.begin(deadline=NOW + timedelta(days=6))
    world.run()
    events_a_rest = 10
    assert len(world.waits) * events_a_rest < 25_000


def test_should_ask_no_longer_than_the_deadline_and_the_function_allow() -> None:
    world = World(lambda nth: Throttled("busy", retry_after=1) if nth == 1 else None)
    world.begin(deadline=NOW + timedelta(seconds=core.SECONDS + 5))
    world.run()
    assert [each.deadline for each in world.bounds] == [core.SECONDS, core.SECONDS]
    short = World()
    short.begin(deadline=NOW + timedelta(seconds=30))
    short.run()
    assert [each.deadline for each in short.bounds] == [30]


def test_should_leave_time_for_what_comes_after_the_last_model_that_is_asked() -> None:
    """The checks and screens of an answer, each with a retry, and the job's files and record."""
    function = read_sources(ROOT)["Resources"]["GenerateOne"]["Properties"]
    assert function["Timeout"] >= core.SECONDS + 120


def test_should_make_a_call_that_is_paid_for_in_vain_three_times_at_most() -> None:
    world = World(lambda nth: Transient("No answer came in time.", usage=USED))
    world.begin()
    assert world.run().status == "partial"
    assert world.calls == MAX_PAID_TRIES
    (line,) = world.lines(storage.ERRORS)
    assert line["error"]["type"] == "Transient"


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("No.", field="prompt"),
        NoAnswer("No answer stands."),
        QuotaExceeded("Used up."),
        HeadraceError("Denied."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_should_end_in_part_by_what_does_not_pass_and_try_it_anew_when_asked(
    error: HeadraceError,
) -> None:
    world = World(lambda nth: error if nth == 1 else None)
    world.begin()
    assert world.run().status == "partial"
    (line,) = world.lines(storage.ERRORS)
    assert line["error"]["type"] == kind_of(error).__name__
    assert (world.logged == [error]) is (type(error) is HeadraceError)
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    assert world.lines(storage.ERRORS) == []
    assert world.state.job.counts.failed == 0


def test_should_stop_when_it_is_paused_and_go_on_without_asking_again_what_was_answered() -> None:
    world = World()
    world.begin()

    def pause() -> None:
        world.launcher.pause(world.state)

    world.while_asked = pause
    result = world.run()
    assert (result.next, result.status) == ("ended", "paused")
    world.while_asked = lambda: None
    world.launcher.resume(world.state)
    assert world.run().status == "succeeded"
    assert (world.calls, world.state.job.attempt) == (1, 2)


def test_should_ask_nobody_for_a_job_that_was_cancelled_while_it_rested() -> None:
    world = World(lambda nth: Throttled("busy"))
    world.begin()
    assert world.step().next == "wait"
    world.launcher.cancel(world.state)
    assert world.step().status == "cancelled"
    assert world.calls == 1


@pytest.mark.parametrize("at", range(1, 7))
def test_should_ask_again_only_where_it_was_killed_before_the_answer_was_kept(at: int) -> None:
    world = World()
    world.begin()
    world.objects.dies_at, world.objects.dies_of = world.objects.written + at, Killed
    with pytest.raises(Killed):
        world.run()
    kept = any(storage.OUTCOMES in key for key in world.objects.bodies)
    asked = world.calls
    assert world.run().status == "succeeded"
    assert world.calls - asked == (0 if kept else 1)
    assert world.calls <= 2
    assert len(world.lines(storage.RESULTS)) == 1


def test_should_turn_a_line_down_that_is_no_call() -> None:
    world = World()
    world.begin(b'{"id": "a", "prompt": ""}')
    assert world.run().status == "partial"
    assert world.calls == 0
    (line,) = world.lines(storage.ERRORS)
    assert line["error"]["field"] == "prompt"


def test_should_fail_a_job_whose_call_was_never_written() -> None:
    world = World()
    world.begin()
    del world.objects.bodies[PREFIX + storage.INPUT]
    with pytest.raises(InvalidInput):
        world.step()
