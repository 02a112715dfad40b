"""Models that share a queue: no call waits twice behind the same calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.generations import ChatCall, Message, Terms, TextPart
from chalicelib.errors import HeadraceError, ModelFailure, Throttled, Transient
from chalicelib.generation.added_models import StageModels
from chalicelib.generation.executor import Generator
from tests.unit.generation import planning
from tests.unit.generation.fakes import PRICES, House

HELLO = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hi"),)),), max_tokens=8)
WHO = Spender("acme")
QUEUED = planning.served(
    planning.model("small", tier=1, queue="one"),
    planning.model("middle", tier=2, queue="one"),
    planning.model("large", tier=3),
)
PRICED = {**PRICES, **planning.prices(middle=("2", "2"))}


def busy(seconds: int = 9) -> Throttled:
    return Throttled("3 requests wait before this one.", retry_after=seconds)


def queued_house(**script: list[str | BaseException]) -> House:
    return House(dict(script), models=QUEUED, prices=PRICED)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [busy(), Transient("No answer in time.", unaccounted=True)])
def test_a_busy_queue_should_be_asked_once_by_whatever_name(error: HeadraceError) -> None:
    house = queued_house(small=[error], middle=["never"], large=["Yes."])
    found = house.generator.generate(HELLO, Terms(), WHO)
    assert house.asked() == ["small", "large"]
    assert found.model == "large"


@pytest.mark.parametrize(
    "error", [ModelFailure("Not JSON."), Throttled("Slow down."), Transient("It is loading.")]
)
def test_a_model_that_failed_should_still_give_way_within_its_queue(error: HeadraceError) -> None:
    house = queued_house(small=[error], middle=["Yes."])
    assert house.generator.generate(HELLO, Terms(), WHO).model == "middle"


def test_who_finds_the_queue_busy_should_be_told_its_place_and_when_to_come() -> None:
    alone = planning.served(*list(QUEUED.models.values())[:2])
    house = House({"small": [busy(9)]}, models=alone, prices=PRICED)
    with pytest.raises(Throttled) as failed:
        house.generator.generate(HELLO, Terms(), WHO)
    assert house.asked() == ["small"]
    assert failed.value.retry_after == 9
    assert "3 requests wait before this one" in failed.value.message
    assert "not asked, as the same queue works off their calls: Middle" in failed.value.message


def test_the_guard_should_hold_a_queue_as_one() -> None:
    house = queued_house(small=["Yes."])
    house.generator.generate(HELLO, Terms(), WHO)
    assert house.watch.ended == [("one", "")]


def test_a_call_should_be_planned_by_the_models_of_its_moment() -> None:
    house = queued_house(small=["No."], large=["Yes."])
    now = [StageModels(QUEUED, PRICED)]
    deps = replace(house.generator.deps, stage_models=lambda: now[0])
    generator = Generator(deps)
    assert generator.generate(HELLO, Terms(), WHO).model == "small"
    now[0] = StageModels(planning.served(QUEUED.models["large"]), PRICED)
    assert generator.generate(HELLO, Terms(), WHO).model == "large"
