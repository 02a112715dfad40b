"""Requests for scores: what may be asked, which call it is, and what that asks of a model."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.contracts.generation_requests import CreateGenerationRequest
from chalicelib.contracts.generations import ScoreCall, Terms
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.requests import call_from_request
from chalicelib.generation.requirements import derive_requirements
from chalicelib.generation.router import plan_route
from chalicelib.generation.tokens import TokenLoad, estimated_tokens
from tests.unit.generation.planning import HOME, NOW

ASKED = {"task": "scoring", "prompt": "our music was", "answers": ["great .", "very dirty ."]}


def asked(**body: Any) -> Any:
    return call_from_request(CreateGenerationRequest.model_validate(body))


def test_each_answer_should_be_read_after_the_prompt() -> None:
    call = asked(**ASKED)
    assert call == ScoreCall(prompt="our music was", answers=("great .", "very dirty ."))
    found = derive_requirements(call, Terms(), HOME)
    prompt = estimated_tokens("our music was")
    counts = [prompt + estimated_tokens(answer) for answer in call.answers]
    assert (found.load, found.longest_tokens) == (TokenLoad(sum(counts)), max(counts))
    assert found.inputs == {"text"}


def test_a_reward_model_should_score_when_it_is_asked_by_name_alone() -> None:
    call = asked(**ASKED)
    prices = catalogue().prices
    named = plan_route(
        derive_requirements(call, Terms(model="preferences-reward"), HOME),
        served_models(),
        prices,
        NOW,
    )
    assert [step.model for step in named.steps] == ["preferences-reward"]
    assert named.steps[0].cost
    anyone = plan_route(derive_requirements(call, Terms(), HOME), served_models(), prices, NOW)
    assert not anyone.steps
    assert any("so only when asked for by name" in reason for reason in anyone.describe())


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
