from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import Attempt, Usage
from chalicelib.generation.models import ServedModels
from chalicelib.generation.pricing import actual_cost
from chalicelib.generation.receipts import cascade_saving, next_dearer
from chalicelib.generation.requirements import Requirements
from chalicelib.generation.router import (
    AcceptAnswer,
    GiveUp,
    RoutePlan,
    RouteStep,
    TryModel,
    next_move,
    plan_route,
    total_cost,
)
from tests.unit.generation.planning import (
    NOW,
    a_wish,
    model,
    prices,
    served,
    some_prices,
    some_served,
    some_wish,
)

MODELS = served(model("low", tier=1), model("other", tier=1), model("high", tier=3))
PRICES = prices(low=("1", "2"), other=("2", "4"), high=("3", "6"))
PLAN = plan_route(a_wish(), MODELS, PRICES, NOW)
USED = Usage(tokens_in=1_000, tokens_out=100)


def tried(name: str, outcome: str, dollars: str = "0.001", reason: str = "why") -> Attempt:
    return Attempt.model_validate(
        {
            "model": name,
            "outcome": outcome,
            "reason": reason,
            "usage": USED,
            "dollars": Decimal(dollars),
        }
    )


def price(step: RouteStep, usage: Usage) -> int | None:
    return actual_cost(MODELS.models[step.model], usage, step.route.price_factor, PRICES)


def asked(*attempts: Attempt, budget: int | None = None) -> str:
    move = next_move(PLAN, attempts, budget)
    return move.step.model if isinstance(move, TryModel) else ""


def test_should_ask_the_first_and_then_go_on() -> None:
    assert asked() == "low"
    assert asked(tried("low", "failed")) == "other"
    assert asked(tried("low", "skipped"), tried("other", "failed")) == "high"


def test_an_answer_that_failed_a_check_should_go_on_to_one_no_worse() -> None:
    assert asked(tried("low", "escalated")) == "other"
    assert asked(tried("high", "escalated")) == ""
    move = next_move(PLAN, [tried("high", "escalated", reason="json: it is no JSON")])
    assert isinstance(move, GiveUp)
    assert move.reason == (
        "High escalated: json: it is no JSON; Low is of tier 1, and 3 was not enough;"
        " Other is of tier 1, and 3 was not enough"
    )


def test_an_accepted_answer_should_end_it() -> None:
    good = tried("other", "accepted")
    assert next_move(PLAN, [tried("low", "escalated"), good]) == AcceptAnswer(good)


def test_attempts_should_stay_within_the_budget_together() -> None:
    costs = [step.cost for step in PLAN.steps]
    assert costs == [2_000_000, 4_000_000, 6_000_000]
    first = tried("low", "failed", "0.002")
    assert asked(first, budget=6_000_000) == "other"
    assert asked(first, budget=5_999_999) == ""
    move = next_move(PLAN, [first], 5_999_999)
    assert isinstance(move, GiveUp)
    assert move.reason.endswith("High may cost more than the $0.003999999 left")


def test_a_saving_should_be_what_the_dearest_alone_would_have_cost() -> None:
    attempts = [tried("low", "escalated", "0.0012"), tried("other", "accepted", "0.0024")]
    found = cascade_saving(PLAN, attempts, price)
    assert found is not None
    assert (found.dearest_title, found.dearest_cost, found.spent) == ("High", 3_600_000, 3_600_000)
    assert found.saved == 0
    assert total_cost(attempts) == 3_600_000
    cheap = cascade_saving(PLAN, [tried("low", "accepted", "0.0012")], price)
    assert cheap is not None
    assert cheap.saved == 2_400_000
    assert cascade_saving(PLAN, [tried("low", "failed")], price) is None


def test_the_next_dearer_should_be_priced_for_the_same_usage() -> None:
    found = next_dearer(PLAN, tried("low", "accepted"), price)
    assert found is not None
    assert (found.path, found.dollars) == ("Other by maker.other-v1:0", Decimal("0.0024"))
    assert next_dearer(PLAN, tried("high", "accepted"), price) is None


def test_an_empty_plan_should_be_given_up() -> None:
    assert next_move(RoutePlan((), ()), []) == GiveUp("the plan has no model")


outcomes = st.sampled_from(["escalated", "failed", "skipped"])


@given(some_wish(), some_served(), some_prices(), st.lists(outcomes, min_size=9, max_size=9))
def test_no_model_should_be_asked_twice_and_it_should_end(
    wish: Requirements, models: ServedModels, known: dict[str, object], ends: list[str]
) -> None:
    found = plan_route(wish, models, known, NOW)  # type: ignore[arg-type]
    attempts: list[Attempt] = []
    move = next_move(found, attempts, wish.budget)
    while isinstance(move, TryModel):
        assert move.step.model not in {attempt.model for attempt in attempts}
        attempts.append(tried(move.step.model, ends[len(attempts)], "0.000000001"))
        move = next_move(found, attempts, wish.budget)
    assert isinstance(move, GiveUp)
    assert len(attempts) <= len(found.steps)
