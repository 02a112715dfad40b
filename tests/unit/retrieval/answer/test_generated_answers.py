"""Questions about documents put to a model by what answers every call: routed, paid, screened."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from chalicelib.contracts.generations import Call, ChatCall, TextPart
from chalicelib.errors import InvalidInput, NoAnswer, NotFound, QuotaExceeded, Throttled
from chalicelib.generation.dependencies import ScreenedInput
from chalicelib.generation.executor import Generator
from chalicelib.generation.models import ServedModels
from chalicelib.retrieval.answer.passage_writer import PassageLimits, PassageWriter
from tests.unit.generation.fakes import MODELS, House
from tests.unit.generation.test_executor import WHO
from tests.unit.generation.test_screened import Held, Screening
from tests.unit.retrieval.fakes import hit

PASSAGES = [hit("The pump hums.")]


@dataclass
class HeldByOrigin(Held):
    """Refuses the word `bad` in what nobody vouches for."""

    def screen_input(self, call: Call) -> ScreenedInput:
        assert isinstance(call, ChatCall)
        for part in call.messages[0].content:
            if isinstance(part, TextPart) and part.origin == "untrusted" and "bad" in part.text:
                raise InvalidInput("The input was refused by the screening rule threat.intent.")
        return ScreenedInput(call, ())


def writer(generator: Generator, model: str = "us.maker.small-v1:0") -> PassageWriter:
    return PassageWriter(
        lambda: generator, model, PassageLimits(8_000, 1_500), seconds=20.0, monotonic=lambda: 0.0
    )


def screened(house: House) -> Generator:
    return Generator(replace(house.generator.deps, screen=Screening(HeldByOrigin())))


def test_the_stage_s_model_should_be_asked_by_its_id_and_paid_by_who_asks() -> None:
    house = House({"small": ["It hums."]})
    reply = writer(house.generator).write("What hums?", PASSAGES, WHO, 20.0)
    assert (reply.text, house.asked()) == ("It hums.", ["small"])
    assert len(house.purse.spent) == 1
    assert house.is_even()
    assert [line.role for line in reply.lines] == ["chat"]
    assert reply.lines[0].dollars > 0


def test_another_model_should_answer_where_the_stage_s_has_no_room() -> None:
    small = replace(MODELS.models["small"], fallbacks=("large",))
    known = ServedModels({**MODELS.models, "small": small})
    house = House({"small": [Throttled("busy")], "large": ["It hums."]}, models=known)
    reply = writer(house.generator).write("What hums?", PASSAGES, WHO, 20.0)
    assert (reply.text, house.asked()) == ("It hums.", ["small", "large"])


def test_what_the_screen_refuses_should_reach_no_model() -> None:
    house = House({"small": ["It hums."]})
    ask = writer(screened(house))
    with pytest.raises(InvalidInput, match=r"threat\.intent"):
        ask.write("What hums?", [hit("A bad word.")], WHO, 20.0)
    assert (house.backend.asked, house.purse.most) == ([], [])
    assert ask.write("Is it bad?", PASSAGES, WHO, 20.0).text == "It hums."


def test_an_answer_that_the_screen_refuses_should_be_paid_for_and_not_given() -> None:
    house = House({"small": ["bad"]})
    with pytest.raises(NoAnswer, match=r"threat\.intent") as raised:
        writer(screened(house)).write("What hums?", PASSAGES, WHO, 20.0)
    assert raised.value.receipt is not None
    assert len(raised.value.receipt.lines) == len(house.purse.spent) == 1


def test_a_budget_without_room_should_be_told() -> None:
    house = House({"small": ["It hums."]})
    house.purse.refuses = QuotaExceeded("No dollars are left of the day.")
    with pytest.raises(QuotaExceeded, match="No dollars"):
        writer(house.generator).write("What hums?", PASSAGES, WHO, 20.0)
    assert house.backend.asked == []


def test_a_model_that_the_catalogue_does_not_have_should_be_told() -> None:
    with pytest.raises(NotFound, match=r"other\.model"):
        writer(House({}).generator, "other.model").write("What hums?", PASSAGES, WHO, 20.0)
