from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import ChatCall, Message, Terms, TextPart
from chalicelib.errors import NotFound, Unsupported
from chalicelib.generation.catalogue import UnitPrice, catalogue
from chalicelib.generation.eligibility import BATCH_TIME
from chalicelib.generation.model_file import SERVED_FILE, served_models
from chalicelib.generation.models import (
    BatchOffer,
    BedrockBackend,
    Lifecycle,
    ModelLimits,
    ServedModel,
    ServedModels,
)
from chalicelib.generation.pricing import max_cost, service_tier_factor
from chalicelib.generation.rate_limits.breaker import Breaker
from chalicelib.generation.requirements import CallRegion, Requirements, derive_requirements
from chalicelib.generation.router import RoutePlan, plan_route
from chalicelib.generation.tokens import TokenLoad
from tests.unit.generation.planning import (
    HOME,
    NAMES,
    NOW,
    a_wish,
    model,
    prices,
    some_model,
    some_prices,
    some_served,
    some_wish,
)
from tests.unit.generation.planning import served as serving

Prices = Mapping[str, UnitPrice]
THREE = serving(model("cheap"), model("middle", tier=3), model("dear", tier=4))
THREE_PRICES = prices(cheap=("1", "2"), middle=("2", "4"), dear=("3", "6"))


def names(found: RoutePlan) -> list[str]:
    return [step.model for step in found.steps]


def reason(found: RoutePlan, name: str) -> str:
    return next(one.reason for one in found.exclusions if one.model == name)


@given(some_wish(), some_served(), some_prices())
def test_every_model_should_be_a_step_or_left_out_for_a_reason(
    wish: Requirements, models: ServedModels, known: Prices
) -> None:
    found = plan_route(wish, models, known, NOW)
    out = [one.model for one in found.exclusions]
    assert sorted([*names(found), *out]) == sorted(models.models)
    assert all(one.reason for one in found.exclusions)
    said = " ".join(found.describe())
    told = [one.title for one in found.exclusions if one.is_reported]
    assert all(title in said for title in [*told, *(step.title for step in found.steps)])
    assert all(
        one.is_reported == (models.models[one.model].task == wish.task) for one in found.exclusions
    )


@given(some_wish(), some_served(), some_prices())
def test_a_plan_should_hold_only_models_that_suffice(
    wish: Requirements, models: ServedModels, known: Prices
) -> None:
    for step in plan_route(wish, models, known, NOW).steps:
        one = models.models[step.model]
        assert one.task == wish.task
        assert one.tier >= wish.quality
        assert wish.abilities <= one.abilities
        assert wish.inputs <= one.inputs
        assert wish.allowed is None or one.name in wish.allowed
        assert one.lifecycle.status_on(NOW.date()) == "active"
        assert wish.longest_tokens <= one.limits.context_tokens
        assert wish.load.tokens_out <= one.limits.output_tokens
        assert wish.dimensions is None or wish.dimensions in one.limits.dimensions
        assert step.route == wish.call_region.route(one)
        assert wish.budget is None or (step.cost is not None and step.cost <= wish.budget)


@given(some_wish(), some_served(), some_prices())
def test_the_cheapest_that_suffices_should_come_first(
    wish: Requirements, models: ServedModels, known: Prices
) -> None:
    costs = [step.cost for step in plan_route(wish, models, known, NOW).steps]
    priced = [cost for cost in costs if cost is not None]
    assert costs == [*sorted(priced), *[None] * (len(costs) - len(priced))]


@given(some_wish(), some_served(), some_prices())
def test_a_plan_should_not_depend_on_the_order_of_the_file(
    wish: Requirements, models: ServedModels, known: Prices
) -> None:
    again = [*models.models.values()][::-1]
    found = plan_route(wish, models, known, NOW)
    assert plan_route(wish, models, known, NOW) == found
    assert plan_route(wish, serving(*again), known, NOW).steps == found.steps


