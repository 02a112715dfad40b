from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.batches.estimate import MAX_GROUPS, BatchEstimator
from chalicelib.contracts.batches import BatchEstimate, ModelEstimate
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.requirements import CallRegion, derive_requirements
from chalicelib.generation.router import plan_route
from tests.unit.batches.examples import ORDER, item, openai, own
from tests.unit.jobs.examples import NOW

PLACE = CallRegion("us-east-1")


def estimated(lines: list[bytes], order: object = None) -> BatchEstimate:
    tally = BatchEstimator(PLACE)
    for line in lines:
        tally.add(item(line))
    return tally.estimate(served_models(), catalogue().prices, NOW, 80)


def paths(estimate: ModelEstimate) -> dict[str, Decimal | None]:
    return {path.service_tier: path.dollars for path in estimate.paths}


def test_an_estimate_should_price_all_items_by_each_path() -> None:
    found = estimated([own(str(n), max_tokens=100) for n in range(200)])
    (model,) = found.models
    assert (found.items, found.tokens_out, model.model) == (200, 20_000, "nova-micro")
    prices = catalogue().prices
    each = "bedrock.amazon.nova-micro-v1:0"
    at_once = (
        found.tokens_in * prices[f"{each}.input_token"].dollars
        + found.tokens_out * prices[f"{each}.output_token"].dollars
    )
    assert abs(found.dollars - at_once) <= Decimal("1e-9")
    assert paths(model)["standard"] == found.dollars
    assert paths(model)["flex"] is None
    batch = paths(model)["batch"]
    assert batch is not None
    assert abs(batch - at_once / 2) <= Decimal("1e-9")


def test_the_bound_should_hold_whatever_fails_and_say_who_may_be_asked() -> None:
    """The first model, each fallback, a repair of JSON, and three tries of it all."""
    found = estimated([own("a", max_tokens=100), own("b", max_tokens=100)])
    route = plan_route(
        derive_requirements(item(own(max_tokens=100)).call, item(own()).terms, PLACE),
        served_models(),
        catalogue().prices,
        NOW,
    )
    once = sum((Decimal(step.cost or 0) for step in route.steps), Decimal(0)).scaleb(-9)
    assert len(route.steps) > 1
    assert found.dollars < once
    assert 6 * once <= found.dollars_bound <= Decimal("6.1") * once
    assert route.steps[1].title in found.models[0].words[1]
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    as_json = [openai(name, response_format=schema, max_tokens=100) for name in ("a", "b")]
    assert estimated(as_json).dollars_bound > found.dollars_bound


def test_without_fallbacks_the_bound_should_be_that_of_one_model() -> None:
    found = estimated([own("a", fallback=False)])
    assert found.dollars_bound == 3 * found.dollars
    assert len(found.models[0].words) == 1


def test_a_batch_that_is_too_small_for_the_service_s_own_should_say_so() -> None:
    (model,) = estimated([own()]).models
    assert paths(model)["batch"] is None
    reasons = {path.service_tier: path.reason for path in model.paths}
    assert reasons["batch"] == "a job takes 100 items at least"


def test_items_that_let_other_models_answer_should_be_estimated_apart() -> None:
    lines = [
        own("a"),
        own("b", model="nova-pro"),
        own("c", texts=["x"], model="titan-embed-text-v2"),
    ]
    found = estimated([*lines, openai("d", model="nova-pro")])
    assert {(each.wanted, each.items) for each in found.models} == {
        ("nova-micro", 1),
        ("nova-pro", 2),
        ("titan-embed-text-v2", 1),
    }
    assert found.dollars == sum(
        (paths(each)["standard"] or Decimal(0) for each in found.models), Decimal(0)
    )


def test_a_model_that_is_not_served_should_be_told_and_cost_nothing() -> None:
    found = estimated([own(model="nobody")])
    assert "No model is served as 'nobody'" in found.models[0].words[0]
    assert found.dollars == 0


def test_the_budget_of_each_item_should_hold_the_item_alone_and_not_the_batch() -> None:
    budget = "0.0001"
    lines = [own(str(n), max_tokens=100, budget=budget) for n in range(200)]
    found = estimated(lines)
    assert found.dollars > Decimal(budget)
    assert found.dollars == estimated([own(str(n), max_tokens=100) for n in range(200)]).dollars
    assert found.dollars_bound >= found.dollars
    tight = own("tight", max_tokens=100, budget="0.000000001")
    assert estimated([tight]).dollars == 0
    assert estimated([tight, *lines]).dollars > found.dollars
    assert estimated([tight, own("free", max_tokens=100)]).dollars > 0


def test_only_so_many_choices_of_models_should_fit_into_one_batch() -> None:
    tally = BatchEstimator(PLACE)
    for n in range(MAX_GROUPS):
        tally.add(item(own(model=f"m{n}")))
    assert tally.fits(item(own(model="m1")))
    assert not tally.fits(item(own(model="other")))


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=8))
def test_more_items_should_never_be_estimated_lower(prompts: list[str]) -> None:
    lines = [own(str(n), prompt=prompt) for n, prompt in enumerate(prompts)]
    assert estimated(lines).dollars >= estimated(lines[:1]).dollars
    assert estimated([]).dollars == 0
    assert ORDER.deadline > NOW
