"""What a call cost that was paid for and gave nothing, counted whatever comes of the step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import pytest

from chalicelib.batches import storage
from chalicelib.batches.rounds import MAX_PAID_TRIES
from chalicelib.budgets.ledger import COMMITTED, OPEN, SPENT
from chalicelib.contracts.batches import BatchSummary
from chalicelib.contracts.receipts import nanodollars
from chalicelib.errors import HeadraceError, NoAnswer, Throttled, Transient
from chalicelib.jobs.lifecycle import JobState, JobUsage
from chalicelib.jobs.steps import StepOutcome
from tests.unit.batches.examples import generation
from tests.unit.functions.generate_one.world import PREFIX, USED, Killed, World
from tests.unit.jobs.examples import NOW
from tests.unit.jobs.fakes import FakeJobs

EACH = generation().receipt.dollars
_Error = TypeVar("_Error", bound=HeadraceError)


@dataclass
class Recording(FakeJobs):
    """Jobs whose `dies_at`-th step is not recorded, as its process is killed before that."""

    dies_at: int = 0
    recorded: int = 0

    def advance(self, state: JobState, outcome: StepOutcome, used: JobUsage, now: datetime) -> None:
        self.recorded += 1
        if self.recorded == self.dies_at:
            raise Killed
        super().advance(state, outcome, used, now)


def paid(error: _Error) -> _Error:
    """Return `error`, which tells what an answer cost."""
    error.usage, error.receipt = USED, generation().receipt
    return error


def late(times: int) -> Callable[[int], HeadraceError | None]:
    """Return what lets so many calls end by a failure that was paid for."""
    return lambda nth: paid(Transient("No answer came in time.")) if nth <= times else None


def models_cost(world: World) -> Decimal:
    """Return the dollars of models in the summary, which are those that the job is shown with, and
    those that its budget counts.
    """
    summary = BatchSummary.model_validate_json(world.objects.bodies[PREFIX + storage.SUMMARY])
    assert world.place.receipt is not None
    told = sum(line.dollars for line in summary.receipt.lines if line.role == "chat")
    assert world.place.receipt.dollars == told
    world.ledger.agrees(world.place.receipt)
    return Decimal(told)


@pytest.mark.parametrize(("failures", "end"), [(0, "succeeded"), (2, "succeeded"), (3, "partial")])
def test_every_call_that_was_paid_for_should_be_in_the_summary(failures: int, end: str) -> None:
    world = World(late(failures))
    world.begin()
    assert world.run().status == end
    assert world.calls == (3 if failures else 1)
    assert models_cost(world) == world.calls * EACH


def test_a_call_that_cost_something_and_used_no_token_should_be_made_so_often_and_no_more() -> None:
    def in_vain(nth: int) -> HeadraceError:
        error = paid(Transient("The completing function failed."))
        error.usage = None
        return error

    world = World(in_vain)
    world.begin()
    assert world.run().status == "partial"
    assert world.calls == MAX_PAID_TRIES
    assert models_cost(world) == MAX_PAID_TRIES * EACH


def test_a_call_that_no_model_answered_well_should_cost_what_all_of_them_did() -> None:
    world = World(lambda nth: paid(NoAnswer("No answer stands.")))
    world.begin()
    assert world.run().status == "partial"
    (line,) = world.lines(storage.ERRORS)
    assert line["receipt"]["dollars"] == f"{EACH:f}"
    assert (world.calls, models_cost(world)) == (1, EACH)


def test_a_call_that_was_never_paid_for_should_keep_nothing_and_cost_nothing() -> None:
    world = World(lambda nth: Throttled("busy") if nth <= 3 else None)
    world.begin()
    world.run()
    assert not [key for key in world.objects.bodies if storage.SPENT in key]
    assert models_cost(world) == EACH


def test_what_was_paid_for_should_be_counted_where_the_deadline_comes_before_an_answer() -> None:
    world = World(lambda nth: paid(Transient("Late.", retry_after=60)) if nth == 1 else None)
    world.begin(deadline=NOW + timedelta(seconds=30))
    assert world.run().status == "expired"
    assert (world.calls, models_cost(world)) == (1, EACH)


def test_a_step_that_is_repeated_should_ask_again_and_count_both_calls() -> None:
    world = World(late(1), jobs=Recording(dies_at=2))
    world.begin()
    with pytest.raises(Killed):
        world.step()
    assert world.run().status == "succeeded"
    assert (world.calls, models_cost(world)) == (2, 2 * EACH)


def test_a_job_that_was_paused_while_a_call_failed_should_ask_again_when_it_is_resumed() -> None:
    world = World(late(1))
    world.begin()

    def pause() -> None:
        world.launcher.pause(world.state)

    world.while_asked = pause
    assert world.run().status == "paused"
    world.while_asked = lambda: None
    world.launcher.resume(world.state)
    assert world.run().status == "succeeded"
    assert (world.calls, models_cost(world)) == (2, 2 * EACH)


def test_a_retry_should_count_what_the_attempts_before_it_cost() -> None:
    world = World(late(MAX_PAID_TRIES))
    world.begin()
    world.run()
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    assert models_cost(world) == (MAX_PAID_TRIES + 1) * EACH


def test_a_call_that_rests_as_there_is_no_room_should_hold_nothing_of_the_budget() -> None:
    world = World(lambda nth: Throttled("busy"))
    world.begin()
    assert world.step().next == "wait"
    assert (world.ledger.count(OPEN), world.ledger.count(COMMITTED)) == (0, 0)


def test_what_a_call_cost_in_vain_should_be_counted_while_it_rests() -> None:
    world = World(late(1))
    world.begin()
    assert world.step().next == "wait"
    assert (world.ledger.count(OPEN), world.ledger.count(SPENT)) == (0, nanodollars(EACH))
