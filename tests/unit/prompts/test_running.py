from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.contracts.generations import ChatCall, ChatOutput, ImageCall, ImageOutput, Terms
from chalicelib.errors import ModelFailure
from chalicelib.prompts.rendering import CompiledPrompt
from chalicelib.prompts.reply_marks import VerifierVerdict
from chalicelib.prompts.runs import PromptResult, run_turns
from tests.unit.prompts.examples import FENCE, VALUES, content

PLAN = {"name": "plan", "template": "Plan: {{ report }}"}
EXPAND = {"name": "expand", "template": "Follow the plan.\n{{ plan }}"}
PICTURE = ImageOutput(images=(b"iVBORw0KGgo=",))


def ran(
    *replies: str | ImageOutput, **changes: Any
) -> tuple[Callable[[], PromptResult], list[ChatCall | ImageCall]]:
    """Return what runs a prompt whose model gives `replies`, and the calls that it is asked."""
    asked: list[ChatCall | ImageCall] = []
    waiting = list(replies)

    def ask(call: ChatCall | ImageCall, terms: Terms) -> ChatOutput | ImageOutput:
        asked.append(call)
        reply = waiting.pop(0)
        return ChatOutput(text=reply) if isinstance(reply, str) else reply

    prompt = CompiledPrompt(content(**changes))
    return lambda: run_turns(prompt, prompt.values(VALUES), ask, FENCE), asked


def test_should_hand_outputs_on_and_return_all_of_them() -> None:
    begin, asked = ran(" 1. May ", "In May.", turns=[PLAN, EXPAND])
    assert begin() == PromptResult({"plan": "1. May", "expand": "In May."})
    assert [isinstance(call, ChatCall) for call in asked] == [True, True]
    assert "\n1. May\n" in str(asked[1].model_dump()["messages"][0]["content"][0]["text"])


def test_should_hand_on_no_thoughts() -> None:
    begin, asked = ran(
        "<reasoning>Secret.</reasoning>1. May",
        "In May.",
        turns=[PLAN | {"reasoning": True}, EXPAND],
    )
    assert begin() == PromptResult(
        {"plan": "1. May", "expand": "In May."}, reasonings={"plan": "Secret."}
    )
    assert "Secret" not in asked[1].model_dump_json()


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("ACCEPT", VerifierVerdict(True)),
        ("REJECT: It was June.", VerifierVerdict(False, "It was June.")),
    ],
)
def test_should_have_the_answer_verified(said: str, verdict: VerifierVerdict) -> None:
    begin, asked = ran("In May.", said, verifier={"template": "True?\n{{ answer }}"})
    assert begin() == PromptResult({"answer": "In May."}, verdict=verdict)
    assert "In May." in asked[1].model_dump_json()


def test_should_return_pictures() -> None:
    begin, asked = ran(
        "a weir", PICTURE, image={}, turns=[PLAN, {"template": "{{ plan }}, at dawn"}]
    )
    assert begin() == PromptResult({"plan": "a weir"}, PICTURE)
    assert isinstance(asked[1], ImageCall)


def test_should_take_only_json_where_json_is_asked_for() -> None:
    begin, _ = ran('```json\n{"a": 1}\n```', output_schema={"type": "object"})
    assert begin().outputs == {"answer": '{"a": 1}'}
    for said, says in (("May", "is to be JSON"), ("[]", "schema: \\$ does not keep to type")):
        begin, _ = ran(said, output_schema={"type": "object"})
        with pytest.raises(ModelFailure, match=says):
            begin()


def test_should_hold_thoughts_to_no_schema_and_the_answer_after_them() -> None:
    turn = {"template": "{{ report }}", "reasoning": True}
    schema = {"type": "object", "required": ["a"]}
    begin, _ = ran('<reasoning>Hm.</reasoning>{"a": "ü"}', turns=[turn], output_schema=schema)
    assert begin().outputs == {"answer": '{"a": "ü"}'}
    begin, _ = ran('<reasoning>Hm.</reasoning>{"b": 1}', turns=[turn], output_schema=schema)
    with pytest.raises(ModelFailure, match="does not keep to required"):
        begin()


def test_should_fail_where_thoughts_do_not_end_or_the_verifier_says_nothing() -> None:
    begin, asked = ran("<reasoning>and", turns=[PLAN | {"reasoning": True}, EXPAND])
    with pytest.raises(ModelFailure, match="no end"):
        begin()
    assert len(asked) == 1, "nothing is asked after it"
    begin, _ = ran("In May.", "Well.", verifier={"template": "{{ answer }}"})
    with pytest.raises(ModelFailure, match="neither"):
        begin()
    begin, _ = ran("In May.", PICTURE, verifier={"template": "{{ answer }}"})
    with pytest.raises(ModelFailure, match="pictures"):
        begin()
