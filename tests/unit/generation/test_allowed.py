"""Models that a tenant may use: the others are left out, and the refusal says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.generations import Generation, Terms
from chalicelib.errors import Unsupported
from chalicelib.generation.executor import Generator
from tests.unit.generation.fakes import House
from tests.unit.generation.test_executor import HELLO, WHO

RULE = "not among the models that this tenant may use"


def held_to(house: House, *names: str) -> Generator:
    """Return a generator by which the tenant of `WHO`, and no other, may use `names` alone."""
    allowed = {WHO.tenant: frozenset(names)}
    return Generator(replace(house.generator.deps, allowed_models=allowed.get))


def test_the_cheapest_of_those_that_may_be_used_should_answer() -> None:
    house = House({"small": ["Hi"], "large": ["Hello"]})
    found = held_to(house, "large").generate(HELLO, Terms(), WHO)
    assert (found.model, house.asked()) == ("large", ["large"])
    assert any(RULE in line and "Small" in line for line in found.plan)


def test_another_tenant_should_be_held_to_nothing() -> None:
    house = House({"small": ["Hi"]})
    other = Spender("other")
    assert held_to(house, "large").generate(HELLO, Terms(), other).model == "small"


@pytest.mark.parametrize("names", [(), ("gone",)])
def test_nobody_should_be_asked_where_no_model_may_be_used(names: tuple[str, ...]) -> None:
    house = House({"small": ["Hi"]})
    with pytest.raises(Unsupported, match=RULE):
        held_to(house, *names).generate(HELLO, Terms(), WHO)
    assert house.asked() == []
    assert house.purse.most == []


def test_a_model_that_is_named_and_may_not_be_used_should_be_refused_by_the_rule() -> None:
    house = House({"small": ["Hi"]})
    with pytest.raises(Unsupported, match=RULE) as caught:
        held_to(house, "small").generate(HELLO, Terms(model="large"), WHO)
    assert caught.value.field == "model"
    assert house.asked() == []


def test_a_stream_should_be_held_to_them_too() -> None:
    house = House({"small": ["Hi"], "large": ["Hello"]})
    *_, last = held_to(house, "large").stream(HELLO, Terms(), WHO)
    assert isinstance(last, Generation)
    assert last.model == "large"
