"""How a target answers: what its answer rests on, and whether the same call would give it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.answers import AskResponse
from chalicelib.contracts.evaluations.jobs import PinnedTarget
from chalicelib.contracts.evaluations.suites import (
    AskTarget,
    InlinePromptTarget,
    ModelTarget,
    SuiteCase,
)
from chalicelib.contracts.generations import Attempt, Call, Generation, Terms
from chalicelib.contracts.prompts import PromptContent
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

    def generate(
        self, call: Call, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
    ) -> Generation:
        told = Attempt(model=self.model, outcome="accepted")
        return generation().model_copy(update={"model": self.model, "attempts": (told,)})


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
