"""Batches from their file to their results, as the machine runs them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.batches import storage
from chalicelib.contracts.batches import BatchSummary
from chalicelib.contracts.jobs import JobError
from chalicelib.contracts.receipts import nanodollars
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    QuotaExceeded,
    Throttled,
    Transient,
)
from functions.generate_items import core as generate_items
from tests.soak import often
from tests.unit.batches.examples import openai, own
from tests.unit.functions.batches.world import PREFIX, Killed, World
from tests.unit.jobs.examples import JOB, NOW

BAD = b'{"id": "bad", "prompt": ""}'


def prompts(count: int) -> list[bytes]:
    return [own(f"i{n}", prompt=f"p{n}") for n in range(count)]


def ids(world: World, name: str) -> list[str]:
    return [line.get("id", "") for line in world.lines(name)]


def checked(world: World) -> None:
    """Every line of the input is in one file of the result, in order, and the money adds up: what
    outcomes say is the job's receipt, and what was taken off the budget.
    """
    counts, place = world.state.job.counts, world.place
    assert counts.open == 0
    done, failed = world.lines(storage.RESULTS), world.lines(storage.ERRORS)
    assert len(done) == counts.done
    assert len(failed) == counts.failed + counts.expired
    numbers = [line["line"] for line in failed]
    assert numbers == sorted(numbers)
    assert place.receipt is not None
    spent = sum(nanodollars(outcome.receipt.dollars) for outcome in world.outcomes())
    assert nanodollars(place.receipt.dollars) == spent
    world.ledger.agrees(place.receipt, *world.budgets.settled.values())
    summary = BatchSummary.model_validate_json(world.objects.bodies[PREFIX + storage.SUMMARY])
    assert summary.counts["done"] == counts.done


def test_a_batch_should_answer_its_items_in_the_order_of_the_file_and_turn_the_rest_down() -> None:
    world = World()
    world.begin([*prompts(5), BAD, b"not json", b"", *prompts(9)[5:]])
    assert world.run().status == "partial"
    counts = world.state.job.counts
    assert (counts.total, counts.done, counts.failed) == (11, 9, 2)
    assert ids(world, storage.RESULTS) == [f"i{n}" for n in range(9)]
    errors = world.lines(storage.ERRORS)
    assert [(line["line"], line["error"]["type"]) for line in errors] == [
        (6, "InvalidInput"),
        (7, "InvalidInput"),
    ]
    assert sorted(world.answerer.asked) == [f"p{n}" for n in range(9)]
    assert (world.rounds, world.waits) == (1, [0])
    checked(world)


def test_a_batch_of_nothing_but_poison_should_ask_nobody_and_say_why() -> None:
    world = World()
    world.begin([BAD, b"{}"])
    assert world.run().status == "partial"
    assert (world.rounds, world.answerer.asked) == (0, [])
    assert len(world.lines(storage.ERRORS)) == 2


def test_a_file_that_was_not_uploaded_should_fail_the_job() -> None:
    world = World()
    world.begin([])
    world.objects.bodies.clear()
    with pytest.raises(InvalidInput, match="not uploaded"):
        world.run()


def test_an_id_that_was_given_before_and_another_form_should_be_turned_down() -> None:
    world = World()
    world.begin([own("a"), own("a"), openai("b"), own("c")])
    world.run()
    assert ids(world, storage.RESULTS) == ["a", "c"]
    said = [line["error"]["message"] for line in world.lines(storage.ERRORS)]
    assert said == [
        "The id 'a' was given before, by line 1.",
        "All lines of a file are of the same form.",
    ]


def test_openai_s_lines_should_come_back_as_openai_s_lines() -> None:
    world = World()
    world.begin([openai("a"), openai("b", n=2)])
    world.run()
    (done,), (failed,) = world.lines(storage.RESULTS), world.lines(storage.ERRORS)
    assert (done["custom_id"], done["response"]["status_code"]) == ("a", 200)
    assert (failed["custom_id"], failed["response"]["status_code"]) == ("b", 400)
    assert failed["response"]["body"]["error"]["param"] == "n"


def test_throttled_items_should_be_asked_again_with_longer_waits() -> None:
    world = World()
    world.answerer.fails = lambda prompt, nth: Throttled("busy") if nth <= 3 else None
    world.begin(prompts(1))
    assert world.run().status == "succeeded"
    assert world.sleeps == [0.25, 0.5, 1.0]
    assert (world.answerer.asked, world.rounds) == (["p0"] * 4, 1)


def test_a_service_that_names_a_time_should_be_left_alone_until_then() -> None:
    world = World()
    busy = Throttled("busy", retry_after=7)
    world.answerer.fails = lambda prompt, nth: busy if nth == 1 else None
    world.begin(prompts(1))
    world.run()
    assert world.sleeps == [7]


def test_what_no_model_has_room_for_should_have_rounds_and_then_fail_with_a_reason() -> None:
    world = World()
    world.answerer.fails = lambda prompt, nth: Throttled("busy") if prompt == "p1" else None
    world.begin(prompts(3))
    assert world.run().status == "partial"
    assert ids(world, storage.RESULTS) == ["i0", "i2"]
    (failed,) = world.lines(storage.ERRORS)
    assert (failed["id"], failed["error"]["type"]) == ("i1", "Throttled")
    assert world.waits == [0, 5, 10, 20, 40, 80]
    assert [world.answerer.asked.count(prompt) for prompt in ("p0", "p2")] == [1, 1]
    checked(world)


def test_an_item_that_fails_should_fail_alone_and_only_it_should_be_tried_again() -> None:
    world = World()
    refused = ModelFailure("It gave nothing.")
    world.answerer.fails = lambda prompt, nth: refused if prompt == "p1" and nth == 1 else None
    world.begin([*prompts(3), BAD])
    assert world.run().status == "partial"
    assert [line["error"]["type"] for line in world.lines(storage.ERRORS)] == [
        "ModelFailure",
        "InvalidInput",
    ]
    world.launcher.retry(world.state)
    world.run()
    assert ids(world, storage.RESULTS) == ["i0", "i1", "i2"]
    assert len(world.lines(storage.ERRORS)) == 1
    assert sorted(world.answerer.asked) == ["p0", "p1", "p1", "p2"]
    checked(world)


def test_a_budget_that_is_used_up_should_stop_the_rest_and_not_fail_item_by_item() -> None:
    world = World()
    empty = QuotaExceeded("No money is left of the day.", retry_after=60)
    world.answerer.fails = lambda prompt, nth: empty if len(world.answerer.asked) > 4 else None
    world.begin(prompts(40))
    assert world.run().status == "partial"
    assert world.rounds == 2
    assert len(world.answerer.asked) < 40
    counts = world.state.job.counts
    assert counts.done == 4
    errors = {line["error"]["message"] for line in world.lines(storage.ERRORS)}
    assert errors == {"No money is left of the day."}
    world.answerer.fails = lambda prompt, nth: None
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    assert world.state.job.counts.done == 40
    checked(world)


def test_a_limit_of_one_model_should_fail_its_items_and_not_stop_the_others() -> None:
    world = World()
    used_up = QuotaExceeded("No money is left for this model.")
    used_up.of_model = True
    world.answerer.fails = lambda prompt, nth: used_up if prompt == "p0" else None
    world.begin(prompts(20))
    assert world.run().status == "partial"
    assert (world.rounds, len(world.answerer.asked)) == (1, 20)
    (failed,) = world.lines(storage.ERRORS)
    assert (failed["id"], failed["error"]["type"]) == ("i0", "QuotaExceeded")


def test_a_limit_of_one_model_that_others_have_reserved_should_be_waited_for() -> None:
    world = World()
    reserved = QuotaExceeded("No money is left for this model.", retry_after=86_400)
    reserved.of_model = reserved.reserved = True
    tried = iter([reserved, reserved])
    world.answerer.fails = lambda prompt, nth: next(tried, None) if prompt == "p0" else None
    world.begin(prompts(20))
    assert world.run().status == "succeeded"
    assert world.answerer.asked.count("p0") == 3
    assert world.lines(storage.ERRORS) == []
    checked(world)


def test_a_limit_that_stays_reserved_should_be_waited_for_until_the_deadline_alone() -> None:
    world = World()
    reserved = QuotaExceeded("No money is left for this model.")
    reserved.of_model = reserved.reserved = True
    world.answerer.fails = lambda prompt, nth: reserved if prompt == "p0" else None
    world.begin(prompts(3), deadline=NOW + timedelta(seconds=12))
    assert world.run().status == "expired"
    counts = world.state.job.counts
    assert (counts.done, counts.expired) == (2, 1)
    checked(world)


def test_what_is_not_answered_by_the_deadline_should_be_expired() -> None:
    world = World()
    world.answerer.fails = lambda prompt, nth: Throttled("busy") if prompt != "p0" else None
    world.begin([*prompts(3), BAD], deadline=NOW + timedelta(seconds=12))
    result = world.run()
    counts = world.state.job.counts
    assert (result.status, counts.done, counts.failed, counts.expired) == ("expired", 1, 1, 2)
    types = [line["error"]["type"] for line in world.lines(storage.ERRORS)]
    assert types == ["Expired", "Expired", "InvalidInput"]
    checked(world)


def test_a_deadline_that_has_passed_should_ask_nobody() -> None:
    world = World()
    world.begin(prompts(3), deadline=NOW)
    assert world.run().status == "expired"
    assert world.answerer.asked == []


def test_a_batch_should_wait_for_its_estimate_to_be_confirmed() -> None:
    world = World()
    world.begin(prompts(3), confirm=True)
    assert world.run().status == "paused"
    assert world.answerer.asked == []
    estimate = world.place.estimate
    assert estimate is not None
    assert estimate.items == 3
    assert estimate.dollars > 0
    world.launcher.resume(world.state)
    assert world.run().status == "succeeded"
    assert world.state.job.attempt == 2
    assert "at most $" in world.place.words[0]
    checked(world)


def test_a_paused_batch_should_ask_nobody_and_go_on_where_it_stopped() -> None:
    world = World()
    world.answerer.fails = lambda prompt, nth: Throttled("busy") if prompt == "p1" else None

    def pause(state: str) -> None:
        if state == "FanOut":
            world.launcher.pause(world.state)

    world.after = pause
    world.begin(prompts(3))
    assert world.run().status == "paused"
    asked = len(world.answerer.asked)
    world.after = lambda state: None
    world.answerer.fails = lambda prompt, nth: None
    world.launcher.resume(world.state)
    assert world.run().status == "succeeded"
    assert world.answerer.asked[asked:] == ["p1"]
    checked(world)


def test_a_cancelled_batch_should_ask_nobody_and_keep_what_it_has_for_another_attempt() -> None:
    world = World()
    world.answerer.fails = lambda prompt, nth: Throttled("busy") if prompt == "p1" else None

    def cancel(state: str) -> None:
        if state == "FanOut":
            world.launcher.cancel(world.state)

    world.after = cancel
    world.begin(prompts(3))
    assert world.run().status == "cancelled"
    world.after = lambda state: None
    world.answerer.fails = lambda prompt, nth: None
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    assert [world.answerer.asked.count(f"p{n}") for n in (0, 2)] == [1, 1]


@pytest.mark.parametrize("error", [HeadraceError("denied"), InvalidInput("no"), Transient("gone")])
def test_whatever_a_call_ends_by_should_be_an_outcome_or_another_round(
    error: HeadraceError,
) -> None:
    world = World()
    world.answerer.fails = lambda prompt, nth: error
    world.begin(prompts(1))
    assert world.run().status == "partial"
    (failed,) = world.lines(storage.ERRORS)
    assert "denied" not in json.dumps(failed)
    assert world.logged == ([error] if error.message == "denied" else [])


def test_the_summary_should_set_what_was_spent_beside_the_estimate() -> None:
    world = World()
    world.begin(prompts(3))
    world.run()
    summary = BatchSummary.model_validate_json(world.objects.bodies[PREFIX + storage.SUMMARY])
    assert (summary.job_id, summary.counts["total"]) == (JOB, 3)
    assert summary.receipt.dollars > 0
    assert {line.role for line in summary.receipt.lines} == {"chat", "asking", "children"}
    assert summary.estimate.items == 3
    assert [file.name for file in world.state.files] == [
        storage.RESULTS,
        storage.ERRORS,
        storage.SUMMARY,
    ]


@settings(max_examples=often(30, 8), deadline=None)
@given(
    st.integers(min_value=1, max_value=30),
    st.sets(st.integers(min_value=0, max_value=29)),
    st.sets(st.integers(min_value=0, max_value=29)),
    st.sets(st.integers(min_value=0, max_value=29)),
)
def test_whatever_befalls_items_every_line_should_come_back_once_and_the_money_add_up(
    count: int, poison: set[int], throttled: set[int], refused: set[int]
) -> None:
    world = World()

    def fails(prompt: str, nth: int) -> HeadraceError | None:
        n = int(prompt[1:])
        if n in refused:
            return ModelFailure("no")
        return Throttled("busy") if n in throttled and nth <= 2 else None

    world.answerer.fails = fails
    lines = [BAD if n in poison else line for n, line in enumerate(prompts(count))]
    world.begin(lines)
    world.run()
    healthy = [n for n in range(count) if n not in poison | refused]
    assert ids(world, storage.RESULTS) == [f"i{n}" for n in healthy]
    checked(world)


@pytest.mark.parametrize("dies_at", range(1, 24))
def test_a_kill_at_any_write_should_lose_nothing_and_repeat_one_call_at_most(dies_at: int) -> None:
    world = World()
    world.objects.dies_at, world.objects.dies_of = dies_at, Killed
    world.begin([*prompts(12), BAD])
    try:
        world.run()
    except Killed:
        world.run()
    assert world.state.job.status == "partial"
    assert ids(world, storage.RESULTS) == [f"i{n}" for n in range(12)]
    assert len(world.answerer.asked) <= 12 + 1
    checked(world)


def test_a_child_should_make_several_calls_at_once_and_none_that_has_an_outcome() -> None:
    world = World()
    world.begin(prompts(20))
    world.after = _dies
    with pytest.raises(Killed):
        world.run()
    refs = world.items(PREFIX + storage.ITEMS)
    world.answerer.delay = 0.01
    first = generate_items.run(world.child(refs[:10]), world.generating())
    assert (first.done, first.failed, first.left) == (10, 0, 0)
    assert 1 < world.answerer.most_at_once <= 8
    both = generate_items.run(world.child(refs), world.generating())
    assert (both.done, len(world.answerer.asked)) == (20, 20)
    (spender,) = world.answerer.spenders
    assert (spender.tenant, spender.correlation_id) == ("acme", "c")


def test_a_child_should_leave_what_it_has_no_time_for() -> None:
    world = World()
    world.begin(prompts(20))
    world.after = _dies
    with pytest.raises(Killed):
        world.run()
    request = world.child(world.items(PREFIX + storage.ITEMS))
    found = generate_items.run(request, world.generating(threads=1, seconds=0.1))
    assert found.done > 0
    assert found.left == 20 - found.done > 0
    assert found.gb_seconds == pytest.approx(found.seconds * 0.5)


def test_a_child_of_an_earlier_attempt_should_ask_nobody() -> None:
    world = World()
    world.begin(prompts(2), confirm=True)
    world.run()
    request = world.child(world.items(PREFIX + storage.ITEMS))
    assert generate_items.run(request, world.generating()).left == 2
    world.launcher.resume(world.state)
    assert generate_items.run(request, world.generating()).left == 2
    assert world.answerer.asked == []


@pytest.mark.parametrize(
    ("error", "rounds"), [(Transient("S3 is away"), 5), (HeadraceError("denied"), 1)]
)
def test_children_that_fail_should_fail_the_job_at_once_or_after_rounds_where_it_may_pass(
    error: HeadraceError, rounds: int
) -> None:
    world = World()
    world.begin(prompts(3))
    world.child_fails = error
    with pytest.raises(HeadraceError, match="Items could not be answered"):
        world.run()
    assert (world.rounds, world.answerer.asked) == (rounds, [])
    world.jobs.fail(world.state, JobError(type="HeadraceError", message="children"), NOW)
    world.child_fails = None
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"


def _dies(state: str) -> None:
    raise Killed