@given(some_wish(), some_served(), some_prices((*NAMES, "z")), some_model("z"))
def test_a_dearer_model_should_not_change_the_first_step(
    wish: Requirements, models: ServedModels, known: Prices, newcomer: ServedModel
) -> None:
    before = plan_route(wish, models, known, NOW).steps
    after = plan_route(wish, serving(*models.models.values(), newcomer), known, NOW).steps
    cost = next((step.cost for step in after if step.model == "z"), None)
    dearer = bool(before) and (cost is None or (before[0].cost or 0) < cost)
    if before and before[0].cost is not None and dearer:
        assert after[0] == before[0]


@given(
    some_served(), some_prices(), st.integers(0, 9_000), st.integers(0, 9_000), st.integers(1, 9)
)
def test_an_estimate_should_never_fall_with_more_tokens_or_items(
    models: ServedModels, known: Prices, tokens: int, more: int, items: int
) -> None:
    for one in models.models.values():
        little = max_cost(one, TokenLoad(tokens, tokens), Decimal("1.1"), known, items)
        for load, count in (
            (TokenLoad(tokens + more, tokens), items),
            (TokenLoad(tokens, tokens), items + 1),
        ):
            much = max_cost(one, load, Decimal("1.1"), known, count)
            assert (little is None) == (much is None)
            assert little is None or much is None or little <= much


@given(some_wish(), some_served(), some_prices())
def test_a_service_tier_should_be_one_that_the_caller_has_room_for(
    wish: Requirements, models: ServedModels, known: Prices
) -> None:
    room = {"standard": 0, "flex": 1, "batch": 2}
    for step in plan_route(wish, models, known, NOW).steps:
        one = models.models[step.model]
        assert room[step.service_tier] <= room[wish.service_tier]
        assert service_tier_factor(one, step.service_tier) is not None
        if step.service_tier == "batch":
            assert one.batch is not None
            assert wish.items >= one.batch.min_items
            assert wish.deadline is None or wish.deadline >= NOW + BATCH_TIME
            assert not wish.abilities & {"tools", "streams"}


def test_a_named_model_should_come_before_its_fallbacks_and_theirs() -> None:
    models = serving(
        model("a", fallbacks=("c",)), model("b"), model("c", fallbacks=("d", "a")), model("d")
    )
    found = plan_route(a_wish(model="a"), models, prices(**dict.fromkeys("abcd", ("9", "9"))), NOW)
    assert names(found) == ["a", "c", "d"]
    assert reason(found, "b") == "not asked for"
    assert len(found.describe()) == 3
    alone = plan_route(a_wish(model="a", fallback=False), models, {}, NOW)
    assert names(alone) == ["a"]


def test_a_model_should_be_found_by_its_id_on_bedrock() -> None:
    for asked in ("maker.middle-v1:0", "us.maker.middle-v1:0"):
        assert names(plan_route(a_wish(model=asked), THREE, THREE_PRICES, NOW)) == ["middle"]
    with pytest.raises(
        NotFound, match=r"No model is served as 'gpt'.*cheap, dear, middle; or auto"
    ):
        plan_route(a_wish(model="gpt"), THREE, THREE_PRICES, NOW)


def test_a_legacy_model_should_only_be_asked_by_name() -> None:
    old = model("old", lifecycle=Lifecycle("legacy", ends=NOW.date() + timedelta(days=1)))
    gone = model("gone", lifecycle=Lifecycle("legacy", ends=NOW.date()))
    found = plan_route(a_wish(), serving(old, gone), {}, NOW)
    assert reason(found, "old") == "legacy until 2026-11-27, so only when asked for by name"
    assert reason(found, "gone") == "ended on 2026-11-26"
    assert names(plan_route(a_wish(model="old"), serving(old, gone), {}, NOW)) == ["old"]
    assert names(plan_route(a_wish(model="gone"), serving(old, gone), {}, NOW)) == []
    leading = model("new", fallbacks=("old",))
    assert names(plan_route(a_wish(model="new"), serving(leading, old), {}, NOW)) == ["new"]


def test_a_model_that_rests_should_be_left_out() -> None:
    health = {"cheap": Breaker("open", NOW.timestamp() - 5, calls=12, failures=7, trips=1)}
    found = plan_route(a_wish(), THREE, THREE_PRICES, NOW, health)
    assert names(found) == ["middle", "dear"]
    assert reason(found, "cheap") == ("resting for 10 s more, since 7 of the last 12 calls failed")
    later = plan_route(a_wish(), THREE, THREE_PRICES, NOW + timedelta(seconds=10), health)
    assert names(later)[0] == "cheap"


