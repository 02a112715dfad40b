from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from chalicelib.contracts.generations import Usage
from chalicelib.generation.catalogue import UnitPrice, catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import BatchOffer, FunctionBackend
from chalicelib.generation.pricing import (
    actual_cost,
    is_priced,
    max_cost,
    price_units,
    service_tier_factor,
)
from chalicelib.generation.tokens import TokenLoad
from tests.unit.generation.planning import model, prices

ONE = Decimal(1)
PRICES = prices(small=("1", "2"))


def test_an_estimate_should_be_rounded_up_and_a_charge_to_the_nearest() -> None:
    tiny = prices(small=("0.0001", "0.0001"))
    assert max_cost(model(), TokenLoad(3, 0), ONE, tiny) == 1
    assert actual_cost(model(), Usage(tokens_in=3), ONE, tiny) == 0
    assert actual_cost(model(), Usage(tokens_in=7), ONE, tiny) == 1


def test_items_and_factors_should_multiply() -> None:
    assert max_cost(model(), TokenLoad(1_000, 500), ONE, PRICES) == 2_000_000
    assert max_cost(model(), TokenLoad(1_000, 500), Decimal("0.55"), PRICES, 10) == 11_000_000
    used = Usage(tokens_in=1_000, tokens_out=500)
    assert actual_cost(model(), used, Decimal("0.5"), PRICES) == 1_000_000


def test_a_long_prompt_should_have_prices_of_its_own() -> None:
    long = model(long_prompt_tokens=1_000)
    assert not is_priced(long, PRICES)
    known = dict(PRICES)
    for kind, amount in (("input_token", "5"), ("output_token", "10")):
        unit = long.price_unit(f"long_{kind}")
        known[unit] = UnitPrice(unit, Decimal(amount) / 1_000_000, date(2026, 1, 1), "Pricing")
    assert max_cost(long, TokenLoad(1_000, 100), ONE, known) == 1_200_000
    assert max_cost(long, TokenLoad(1_001, 100), ONE, known) == 6_005_000


def test_a_function_should_cost_its_seconds() -> None:
    ours = model(backend=FunctionBackend("embed", 1_024, 1_000), task="embedding")
    known = catalogue().prices
    assert max_cost(ours, TokenLoad(2_000), ONE, known) == 26_867
    assert actual_cost(ours, Usage(tokens_in=2_000), ONE, known, seconds=0.5) == 6_867
    assert price_units(ours) == ("lambda.gb_second.arm64", "lambda.request")


def test_a_function_should_be_estimated_by_what_it_reads_and_writes() -> None:
    ours = model(backend=FunctionBackend("complete", 1_024, 1_000), task="chat")
    known = catalogue().prices
    read, both = (
        max_cost(ours, load, ONE, known) for load in (TokenLoad(2_000), TokenLoad(500, 1_500))
    )
    assert read == both
    assert max_cost(ours, TokenLoad(2_000, 1), ONE, known) != both


def test_pictures_should_be_priced_each() -> None:
    painter = model(task="image")
    unit = painter.price_unit("image")
    known = {unit: UnitPrice(unit, Decimal("0.04"), date(2026, 1, 1), "Pricing")}
    assert max_cost(painter, TokenLoad(images=3), ONE, known) == 120_000_000
    assert max_cost(painter, TokenLoad(images=3), ONE, {}) is None
    assert actual_cost(painter, Usage(images=1), ONE, {}) is None


def test_a_model_should_offer_what_its_entry_says() -> None:
    plain = model()
    offering = replace(plain, batch=BatchOffer(Decimal("0.5"), 100), flex=Decimal("0.6"))
    assert [service_tier_factor(plain, tier) for tier in ("standard", "flex", "batch")] == [
        1,
        None,
        None,
    ]
    assert [service_tier_factor(offering, tier) for tier in ("standard", "flex", "batch")] == [
        ONE,
        Decimal("0.6"),
        Decimal("0.5"),
    ]


@pytest.mark.parametrize("name", sorted(served_models().models))
def test_every_shipped_model_should_be_priced_or_known_not_to_be(name: str) -> None:
    not_priced = {
        *("nova-canvas", "titan-image-v2"),
        *("stable-image-core", "stable-diffusion-3.5-large", "stable-image-ultra"),
    }
    assert is_priced(served_models().models[name], catalogue().prices) == (name not in not_priced)


def test_the_catalogue_and_the_router_should_price_alike() -> None:
    known = catalogue()
    one = served_models().model("nova-pro")
    used = Usage(tokens_in=12_345, tokens_out=678)
    assert actual_cost(one, used, ONE, known.prices) == known.token_cost(
        "amazon.nova-pro-v1:0", 12_345, 678
    )
