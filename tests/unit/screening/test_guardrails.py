"""Calls and answers held to a guardrail, beside the tenant's own policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest

from chalicelib.contracts.generations import (
    ChatOutput,
    EmbedCall,
    EmbedOutput,
    TextPart,
    ToolCall,
    ToolResult,
)
from chalicelib.errors import HeadraceError, InvalidInput, Throttled
from chalicelib.screening.guardrails import GuardrailAssessment, GuardrailScreen, GuardrailSession
from chalicelib.screening.policies import stage_policy
from chalicelib.screening.screener import Screener
from tests.unit.screening.fakes import FakePolicies, screens
from tests.unit.screening.test_screener import MAIL, MASKING, THREAT, chat, holding


@dataclass
class FakeGuardrail:
    """Blocks what says weir, and makes {NAME} of Ada; it may fail instead."""

    fails: HeadraceError | None = None
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def apply(
        self, source: Literal["INPUT", "OUTPUT"], texts: Sequence[str]
    ) -> GuardrailAssessment:
        self.asked.append((source, tuple(texts)))
        if self.fails is not None:
            raise self.fails
        if any("weir" in text for text in texts):
            return GuardrailAssessment(tuple(texts), "word.customWords")
        masked = tuple(text.replace("Ada", "{NAME}") for text in texts)
        return GuardrailAssessment(
            masked, masked=("sensitiveInformation.NAME",) * (masked != tuple(texts))
        )


def guarded(guardrail: FakeGuardrail | None = None) -> GuardrailSession:
    return GuardrailSession(guardrail or FakeGuardrail(), None)


def test_what_is_blocked_should_be_refused_by_the_name_of_its_rule_and_its_field() -> None:
    with pytest.raises(InvalidInput, match=r"guardrail's rule word\.customWords") as refused:
        guarded().screen_input(chat(TextPart(text="The weir."), system="About weirs."))
    assert refused.value.field == "messages.0"
    assert refused.value.screened
    assert "The weir" not in refused.value.message


def test_what_tools_gave_back_should_be_looked_at_and_instructions_not() -> None:
    rail = FakeGuardrail()
    call = chat(TextPart(text="Hi"), ToolResult(id="a", text="Found"), system="About the weir.")
    assert guarded(rail).screen_input(call).call == call
    assert rail.asked == [("INPUT", ("Hi", "Found"))]


def test_what_is_masked_should_reach_the_model_masked_and_be_told() -> None:
    seen = guarded().screen_input(chat(TextPart(text="I am Ada."), system="You are Ada."))
    assert seen.call == chat(TextPart(text="I am {NAME}."), system="You are Ada.")
    (finding,) = seen.findings
    assert (finding.rule, finding.category) == (
        "guardrail.sensitiveInformation.NAME",
        "personal-data",
    )
    assert "Ada" not in finding.words


def test_each_text_should_be_masked_in_its_own_place() -> None:
    seen = guarded().screen_input(EmbedCall(texts=("A pump.", "Ada")))
    assert seen.call == EmbedCall(texts=("A pump.", "{NAME}"))
    assert [one.text for one in seen.findings] == [1]


def test_an_answer_should_be_refused_or_masked() -> None:
    assert guarded().screen_output(ChatOutput(text="A weir")).refusal == (
        "It was refused by the guardrail's rule word.customWords."
    )
    seen = guarded().screen_output(ChatOutput(text="By Ada"))
    assert (seen.output, seen.refusal) == (ChatOutput(text="By {NAME}"), "")
    assert len(seen.findings) == 1


def test_arguments_of_tools_should_be_refused_where_they_would_be_masked() -> None:
    output = ChatOutput(text="", tool_calls=(ToolCall(id="a", name="f", arguments='{"by":"Ada"}'),))
    assert "sensitiveInformation.NAME" in guarded().screen_output(output).refusal


def test_nothing_should_be_asked_where_there_is_no_text() -> None:
    rail = FakeGuardrail()
    output = EmbedOutput(vectors=((1.0,),))
    assert guarded(rail).screen_output(output).output == output
    assert rail.asked == []


def test_the_policy_should_come_first_and_the_guardrail_see_what_it_masked() -> None:
    rail = FakeGuardrail()
    policy = stage_policy("off").model_copy(update={"categories": MASKING})
    held = GuardrailSession(rail, holding(policy))
    seen = held.screen_input(chat(TextPart(text=f"{MAIL} Ada")))
    assert rail.asked == [("INPUT", ("Write to [EMAIL]. Ada",))]
    assert [one.rule for one in seen.findings] == [
        "personal-data.email",
        "guardrail.sensitiveInformation.NAME",
    ]


def test_what_the_policy_refuses_should_not_be_asked_of_the_guardrail() -> None:
    rail = FakeGuardrail()
    held = GuardrailSession(rail, holding())
    with pytest.raises(InvalidInput, match="screening rule"):
        held.screen_input(chat(TextPart(text=THREAT)))
    assert held.screen_output(ChatOutput(text=THREAT)).refusal
    assert rail.asked == []


def test_a_call_should_not_be_made_where_the_guardrail_does_not_answer() -> None:
    with pytest.raises(Throttled):
        guarded(FakeGuardrail(Throttled("busy"))).screen_input(chat(TextPart(text="Hi")))


def test_every_tenant_should_be_held_to_it_and_its_answers_held_back() -> None:
    beneath = Screener(stage_policy("off"), FakePolicies(), screens())
    held = GuardrailScreen(FakeGuardrail(), beneath).open_session("acme", "c")
    assert held.beneath is None
    assert held.needs_whole_answer