def test_what_is_not_priced_should_be_asked_by_name_only_and_never_under_a_budget() -> None:
    models = serving(model("free"), model("cheap", fallbacks=("free",)))
    for wanted in (a_wish(), a_wish(model="cheap")):
        found = plan_route(wanted, models, THREE_PRICES, NOW)
        assert names(found) == ["cheap"]
        assert reason(found, "free") == "not priced, so only when asked for by name"
    by_name = plan_route(a_wish(model="free"), models, THREE_PRICES, NOW)
    assert by_name.describe()[0].endswith("at once: not priced.")
    bounded = plan_route(a_wish(model="free", budget=10**9), models, THREE_PRICES, NOW)
    assert reason(bounded, "free") == "not priced, so that nothing holds it to the budget"


def test_a_budget_should_bound_all_items_together() -> None:
    one = plan_route(a_wish(budget=2_000_000), THREE, THREE_PRICES, NOW)
    assert [step.cost for step in one.steps] == [2_000_000]
    assert reason(one, "middle") == "up to $0.004000000, and the budget is $0.002000000"
    assert names(plan_route(a_wish(budget=2_000_000, items=2), THREE, THREE_PRICES, NOW)) == []


def test_only_one_embedding_model_should_be_asked() -> None:
    models = serving(model("cheap", task="embedding"), model("dear", task="embedding"))
    found = plan_route(a_wish(task="embedding"), models, THREE_PRICES, NOW)
    assert names(found) == ["cheap"]
    assert reason(found, "dear") == "vectors that can't be compared with those of Cheap"


def test_a_batch_should_be_taken_where_it_fits_and_said_why_where_not() -> None:
    one = model("cheap", batch=BatchOffer(Decimal("0.5"), 100), flex=Decimal("0.7"))
    many = a_wish(service_tier="batch", items=100)
    step = plan_route(many, serving(one), THREE_PRICES, NOW).steps[0]
    assert (step.service_tier, step.cost) == ("batch", 100_000_000)
    assert step.notes == ("at 0.5 of the price",)
    few = plan_route(replace(many, items=99), serving(one), THREE_PRICES, NOW).steps[0]
    assert few.service_tier == "flex"
    assert few.notes[1] == "no batch job: it takes 100 items at least, and there are 99"
    hasty = replace(many, deadline=NOW + BATCH_TIME - timedelta(seconds=1))
    soon = plan_route(hasty, serving(one), THREE_PRICES, NOW).steps[0]
    assert soon.notes[1] == "no batch job: it may take 24 hours, and the deadline is sooner"
    late = plan_route(replace(many, deadline=NOW), serving(one), THREE_PRICES, NOW)
    assert reason(late, "cheap") == "too late, the deadline has passed"


def test_of_a_batch_and_flex_at_the_same_price_the_batch_should_be_taken() -> None:
    one = model("cheap", batch=BatchOffer(Decimal("0.5"), 1), flex=Decimal("0.5"))
    step = plan_route(a_wish(service_tier="batch"), serving(one), THREE_PRICES, NOW).steps[0]
    assert step.service_tier == "batch"


def test_a_route_should_stay_within_reach_and_cost_least() -> None:
    def route(region: str, reach: str, *others: str) -> str:
        wish = a_wish(call_region=CallRegion(region, reach, others))  # type: ignore[arg-type]
        steps = plan_route(wish, serving(model("cheap")), THREE_PRICES, NOW).steps
        return steps[0].route.model_id if steps else ""

    assert route("us-east-1", "region") == "maker.cheap-v1:0"
    assert route("us-east-2", "region") == ""
    assert route("us-east-2", "geography") == "us.maker.cheap-v1:0"
    assert route("us-east-2", "global") == "global.maker.cheap-v1:0"
    assert route("af-south-1", "geography") == ""
    assert route("af-south-1", "geography", "us-east-1") == "maker.cheap-v1:0"


