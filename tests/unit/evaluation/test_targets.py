"""How a target answers: what its answer rests on, and whether the same call would give it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import JsonValue

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.answers import AskResponse
from chalicelib.contracts.evaluations.jobs import PinnedTarget
from chalicelib.contracts.evaluations.suites import (
    AskTarget,
    InlinePromptTarget,
    ModelTarget,
    SuiteCase,
)
from chalicelib.contracts.generations import (
    Attempt,
    Call,
    ChatCall,
    ChatOutput,
    ClassifyCall,
    ClassifyOutput,
    Generation,
    Output,
    Terms,
    TextPart,
)
from chalicelib.contracts.prompts import PromptContent
from chalicelib.errors import InvalidInput
from chalicelib.evaluation.model_calls import model_call
from chalicelib.evaluation.targets import SuiteTargets
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from tests.unit.batches.examples import generation

NOW = datetime(2026, 11, 30, tzinfo=UTC)
CONTENT = PromptContent.model_validate(
    {"variables": {"input": {"type": "string"}}, "turns": [{"template": "{{ input }}"}]}
)


@dataclass
class Answerer:
    """Answers every call by one model."""

    model: str
    output: Output | None = None

    def generate(
        self, call: Call, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
    ) -> Generation:
        told = Attempt(model=self.model, outcome="accepted")
        changes: dict[str, Any] = {"model": self.model, "attempts": (told,)}
        if self.output is not None:
            changes["output"] = self.output
        return generation().model_copy(update=changes)


def targets(model: str, stage: str = "s") -> SuiteTargets:
    def no_ask(target: AskTarget, question: str) -> AskResponse:
        raise AssertionError("nothing is asked of documents")

    return SuiteTargets(
        pinned={
            "p": PinnedTarget(target="p", prompt="p", version=0, sha256="a" * 64, content=CONTENT)
        },
        generator=Answerer(model),
        ask=no_ask,
        spender=Spender("acme", "key"),
        limits=CallLimits(),
        stage=stage,
        replaceable=frozenset(("task-lm",)),
        now=lambda: NOW,
        clock=lambda: 0.0,
    )


def test_answers_of_versions_that_may_be_replaced_should_not_be_repeatable() -> None:
    case = SuiteCase(id="a", variables={"input": "x"})
    model = ModelTarget(kind="model", name="m", model="auto")
    prompt = InlinePromptTarget(kind="inline", name="p", content=CONTENT)
    for target in (model, prompt):
        assert targets("nova-micro").answer(target, case, 0).repeatable
        assert not targets("task-lm").answer(target, case, 0).repeatable


def test_another_screening_should_be_another_identity() -> None:
    target = ModelTarget(kind="model", name="m", model="auto")
    assert targets("m", "one").identity(target) == targets("m", "one").identity(target)
    assert targets("m", "one").identity(target) != targets("m", "other").identity(target)


def test_a_conversation_should_be_sent_with_its_system_and_the_examples_before_it() -> None:
    turns: list[JsonValue] = [
        {"role": "system", "content": "As JSON."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "two"},
    ]
    target = ModelTarget.model_validate(
        {
            "kind": "model",
            "name": "m",
            "system": "Be brief.",
            "examples": [{"user": "nine", "assistant": "9"}],
        }
    )
    call = model_call(target, SuiteCase(id="a", variables={"input": turns}))
    assert isinstance(call, ChatCall)
    assert call.system == "Be brief.\n\nAs JSON."
    said = [(each.role, each.content[0]) for each in call.messages]
    assert [(role, part.text) for role, part in said if isinstance(part, TextPart)] == [
        *(("user", "nine"), ("assistant", "9"), ("user", "one"), ("assistant", "1")),
        ("user", "two"),
    ]
    classifier = target.model_copy(update={"task": "classification"})
    assert model_call(classifier, SuiteCase(id="a", variables={"input": "two"})) == ClassifyCall(
        texts=("two",)
    )


@pytest.mark.parametrize(
    "turns",
    [
        [],
        ["a"],
        [{"role": "user", "content": " "}],
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
        [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}],
    ],
)
def test_what_is_no_conversation_should_be_refused(turns: list[JsonValue]) -> None:
    with pytest.raises(InvalidInput, match="case a, target m: the variable input has to be"):
        model_call(
            ModelTarget(kind="model", name="m"), SuiteCase(id="a", variables={"input": turns})
        )


def test_the_answer_of_a_classifier_should_be_its_likeliest_label() -> None:
    found = ClassifyOutput(labels=("bad", "good"), shares=((0.1, 0.9),))
    made = replace(targets("m"), generator=Answerer("m", found))
    target = ModelTarget(kind="model", name="m", task="classification")
    assert made.answer(target, SuiteCase(id="a", variables={"input": "x"}), 0).text == "good"


def test_an_answer_that_was_cut_off_should_fail_unless_it_is_kept() -> None:
    cut = ChatOutput(text="half", finish="length")
    made = replace(targets("m"), generator=Answerer("m", cut))
    target, case = ModelTarget(kind="model", name="m"), SuiteCase(id="a", variables={"input": "x"})
    with pytest.raises(InvalidInput, match="did not fit into max_tokens"):
        made.answer(target, case, 0)
    assert made.answer(target.model_copy(update={"keep_truncated": True}), case, 0).text == "half"
