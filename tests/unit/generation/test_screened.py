"""What is done before a model is asked and after one answered, where a request is screened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ChatOutput,
    Generation,
    Message,
    Output,
    Terms,
    TextPart,
    ToolCall,
    Usage,
)
from chalicelib.contracts.receipts import nanodollars
from chalicelib.contracts.screening import Finding
from chalicelib.errors import InvalidInput, ModelFailure, NoAnswer, Transient
from chalicelib.generation.checks import CheckVerdict
from chalicelib.generation.dependencies import ScreenedInput, ScreenedOutput
from chalicelib.generation.executor import Generator, stream_whole
from chalicelib.generation.streams import TextDelta, ToolDelta
from tests.unit.generation.fakes import House
from tests.unit.generation.test_executor import HELLO, WHO

FOUND = Finding(rule="threat.intent", category="threat", text=0, score=0.9, words="a threat")


@dataclass
class Held:
    """Refuses inputs and outputs with the word `bad`, and blanks `secret` in both."""

    needs_whole_answer: bool = False
    fails: bool = False

    def screen_input(self, call: Call) -> ScreenedInput:
        assert isinstance(call, ChatCall)
        (part,) = call.messages[0].content
        assert isinstance(part, TextPart)
        if "bad" in part.text:
            raise InvalidInput("The input was refused by the screening rule threat.intent.")
        said = part.text.replace("secret", "[X]")
        message = Message(role="user", content=(TextPart(text=said),))
        changed = call.model_copy(update={"messages": (message,)})
        return ScreenedInput(changed, (FOUND,) if said != part.text else ())

    def screen_output(self, output: Output) -> ScreenedOutput:
        assert isinstance(output, ChatOutput)
        if self.fails:
            raise Transient("The screen does not answer.")
        if "bad" in output.text:
            return ScreenedOutput(output, (), "It was refused by the screening rule threat.intent.")
        said = output.text.replace("secret", "[Y]")
        found = (FOUND,) if said != output.text else ()
        return ScreenedOutput(output.model_copy(update={"text": said}), found)


class Raising:
    """A judge that does not do its work."""

    def judge(self, call: Call, output: Output) -> CheckVerdict:
        raise ModelFailure("The judge gave no verdict.")


@dataclass
class Screening:
    """Holds the tenant to one policy, or to none."""

    held: Held | None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def open_session(self, tenant: str, correlation_id: str) -> Held | None:
        self.asked.append((tenant, correlation_id))
        return self.held


def screened(house: House, held: Held | None) -> Generator:
    return Generator(replace(house.generator.deps, screen=Screening(held)))


def hello(text: str) -> ChatCall:
    message = Message(role="user", content=(TextPart(text=text),))
    return HELLO.model_copy(update={"messages": (message,)})


def texts(calls: Sequence[tuple[str, Call]]) -> list[str]:
    return [
        part.text
        for _, call in calls
        if isinstance(call, ChatCall)
        for part in call.messages[0].content
        if isinstance(part, TextPart)
    ]


def test_a_refused_input_should_reach_no_model_and_no_budget() -> None:
    house = House({"small": ["Hi"]})
    with pytest.raises(InvalidInput, match=r"threat\.intent"):
        screened(house, Held()).generate(hello("a bad word"), Terms(), WHO)
    assert house.backend.asked == []
    assert house.purse.most == []


def test_a_model_should_read_what_was_masked_and_the_caller_be_told() -> None:
    house = House({"small": ["It is a secret."]})
    found = screened(house, Held()).generate(hello("Keep the secret."), Terms(), WHO)
    assert texts(house.backend.asked) == ["Keep the [X]."]
    assert found.output == ChatOutput(text="It is a [Y].")
    assert found.findings == (FOUND, FOUND)
    assert house.is_even()


def test_a_refused_answer_should_be_paid_for_and_go_on_to_the_next_model() -> None:
    house = House({"small": ["bad"], "large": ["good"]})
    found = screened(house, Held()).generate(HELLO, Terms(), WHO)
    assert found.output == ChatOutput(text="good")
    assert [one.outcome for one in found.attempts] == ["escalated", "accepted"]
    assert "threat.intent" in found.attempts[0].reason
    assert len(house.purse.spent) == 2
    assert found.findings == ()


def test_where_every_answer_is_refused_the_rule_should_be_told() -> None:
    house = House({"small": ["bad"], "large": ["bad"]})
    with pytest.raises(NoAnswer, match=r"refused by the screening rule threat\.intent\. "):
        screened(house, Held()).generate(HELLO, Terms(), WHO)
    assert house.is_even()


def test_an_answer_that_cannot_be_screened_should_not_be_given() -> None:
    house = House({"small": ["Hi"]})
    with pytest.raises(Transient, match="screen"):
        screened(house, Held(fails=True)).generate(HELLO, Terms(), WHO)
    assert house.asked() == ["small"]
    assert house.is_even()


def test_an_answer_that_cannot_be_screened_should_tell_what_it_and_those_before_it_cost() -> None:
    house = House({"small": ["long"], "large": ["Hi"]})
    terms = Terms(checks=("length:1..2",))
    with pytest.raises(Transient) as caught:
        screened(house, Held(fails=True)).generate(HELLO, terms, WHO)
    error = caught.value
    assert error.usage == Usage(tokens_in=20, tokens_out=8)
    assert error.receipt is not None
    assert [line.model for line in error.receipt.lines] == ["small-really", "large-really"]
    assert [nanodollars(line.dollars) for line in error.receipt.lines] == [
        used.nanodollars for used in house.purse.spent
    ]
    assert house.log == [error]


def test_a_judge_that_raises_should_leave_what_the_answer_cost_in_the_error() -> None:
    house = House({"small": ["Hi"]})
    stage = replace(house.generator.deps, judges={"moderated": Raising()})
    with pytest.raises(ModelFailure) as caught:
        Generator(stage).generate(HELLO, Terms(checks=("moderated",)), WHO)
    assert caught.value.usage == Usage(tokens_in=10, tokens_out=4)
    assert caught.value.receipt is not None
    assert nanodollars(caught.value.receipt.dollars) == house.purse.spent[0].nanodollars > 0


def test_a_stream_whose_end_cannot_be_screened_should_tell_what_it_cost() -> None:
    house = House({"small": ["Hi"]})
    with pytest.raises(Transient) as caught:
        list(screened(house, Held(fails=True)).stream(HELLO, Terms(), WHO))
    assert caught.value.usage == Usage(tokens_in=10, tokens_out=4)
    assert caught.value.receipt is not None
    assert len(house.purse.spent) == 1


def test_a_tenant_that_is_held_to_nothing_should_be_answered_as_ever() -> None:
    house = House({"small": ["a bad secret"]})
    found = screened(house, None).generate(HELLO, Terms(), WHO)
    assert found.output == ChatOutput(text="a bad secret")
    assert found.findings == ()


def test_a_stream_that_may_be_refused_should_come_in_one_piece_after_it_was_screened() -> None:
    house = House({"small": ["bad"], "large": ["a secret"]})
    told = list(screened(house, Held(needs_whole_answer=True)).stream(HELLO, Terms(), WHO))
    assert told[0] == TextDelta("a [Y]")
    (last,) = told[1:]
    assert isinstance(last, Generation)
    assert [one.outcome for one in last.attempts] == ["escalated", "accepted"]


def test_a_stream_that_is_only_flagged_should_come_as_it_is_made_and_be_told_at_its_end() -> None:
    house = House({"small": ["a ", "secret"]})
    *pieces, last = screened(house, Held()).stream(hello("Hello"), Terms(), WHO)
    assert pieces == [TextDelta("a "), TextDelta("secret")]
    assert isinstance(last, Generation)
    assert last.findings == (FOUND,)


def test_a_whole_answer_should_stream_its_calls_of_tools_too() -> None:
    house = House({"small": ["Hi"]})
    made = house.generator.generate(HELLO, Terms(), WHO)
    call = ToolCall(id="c1", name="look", arguments="{}")
    made = made.model_copy(update={"output": ChatOutput(text="", tool_calls=(call,))})
    assert list(stream_whole(made)) == [ToolDelta(0, "c1", "look", "{}"), made]
