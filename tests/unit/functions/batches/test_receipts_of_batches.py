"""What items cost that gave nothing, and results put together from what there is."""

from __future__ import annotations

from decimal import Decimal

from chalicelib.batches import storage
from chalicelib.budgets.ledger import OPEN
from chalicelib.contracts.receipts import nanodollars
from chalicelib.errors import HeadraceError, ModelFailure, NoAnswer, Transient
from functions.generate_items import core as generate_items
from tests.unit.batches.examples import generation
from tests.unit.functions.batches.test_batches import checked, ids, prompts
from tests.unit.functions.batches.world import PREFIX, World


def test_what_attempts_cost_that_gave_nothing_should_be_in_the_receipts() -> None:
    world = World()
    refused, busy = NoAnswer("No answer stands."), Transient("No answer came in time.")
    refused.receipt = busy.receipt = generation().receipt
    each = nanodollars(generation().receipt.dollars)

    def fails(prompt: str, nth: int) -> HeadraceError | None:
        if prompt == "p1":
            return refused
        return busy if nth == 1 else None

    world.answerer.fails = fails
    world.begin(prompts(3))
    world.run()
    (failed,) = world.lines(storage.ERRORS)
    assert failed["receipt"]["dollars"] == f"{generation().receipt.dollars:f}"
    spent = [
        nanodollars(Decimal(line["generation"]["receipt"]["dollars"]))
        for line in world.lines(storage.RESULTS)
    ]
    assert spent == [2 * each, 2 * each]
    checked(world)


def test_what_an_item_cost_before_it_was_given_up_for_a_while_should_not_be_lost() -> None:
    world = World()
    late = Transient("No answer came in time.", retry_after=500)
    late.receipt = generation().receipt
    world.answerer.fails = lambda prompt, nth: late if nth == 1 else None
    world.begin(prompts(2))
    assert world.run().status == "succeeded"
    assert world.rounds == 2
    kept = [key for key in world.objects.bodies if key.startswith(PREFIX + storage.SPENT)]
    assert len(kept) == 2
    checked(world)


def test_no_call_should_be_begun_that_the_function_has_no_time_to_end() -> None:
    world = World()
    world.begin(prompts(3))
    world.run()
    ends = {within.deadline for within in world.answerer.within}
    assert len(ends) == 1
    (end,) = ends
    assert end is not None
    assert 0 < end - generate_items.LONGEST_SECONDS < world.clock
    assert world.ledger.count(OPEN) == 0


def test_results_should_be_read_from_bundles_and_from_outcomes_that_no_bundle_has() -> None:
    world = World()
    world.answerer.fails = lambda prompt, nth: ModelFailure("no") if prompt == "p5" else None
    world.begin(prompts(40))

    def lose(state: str) -> None:
        bundles = [key for key in world.objects.bodies if key.startswith(PREFIX + storage.BUNDLES)]
        if state == "FanOut":
            assert len(bundles) > 1
            del world.objects.bodies[bundles[0]]

    world.after = lose
    world.run()
    assert ids(world, storage.RESULTS) == [f"i{n}" for n in range(40) if n != 5]
    checked(world)
