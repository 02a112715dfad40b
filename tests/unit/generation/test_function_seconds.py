"""What a call of a function costs that gives no whole answer: the seconds that it worked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.contracts.generations import Terms, Usage
from chalicelib.errors import InvalidInput, ModelFailure, Transient
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.dependencies import CallLimits
from chalicelib.generation.models import FunctionBackend
from tests.unit.generation import planning
from tests.unit.generation.fakes import Answer, House
from tests.unit.generation.test_executor import HELLO, WHO

ALONE = Terms(model="ours", fallback=False)
BACKEND = FunctionBackend("complete_text", 1_024, tokens_per_second=10)
PRICES = catalogue().prices


def house(*answers: Answer) -> House:
    models = planning.served(planning.model("ours", backend=BACKEND))
    return House({"ours": list(answers)}, models=models, prices=PRICES)


def due(seconds: float) -> int:
    """Return what a request costs for which a gigabyte worked so long, in nano-dollars."""
    dollars = PRICES["lambda.request"].dollars
    dollars += PRICES["lambda.gb_second.arm64"].dollars * int(seconds * 4) / 4
    return round(dollars * 10**9)


def counted(asked: House) -> int:
    assert asked.is_even()
    (used,) = asked.purse.spent
    return used.nanodollars


def test_who_stops_listening_should_pay_the_seconds_until_the_last_piece() -> None:
    asked = house("Hello", " there")
    stream: Any = asked.generator.stream(HELLO, ALONE, WHO)
    next(stream)
    asked.clock = 20.0
    next(stream)
    asked.clock = 25.0
    stream.close()
    assert counted(asked) == due(20)


def test_a_stream_that_the_time_ends_should_cost_the_seconds_until_the_last_piece() -> None:
    asked = house("Hello", " there", "!")
    stream = asked.generator.stream(HELLO, ALONE, WHO, limits=CallLimits(deadline=21.0))
    next(stream)
    asked.clock = 20.0
    next(stream)
    asked.clock = 22.0
    with pytest.raises(Transient, match="No answer came in time") as raised:
        next(stream)
    assert counted(asked) == due(20)
    assert raised.value.receipt is not None
    assert [line.seconds for line in raised.value.receipt.lines] == [20.0]


@pytest.mark.parametrize("kind", [Transient, InvalidInput, ModelFailure])
def test_a_call_that_a_function_fails_should_cost_the_seconds_that_it_worked(
    kind: Callable[..., Exception],
) -> None:
    asked = house(kind("The completing function failed.", seconds=2.5))
    with pytest.raises(Exception, match="No model answered") as raised:
        asked.generator.generate(HELLO, ALONE, WHO)
    assert counted(asked) == due(2.5)
    told: Any = raised.value
    (line,) = told.receipt.lines
    assert (line.seconds, line.dollars * 10**9) == (2.5, due(2.5))


def test_seconds_in_vain_should_be_added_to_what_was_used_before() -> None:
    error = Transient("gone", usage=Usage(tokens_in=64), seconds=2.5)
    asked = house(error)
    with pytest.raises(Transient):
        asked.generator.generate(HELLO, ALONE, WHO)
    assert counted(asked) == due(2.5)
    assert asked.purse.spent[0].tokens_in == 64


def test_a_call_that_is_refused_before_any_invocation_should_cost_nothing() -> None:
    asked = house(InvalidInput("leave system out"))
    with pytest.raises(InvalidInput) as raised:
        asked.generator.generate(HELLO, ALONE, WHO)
    assert asked.is_even()
    assert (asked.purse.spent, raised.value.receipt) == ([], None)
