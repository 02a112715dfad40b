"""Calls for pictures by models that the stage trained: who is asked, for what, at what price."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.generation_requests import CreateGenerationRequest
from chalicelib.contracts.generations import ImageCall, Terms, Usage
from chalicelib.errors import Conflict
from chalicelib.generation.adaptation import adapt_call
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.model_schema import ServedFileError, validate_served_file
from chalicelib.generation.models import FunctionBackend
from chalicelib.generation.pricing import actual_cost, max_cost
from chalicelib.generation.requests import call_from_request
from chalicelib.generation.requirements import derive_requirements
from chalicelib.generation.router import RoutePlan, plan_route
from chalicelib.generation.tokens import TokenLoad
from tests.unit.generation import planning
from tests.unit.generation.fakes import House
from tests.unit.generation.planning import HOME, NOW
from tests.unit.generation.test_model_file import changed

DIGITS = served_models().model("digits-vae")
ONE = Decimal(1)


def planned(call: ImageCall, model: str = "auto") -> RoutePlan:
    return plan_route(
        derive_requirements(call, Terms(model=model), HOME),
        served_models(),
        catalogue().prices,
        NOW,
    )


def test_should_be_drawn_by_what_makes_one_kind_of_thing_only_where_that_is_named() -> None:
    found = planned(ImageCall(prompt="a weir"))
    assert [step.model for step in found.steps] == []
    told = "Left out (for handwritten digits of 8 x 8 pixels alone, so only when asked for by name)"
    (line,) = (line for line in found.describe() if line.startswith(told))
    assert DIGITS.title in line
    assert [step.model for step in planned(ImageCall(prompt="7"), "digits-vae").steps] == [
        "digits-vae"
    ]


def test_a_plan_should_say_what_is_left_out_of_the_call() -> None:
    call = ImageCall(prompt="7", negative_prompt="3", steps=9, guidance=2.0, seed=1)
    (step,) = planned(call, "digits-vae").steps
    assert set(step.notes) == {
        *("prompt is left out", "negative_prompt is left out"),
        *("steps is left out", "guidance is left out"),
    }
    (plain,) = planned(ImageCall(prompt="7"), "digits-vae").steps
    assert plain.notes == ("prompt is left out",)


def test_a_call_should_lose_what_its_model_does_not_take() -> None:
    call = ImageCall(prompt="7", negative_prompt="3", steps=9, guidance=2.0, seed=1, to_seed=2)
    found = adapt_call(call, DIGITS)
    assert found == ImageCall(prompt="7", seed=1, to_seed=2)
    assert adapt_call(call, replace(DIGITS, refuses=())) == call


def test_a_walk_should_go_to_models_that_can() -> None:
    call = ImageCall(prompt="7", seed=1, to_seed=2)
    assert [step.model for step in planned(call, "digits-vae").steps] == ["digits-vae"]
    found = planned(call, "stable-image-core")
    assert not found.steps
    assert "can't draw what lies between two seeds" in " ".join(found.describe())


def test_a_function_that_draws_should_cost_its_seconds() -> None:
    backend = FunctionBackend("draw", 1_024, images_per_second=2, call_seconds=3)
    ours = planning.model(backend=backend, task="image")
    known = catalogue().prices
    second = known["lambda.gb_second.arm64"].dollars
    request = known["lambda.request"].dollars
    most = max_cost(ours, TokenLoad(images=4), ONE, known)
    assert most == pytest.approx(int((5 * second + request) * 10**9), abs=1)
    used = actual_cost(ours, Usage(images=4), ONE, known, seconds=0.5)
    assert used == pytest.approx(int((second / 2 + request) * 10**9), abs=1)


@pytest.mark.parametrize("rates", [{}, {"tokens_per_second": 0, "images_per_second": 0}])
def test_a_function_should_say_how_fast_it_is(rates: dict[str, int]) -> None:
    backend: dict[str, Any] = {"kind": "function", "function": "f", "memory_mb": 512, **rates}
    with pytest.raises(ServedFileError, match="above 0, or images_per_second"):
        validate_served_file(changed(backend=backend, fallbacks=[]))


def test_should_say_that_no_version_is_served_and_how_to_serve_one() -> None:
    none = Conflict("No version of small is served on this stage. Serve one.", field="model")
    picture = replace(planning.model("small"), task="image")
    house = House({"small": [none]}, models=planning.served(picture))
    with pytest.raises(Conflict, match="No version of small is served on this stage") as told:
        house.generator.generate(ImageCall(prompt="7"), Terms(model="small"), Spender("t"))
    assert told.value.field == "model"
    assert told.value.usage is None
    assert house.is_even()


def test_a_request_should_hand_on_steps_guidance_and_both_seeds() -> None:
    given = {"prompt": "7", "steps": 9, "guidance": 2.0, "seed": 1, "to_seed": 2, "count": 3}
    body = CreateGenerationRequest.model_validate({"task": "image", **given})
    assert call_from_request(body) == ImageCall.model_validate(given)