@pytest.mark.parametrize(
    ("region", "reach", "chosen", "called"),
    [
        ("us-west-2", "region", "", "us-west-2"),
        ("us-east-1", "geography", "", "us-west-2"),
        ("us-east-1", "region", "", ""),
        ("us-east-1", "geography", "none", ""),
        ("eu-west-1", "global", "", ""),
        ("us-gov-west-1", "geography", "", ""),
        ("eu-west-1", "region", "us-west-2", "us-west-2"),
        ("eu-west-1", "geography", "eu-west-2", ""),
    ],
)
def test_an_image_model_should_be_called_in_the_image_region(
    region: str, reach: str, chosen: str, called: str
) -> None:
    backend = BedrockBackend(
        *("maker.painter-v1:0", "invoke", "stability-image"),
        *(frozenset({"us-west-2"}), Decimal(1), MappingProxyType({})),
    )
    origin = CallRegion(region, reach, image_region=chosen)  # type: ignore[arg-type]
    route = origin.route(model("painter", task="image", backend=backend))
    assert (route.region if route else "") == called
    other = origin.route(model("writer", backend=backend))
    assert (other is not None) == (region == "us-west-2")


def test_parameters_that_a_model_refuses_should_be_noted() -> None:
    one = model("cheap", refuses=("seed", "temperature+top_p"))
    wish = a_wish(parameters=frozenset({"seed", "temperature", "top_p"}))
    step = plan_route(wish, serving(one), THREE_PRICES, NOW).steps[0]
    assert step.notes == ("seed is left out", "top_p is left out beside temperature")
    wish = a_wish(parameters=frozenset({"top_p"}))
    assert plan_route(wish, serving(one), THREE_PRICES, NOW).steps[0].notes == ()


def test_an_empty_plan_should_be_refused_with_its_reasons() -> None:
    with pytest.raises(
        Unsupported, match=r"No model can answer this\. Left out \(below tier 5\): Small"
    ):
        plan_route(a_wish(quality=5), serving(model()), {}, NOW).require_steps()


def test_a_model_of_another_task_that_is_asked_for_should_be_told_why_it_cannot() -> None:
    wish = a_wish(task="transcription", inputs=frozenset({"audio"}), model="nova-micro")
    plan = plan_route(replace(wish, fallback=False), served_models(), catalogue().prices, NOW)
    with pytest.raises(Unsupported, match=r"this\. Left out \(for chat\): Nova Micro\.$"):
        plan.require_steps()


def test_the_shipped_models_should_be_planned_with_cheapest_first() -> None:
    found = plan_route(a_wish(quality=3), served_models(), catalogue().prices, NOW).require_steps()
    costs = [step.cost or 0 for step in found.steps]
    assert costs == sorted(costs)
    assert len(costs) >= 5
    assert {"nova-premier", "claude-3-haiku"} <= {
        one.model for one in found.exclusions if one.reason.startswith("ended on")
    }


def test_the_plan_in_the_docs_should_be_the_one_that_is_made() -> None:
    sentence = "The weir was inspected in April 2026, and two of its seals were replaced at once. "
    text = f"Summarise these minutes in five sentences. {sentence * 60}"
    message = Message(role="user", content=(TextPart(text=text),))
    call = ChatCall(messages=(message,), max_tokens=300)
    terms = Terms(quality=3, budget=Decimal("0.005"))
    found = plan_route(
        derive_requirements(call, terms, HOME), served_models(), catalogue().prices, NOW
    )
    page = (SERVED_FILE.parents[1] / "docs" / "models-and-prices.md").read_text(encoding="utf-8")
    assert "\n".join(found.describe()) in page


