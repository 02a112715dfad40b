"""Rounds of a batch whose children were refused money: others of it may have held that."""

from __future__ import annotations

from chalicelib.batches import storage
from chalicelib.contracts.batches import ItemError
from chalicelib.errors import HeadraceError, QuotaExceeded, Throttled
from tests.unit.functions.batches.test_batches import checked, ids, prompts
from tests.unit.functions.batches.world import World

EMPTY = QuotaExceeded("No money is left of the day.")


def test_a_child_that_was_refused_should_have_another_round_where_others_got_on() -> None:
    world = World()
    kept: list[ItemError | None] = []

    def look(state: str) -> None:
        if state == "Reduce" and world.state.job.phase == "generating":
            kept.append(world.place.halted)

    world.after = look
    world.answerer.fails = lambda prompt, nth: EMPTY if prompt == "p30" and nth == 1 else None
    world.begin(prompts(40))
    assert world.run().status == "succeeded"
    assert (world.rounds, world.waits) == (2, [0, 5])
    assert kept == [None]
    assert ids(world, storage.RESULTS) == [f"i{n}" for n in range(40)]
    assert [world.answerer.asked.count(prompt) for prompt in ("p0", "p30")] == [1, 2]
    checked(world)


def test_a_budget_that_gives_nothing_should_have_no_other_round() -> None:
    world = World()
    world.answerer.fails = lambda prompt, nth: EMPTY
    world.begin(prompts(3))
    world.run()
    assert world.rounds == 1
    (message,) = {line["error"]["message"] for line in world.lines(storage.ERRORS)}
    assert message == "No money is left of the day."


def test_what_a_later_round_had_no_room_for_should_be_told_by_that_round_s_reason() -> None:
    world = World()

    def fails(prompt: str, nth: int) -> HeadraceError | None:
        if prompt != "p30":
            return None
        return EMPTY if nth == 1 else Throttled("busy")

    world.answerer.fails = fails
    world.begin(prompts(40))
    assert world.run().status == "partial"
    (failed,) = world.lines(storage.ERRORS)
    assert (failed["id"], failed["error"]["type"]) == ("i30", "Throttled")
    checked(world)
