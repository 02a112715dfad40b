"""Requests for scores: what may be asked, which call it is, and what that asks of a model."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.contracts.generating import CreateGenerationRequest
from chalicelib.contracts.generations import ScoreCall, Terms
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.pricing import Load
from chalicelib.generation.requests import call_of
from chalicelib.generation.routing import plan
from chalicelib.generation.served import served
from chalicelib.generation.tokens import estimated_tokens
from chalicelib.generation.wishes import wish
from tests.unit.generation.planning import HOME, NOW

ASKED = {"task": "scoring", "prompt": "our music was", "answers": ["great .", "very dirty ."]}


def asked(**body: Any) -> Any:
    return call_of(CreateGenerationRequest.model_validate(body))


def test_each_answer_should_be_read_after_the_prompt() -> None:
    call = asked(**ASKED)
    assert call == ScoreCall(prompt="our music was", answers=("great .", "very dirty ."))
    found = wish(call, Terms(), HOME)
    prompt = estimated_tokens("our music was")
    counts = [prompt + estimated_tokens(answer) for answer in call.answers]
    assert (found.load, found.longest_tokens) == (Load(sum(counts)), max(counts))
    assert found.inputs == {"text"}


def test_a_reward_model_should_score_when_it_is_asked_by_name_alone() -> None:
    call = asked(**ASKED)
    prices = catalogue().prices
    named = plan(wish(call, Terms(model="preferences-reward"), HOME), served(), prices, NOW)
    assert [step.model for step in named.steps] == ["preferences-reward"]
    assert named.steps[0].cost
    anyone = plan(wish(call, Terms(), HOME), served(), prices, NOW)
    assert not anyone.steps
    assert any("so only when asked for by name" in reason for reason in anyone.words())


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({**ASKED, "answers": []}, "answers go with a scoring, which takes one at least"),
        ({"prompt": "a", "answers": ["b"]}, "answers go with a scoring"),
        ({**ASKED, "prompt": None}, "takes prompt, and nothing else"),
        ({**ASKED, "texts": ["a"]}, "takes prompt, and nothing else"),
        ({**ASKED, "answers": ["a"] * 65}, "at most 64"),
        ({**ASKED, "answers": [""]}, "at least 1 character"),
        ({**ASKED, "documents": ["a"]}, "leave them out of task scoring"),
    ],
)
def test_what_does_not_go_together_should_be_refused(body: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        asked(**body)
