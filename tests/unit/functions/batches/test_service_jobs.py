"""Batches that a batch job of Bedrock answers, and what it leaves to single calls."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.batches import storage
from chalicelib.budgets.spender import ActualCost
from chalicelib.contracts.receipts import nanodollars
from chalicelib.errors import InvalidInput, QuotaExceeded
from tests.unit.batches.examples import openai, own
from tests.unit.functions.batches.test_batches import checked, ids
from tests.unit.functions.batches.world import Killed, World
from tests.unit.jobs.examples import NOW


def begun(count: int = 120, **order: Any) -> World:
    world = World()
    lines = [own(f"i{n}", prompt=f"p{n}", max_tokens=4) for n in range(count)]
    told = {"service_tier": "batch", "deadline": NOW + timedelta(hours=30), **order}
    world.begin(lines, **told)
    return world


def test_a_batch_that_has_time_should_be_answered_by_a_job_of_bedrock_at_half_the_price() -> None:
    world = begun()
    assert world.run().status == "succeeded"
    assert world.answerer.asked == []
    assert ids(world, storage.RESULTS) == [f"i{n}" for n in range(120)]
    ((name, job),) = world.service.created.items()
    assert name.startswith("headrace-")
    assert (job["model"], job["hours"]) == ("amazon.nova-micro-v1:0", 30)
    record = json.loads(world.objects.bodies[job["records"]].splitlines()[7])
    assert record["recordId"] == "R0000000007"
    assert record["modelInput"]["messages"][0]["content"] == [{"text": "p7"}]
    assert record["modelInput"]["inferenceConfig"] == {"maxTokens": 4}
    estimate = world.place.estimate
    assert estimate is not None
    paths = {path.service_tier: path.dollars for path in estimate.models[0].paths}
    assert paths["batch"] == estimate.dollars
    assert "in a batch job: at most $" in estimate.models[0].words[0]
    (reserved,) = world.budgets.reserved
    assert reserved.nanodollars == nanodollars(paths["batch"])
    receipt = world.place.receipt
    assert receipt is not None
    assert receipt.tokens_in == 120 * 10
    used = world.budgets.settled[reserved.reservation_id]
    assert used.nanodollars == nanodollars(receipt.dollars) > 0
    assert (used.tokens_in, used.tokens_out) == (1200, 360)
    checked(world)


def test_what_the_job_does_not_answer_should_be_asked_for_one_by_one() -> None:
    world = begun()
    world.service.answers = lambda n: None if n % 40 == 3 else "Hi."
    assert world.run().status == "succeeded"
    assert sorted(world.answerer.asked) == ["p3", "p43", "p83"]
    checked(world)


@pytest.mark.parametrize("end", ["Failed", "Expired", "PartiallyCompleted", "Stopped"])
def test_a_job_that_ends_otherwise_should_leave_the_rest_to_single_calls_once_that_is_wanted(
    end: str,
) -> None:
    world = begun()
    world.service.ends_as = end
    world.service.answers = lambda n: "Hi." if n < 100 else None
    assert world.run().status == "paused"
    assert world.answerer.asked == []
    world.launcher.resume(world.state)
    assert world.run().status == "succeeded"
    assert len(world.answerer.asked) == 20
    assert (len(world.service.created), len(world.budgets.settled)) == (1, 1)
    checked(world)


def test_a_failed_job_should_say_why_and_what_single_calls_cost() -> None:
    world = begun()
    world.service.ends_as, world.service.answers = "Failed", lambda n: None
    assert world.run().status == "paused"
    why, price = world.place.words
    (name,) = world.service.created
    assert why == f"Bedrock's batch job ended as Failed: {name} may not do this."
    estimate = world.place.estimate
    assert estimate is not None
    paths = {path.service_tier: path.dollars for path in estimate.models[0].paths}
    assert f"about ${paths['standard']} at most, instead of ${paths['batch']} in" in price
    assert price.startswith("120 items are not answered.")


def test_a_resumed_batch_should_no_longer_say_why_it_was_paused() -> None:
    world = begun()
    world.service.ends_as, world.service.answers = "Failed", lambda n: None
    assert world.run().status == "paused"
    world.launcher.resume(world.state)
    words = []
    world.after = lambda state: words.append(world.place.words)
    assert world.run().status == "succeeded"
    *while_it_ran, _ = words
    assert set(while_it_ran) == {()}


def test_a_job_that_answers_less_than_half_should_pause_the_batch() -> None:
    world = begun()
    world.service.answers = lambda n: "Hi." if n < 59 else None
    assert world.run().status == "paused"
    world.launcher.resume(world.state)
    assert world.run().status == "succeeded"
    assert len(world.answerer.asked) == 61
    checked(world)


def test_a_failed_job_should_not_pause_a_batch_whose_time_is_up() -> None:
    world = begun()
    world.service.ends_as, world.service.answers = "Failed", lambda n: None

    def too_late(state: str) -> None:
        world.now = NOW + timedelta(hours=31)

    world.after = too_late
    assert world.run().status == "expired"
    assert world.answerer.asked == []


def test_a_job_should_be_stopped_in_time_and_what_it_answered_kept() -> None:
    world = begun(deadline=NOW + timedelta(hours=2))
    world.service.looks = 1_000
    world.service.answers = lambda n: "Hi." if n < 60 else None
    assert world.run().status == "succeeded"
    assert len(world.service.stopped) == 1
    assert world.now < NOW + timedelta(hours=2)
    assert len(world.answerer.asked) == 60
    checked(world)


@pytest.mark.parametrize(
    "order",
    [
        {"service_tier": "standard"},
        {"service_tier": "flex"},
        {"deadline": NOW + timedelta(minutes=50)},
        {"model": "claude-opus-5-5"},
        {"checks": ("self-check",)},
    ],
)
def test_a_job_should_not_be_asked_for_where_it_is_not_wanted_or_not_worth_it(
    order: dict[str, Any],
) -> None:
    world = begun(**order)
    world.run()
    assert (world.service.created, world.budgets.reserved) == ({}, [])


def test_too_few_items_and_calls_with_other_models_should_be_asked_for_one_by_one() -> None:
    for world in (begun(99), begun(120, model="titan-embed-text-v2")):
        world.run()
        assert world.service.created == {}


def test_what_is_screened_or_has_no_money_for_all_should_be_asked_for_one_by_one() -> None:
    screened, poor = begun(), begun()
    screened.screens = True
    poor.budgets.refuses = QuotaExceeded("No money for all of it.")
    for world in (screened, poor):
        assert world.run().status == "succeeded"
        assert (world.service.created, len(world.answerer.asked)) == ({}, 120)


def test_what_bedrock_does_not_take_as_a_job_should_be_asked_for_one_by_one_if_wanted() -> None:
    world = begun()
    world.service.refuses = InvalidInput("This model takes no batch jobs here.")
    assert world.run().status == "paused"
    assert world.place.words[0].endswith("This model takes no batch jobs here.")
    world.launcher.resume(world.state)
    assert world.run().status == "succeeded"
    assert len(world.answerer.asked) == 120
    assert [used.nanodollars for used in world.budgets.settled.values()] == [0]
    assert world.logged == [world.service.refuses]


def test_a_call_that_cannot_be_put_as_a_record_should_be_asked_for_one_by_one() -> None:
    world = World()
    lines = [openai(f"i{n}", max_tokens=4) for n in range(120)]
    tool = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{"}}
    turns = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "tool_calls": [tool]},
        {"role": "tool", "tool_call_id": "t1", "content": "Nothing."},
    ]
    world.begin(
        [*lines, openai("wrong", messages=turns, max_tokens=4)],
        service_tier="batch",
        deadline=NOW + timedelta(hours=30),
    )
    assert world.run().status == "succeeded"
    (job,) = world.service.created.values()
    assert len(world.objects.bodies[job["records"]].splitlines()) == 120
    assert len(world.answerer.asked) == 1
    assert [type(error) for error in world.logged] == [InvalidInput]


def test_answers_of_a_job_should_stand_the_checks_that_calls_do() -> None:
    world = begun(checks=("lacks:sorry",))
    world.service.answers = lambda n: "Sorry." if n == 5 else "Hi."
    assert world.run().status == "partial"
    (failed,) = world.lines(storage.ERRORS)
    assert (failed["id"], failed["error"]["type"]) == ("i5", "ModelFailure")
    checked(world)


@pytest.mark.parametrize(
    "fields",
    [
        {"checks": ["kind"]},
        {"checks": [f"lacks:{n}" for n in range(7)]},
        {"checks": ["supported"]},
    ],
)
def test_a_check_that_is_none_should_fail_its_line_and_lose_nothing_that_a_job_answers(
    fields: dict[str, Any],
) -> None:
    world = World()
    lines = [own(f"i{n}", prompt=f"p{n}", max_tokens=4) for n in range(120)]
    order = {"service_tier": "batch", "deadline": NOW + timedelta(hours=30)}
    world.begin([*lines, own("wrong", **fields)], checks=("lacks:a", "lacks:b"), **order)
    assert world.run().status == "partial"
    (failed,) = world.lines(storage.ERRORS)
    assert (failed["id"], failed["error"]["type"]) == ("wrong", "InvalidInput")
    assert failed["error"]["field"] == "checks"
    assert len(world.budgets.settled) == 1
    checked(world)


def test_a_cancelled_batch_should_stop_its_job_and_another_attempt_take_what_it_answered() -> None:
    world = begun()
    world.service.looks = 1_000
    world.service.answers = lambda n: "Hi." if n < 100 else None
    looks = iter(range(1_000))

    def cancel(state: str) -> None:
        if state == "Harvest" and next(looks) == 3:
            world.launcher.cancel(world.state)

    world.after = cancel
    assert world.run().status == "cancelled"
    assert len(world.service.stopped) == 1
    (reserved,) = world.budgets.reserved
    settled = world.budgets.settled[reserved.reservation_id]
    assert 0 < settled.nanodollars < reserved.nanodollars
    assert (settled.tokens_in, settled.tokens_out) == (100 * 10, 100 * 3)
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    assert (len(world.service.created), len(world.answerer.asked)) == (1, 20)
    assert world.budgets.settled[reserved.reservation_id] == settled
    checked(world)


@pytest.mark.parametrize("kind", ["cancel", "pause"])
def test_a_job_that_was_asked_for_meanwhile_should_be_found_by_its_name(kind: str) -> None:
    world = begun()
    world.service.looks = 3
    world.service.asked = lambda: getattr(world.launcher, kind)(world.state)
    assert world.run().status == {"cancel": "cancelled", "pause": "paused"}[kind]
    assert len(world.service.stopped) == len(world.budgets.settled) == (kind == "cancel")
    assert world.place.service_job is not None
    assert world.place.service_job.arn == ""
    {"cancel": world.launcher.retry, "pause": world.launcher.resume}[kind](world.state)
    assert world.run().status == "succeeded"
    assert (len(world.service.created), world.answerer.asked) == (1, [])
    (reserved,) = world.budgets.reserved
    assert world.budgets.settled[reserved.reservation_id].tokens_in == 120 * 10
    checked(world)


def test_a_batch_that_is_cancelled_before_it_asks_should_give_back_what_it_reserved() -> None:
    world = begun()
    looks = iter(range(1_000))

    def cancel(state: str) -> None:
        if state == "Harvest" and next(looks) == 0:
            world.launcher.cancel(world.state)

    world.after = cancel
    assert world.run().status == "cancelled"
    (first,) = world.budgets.reserved
    assert (world.service.created, world.budgets.settled) == (
        {},
        {first.reservation_id: ActualCost(0)},
    )
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    again = world.budgets.reserved[1]
    assert len(world.service.created) == 1
    assert world.budgets.settled[first.reservation_id] == ActualCost(0)
    assert world.budgets.settled[again.reservation_id].tokens_in == 120 * 10
    checked(world)


def test_a_paused_batch_should_find_its_job_again_when_it_is_resumed() -> None:
    world = begun()
    world.service.looks = 6
    looks = iter(range(1_000))

    def pause(state: str) -> None:
        if state == "Harvest" and next(looks) == 3:
            world.launcher.pause(world.state)

    world.after = pause
    assert world.run().status == "paused"
    world.launcher.resume(world.state)
    assert world.run().status == "succeeded"
    assert (len(world.service.created), world.answerer.asked) == (1, [])
    assert len(world.budgets.reserved) == 1
    checked(world)


@pytest.mark.parametrize("dies_at", [3, 4, 5, 60, 123, 124, 125])
def test_a_kill_at_any_write_should_ask_for_one_job_and_settle_once(dies_at: int) -> None:
    world = begun()
    world.objects.dies_at, world.objects.dies_of = dies_at, Killed
    with pytest.raises(Killed):
        world.run()
    assert world.run().status == "succeeded"
    assert (len(world.service.created), world.answerer.asked) == (1, [])
    assert len(world.budgets.settled) == len(world.budgets.reserved) == 1
    checked(world)