def test_what_a_model_adds_to_a_prompt_should_be_priced_and_held_against_its_context() -> None:
    limits = ModelLimits(context_tokens=1_600, output_tokens=1_000, tool_tokens=600)
    models = serving(model("a", limits=limits, abilities=frozenset({"tools", "json"})))
    known = prices(a=("1", "1"))
    (plain,) = plan_route(a_wish(), models, known, NOW).steps
    assert (plain.load, plain.cost) == (TokenLoad(1_000, 500), 1_500_000)
    short = a_wish(load=TokenLoad(100, 500), longest_tokens=600, has_tools=True)
    (tooled,) = plan_route(short, models, known, NOW).steps
    assert (tooled.load, tooled.cost) == (TokenLoad(700, 500), 1_200_000)
    found = plan_route(a_wish(has_tools=True), models, known, NOW)
    assert reason(found, "a") == "holds 1,600 tokens, and 2,100 may be needed"


def test_what_is_asked_for_in_words_should_be_priced() -> None:
    api = frozenset({"json", "json_schema"})
    models = serving(model("words"), model("api", abilities=api))
    known = prices(words=("1", "1"), api=("1", "1"))
    held = a_wish(asks_json=True, has_schema=True, schema_by_bedrock=True)
    loads = {step.model: step.load.tokens_in for step in plan_route(held, models, known, NOW).steps}
    assert loads["api"] == 1_000 < loads["words"]
    beyond = replace(held, schema_by_bedrock=False)
    loads = {
        step.model: step.load.tokens_in for step in plan_route(beyond, models, known, NOW).steps
    }
    assert loads["api"] == loads["words"]


def test_an_answer_that_cannot_be_carried_should_be_refused_before_it_is_made() -> None:
    wide, narrow = (
        model(name, task="embedding", limits=ModelLimits(dimensions=(size, 256)))
        for name, size in (("wide", 3_072), ("narrow", 1_024))
    )
    known = prices(wide=("1", "1"), narrow=("2", "2"))
    wanted = a_wish(task="embedding", vectors=100, max_bytes=5_000_000)
    found = plan_route(wanted, serving(wide, narrow), known, NOW)
    assert names(found) == ["narrow"]
    assert reason(found, "wide").startswith("answers of up to 6,758,400 bytes, and 5,000,000 can")
    small = replace(wanted, dimensions=256)
    assert names(plan_route(small, serving(wide, narrow), known, NOW)) == ["wide"]
    drawn = a_wish(task="image", pixels=4 * 1_024 * 1_024, max_bytes=5_000_000)
    found = plan_route(drawn, serving(model("painter", task="image")), {}, NOW)
    assert reason(found, "painter").startswith("answers of up to 16,777,216 bytes")


def refused_by(requirements: Requirements) -> Unsupported:
    with pytest.raises(Unsupported) as refused:
        plan_route(requirements, served_models(), catalogue().prices, NOW).require_steps()
    return refused.value


def test_a_refusal_should_name_the_field_that_keeps_most_models_from_it() -> None:
    long = refused_by(a_wish(longest_tokens=20_000_000))
    assert (long.field, long.limit) == ("messages", "1000000")
    vectors = Requirements("embedding", HOME, TokenLoad(10), longest_tokens=10, dimensions=1_000)
    assert (refused_by(vectors).field, refused_by(vectors).limit) == ("dimensions", "3072")
    written = refused_by(a_wish(load=TokenLoad(10, 500_000)))
    assert (written.field, written.limit) == ("max_tokens", "128000")
    assert refused_by(a_wish(allowed=frozenset())).field == "model"


def test_a_required_parameter_should_keep_out_models_that_would_leave_it_out() -> None:
    models = serving(model("deaf", refuses=("seed",)), model("keen", tier=3))
    known = prices(deaf=("1", "2"), keen=("2", "4"))
    wish = a_wish(parameters=frozenset({"seed"}))
    assert names(plan_route(wish, models, known, NOW)) == ["deaf", "keen"]
    strict = replace(wish, required_parameters=frozenset({"seed"}))
    found = plan_route(strict, models, known, NOW)
    assert names(found) == ["keen"]
    assert reason(found, "deaf") == "takes no seed, so leave it out"
    assert refused_by(strict).field == "seed"


def test_a_model_should_be_tried_by_its_alias() -> None:
    models = serving(model("cheap"), model("middle", tier=3, aliases=("gpt-x",)))
    found = plan_route(a_wish(model="gpt-x"), models, THREE_PRICES, NOW)
    assert names(found) == ["middle"]
