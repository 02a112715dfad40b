"""A suite on which answers are a function of the prompt's wording and of the case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chalicelib.contracts.evaluations.results import TargetAnswer
from chalicelib.contracts.evaluations.suites import InlinePromptTarget, Suite, SuiteCase, Target
from chalicelib.contracts.prompts import PromptContent
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.errors import QuotaExceeded
from chalicelib.evaluation.runner import MemoryCache
from chalicelib.evaluation.suites import read_suite
from cli.prompts.optimiser.optimisation import PromptOptimisation, SearchSettings
from cli.prompts.optimiser.scoring import ProposalScorer, SearchSpending
from tests.unit.evaluation.fakes import Services

PRICE = Decimal("0.001")
Reply = Callable[[PromptContent, SuiteCase], str]


def content(**changes: Any) -> PromptContent:
    """Return the hand-written prompt, changed."""
    fields: Mapping[str, Any] = {
        "variables": {"text": {"type": "string"}},
        "turns": [{"template": "Sort this: {{ text }}"}],
        "parameters": {"max_tokens": 5, "temperature": 0},
    }
    return PromptContent.model_validate({**fields, **changes})


def suite(count: int = 60, **changes: Any) -> Suite:
    """Return a suite of `count` cases, which expect odd or even."""
    value: dict[str, Any] = {
        "name": "parity",
        "targets": [{"kind": "prompt", "name": "prompt", "prompt": "sort"}],
        "graders": [{"type": "exact"}],
        "cases": [
            {
                "id": f"c{n}",
                "variables": {"text": f"number {n}"},
                "expected": "odd" if n % 2 else "even",
            }
            for n in range(count)
        ],
    }
    return read_suite({**value, **changes})


def better_with(mark: str) -> Reply:
    """Return answers that are right where the template or the role has `mark`, else half right."""

    def reply(prompt: PromptContent, case: SuiteCase) -> str:
        marked = mark in f"{prompt.role}\n{prompt.turns[-1].template}"
        return (case.expected or "") if marked else "even"

    return reply


@dataclass
class Answers:
    """Answers by `reply`, each for PRICE, until `funds` are used up."""

    reply: Reply
    funds: Decimal = Decimal(1_000)
    left: Decimal | None = None
    spending: SearchSpending = field(default_factory=SearchSpending)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def identity(self, target: Target) -> str:
        return target.model_dump_json(exclude={"name"})

    def answer(self, target: Target, case: SuiteCase, repeat: int) -> TargetAnswer:
        assert isinstance(target, InlinePromptTarget)
        if self.funds < PRICE or (self.left is not None and self.left < PRICE):
            raise QuotaExceeded("The budget is used up.", field="budget")
        self.funds -= PRICE
        if self.left is not None:
            self.left -= PRICE
        self.asked.append((target.content.turns[-1].template, case.id))
        line = ReceiptLine(model="m", role="chat", tokens_in=9, tokens_out=1, dollars=PRICE)
        receipt = Receipt.of([line])
        self.spending.add(receipt)
        return TargetAnswer(text=self.reply(target.content, case), receipt=receipt)


def optimisation(
    answers: Answers, settings: SearchSettings | None = None, given: Suite | None = None
) -> PromptOptimisation:
    """Return an optimisation of the hand-written prompt in this world."""
    of = given or suite()
    scorer = ProposalScorer(of, answers, Services(), MemoryCache())
    return PromptOptimisation(of, content(), settings or SearchSettings(), scorer, answers)
