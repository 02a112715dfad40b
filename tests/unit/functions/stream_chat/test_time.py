from __future__ import annotations

import pytest

from chalicelib.contracts.generations import Terms
from chalicelib.errors import Transient
from chalicelib.generation.streams import TextDelta
from functions.stream_chat.handler import MOST_SECONDS, Counted
from tests.unit.generation.fakes import House
from tests.unit.generation.test_executor import HELLO, WHO


def test_a_model_should_be_waited_for_no_longer_than_the_function_may_take() -> None:
    house = House({"small": ["Hi"]})
    Counted(house.generator, lambda: house.clock).generate(HELLO, Terms(), WHO)
    assert house.backend.asking[0].seconds_left == MOST_SECONDS


def test_a_stream_should_say_that_its_time_is_over_before_the_function_is_stopped() -> None:
    house = House({"small": ["He", "llo", "!"]})
    pieces = Counted(house.generator, lambda: house.clock).stream(HELLO, Terms(), WHO)
    assert next(pieces) == TextDelta("He")
    house.clock = MOST_SECONDS + 1
    with pytest.raises(Transient, match="in time"):
        next(pieces)
    assert house.is_even()
