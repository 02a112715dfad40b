"""A world without models: answers by a function, and services that count what they are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chalicelib.contracts.answers import Citation
from chalicelib.contracts.evaluations.results import TargetAnswer
from chalicelib.contracts.evaluations.suites import Suite, SuiteCase, Target
from chalicelib.contracts.functions.check_support import ClaimVerdict
from chalicelib.contracts.generations import ChatCall, TextPart
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.contracts.screening import Category, Finding
from chalicelib.evaluation.graders.base import JudgeReply
from chalicelib.evaluation.runner import CaseRunner, MemoryCache
from chalicelib.evaluation.suites import read_suite

LINE = ReceiptLine(model="m", role="chat", dollars=Decimal("0.001"))


@dataclass(slots=True)
class Targets:
    """Answers by `reply`, and counts calls."""

    reply: Callable[[Target, SuiteCase, int], str]
    asked: int = 0

    def identity(self, target: Target) -> str:
        return target.model_dump_json(exclude={"name"})

    def answer(self, target: Target, case: SuiteCase, repeat: int) -> TargetAnswer:
        self.asked += 1
        text = self.reply(target, case, repeat)
        return TargetAnswer(text=text, model="m", seconds=0.5, receipt=Receipt.of([LINE]))


@dataclass(slots=True)
class Services:
    """Services of graders that answer by functions."""

    says: Callable[[str, str], str] = lambda system, text: "A"
    vector: Callable[[str], Sequence[float]] = lambda text: (1.0, 0.0)
    supported: Callable[[str], bool] = lambda claim: True
    findings: tuple[Finding, ...] = ()
    pages: dict[int, str] = field(default_factory=dict)
    judged: list[ChatCall] = field(default_factory=list)

    def judge(self, call: ChatCall, model: str, quality: int) -> JudgeReply:
        self.judged.append(call)
        (part,) = call.messages[0].content
        assert isinstance(part, TextPart)
        return JudgeReply(self.says(call.system, part.text), (LINE,))

    def embed(
        self, texts: Sequence[str]
    ) -> tuple[Sequence[Sequence[float]], tuple[ReceiptLine, ...]]:
        return [self.vector(text) for text in texts], (LINE,)

    def support(
        self, question: str, claims: Sequence[str], sources: Sequence[str]
    ) -> tuple[Sequence[ClaimVerdict], tuple[ReceiptLine, ...]]:
        return [
            ClaimVerdict(supported=self.supported(claim), source=None, score=0.5)
            for claim in claims
        ], (LINE,)

    def screen(
        self, text: str, categories: Sequence[Category], least: float
    ) -> tuple[Finding, ...]:
        return tuple(
            each for each in self.findings if each.category in categories and each.score >= least
        )

    def quoted_text(self, citation: Citation) -> str | None:
        page = self.pages.get(citation.page)
        return None if page is None else page[citation.start : citation.end]


def suite(**changes: Any) -> Suite:
    """Return a suite of one model target and six cases, changed."""
    value: dict[str, Any] = {
        "name": "rivers",
        "targets": [{"kind": "model", "name": "now", "model": "nova-micro"}],
        "graders": [{"type": "exact"}],
        "cases": [
            {"id": f"c{n}", "variables": {"input": f"question {n}"}, "expected": f"answer {n}"}
            for n in range(6)
        ],
    }
    return read_suite({**value, **changes})


def right(target: Target, case: SuiteCase, repeat: int) -> str:
    """Answer what is expected."""
    return case.expected or ""


def runner(
    given: Suite,
    targets: Targets | None = None,
    services: Services | None = None,
    cache: MemoryCache | None = None,
) -> CaseRunner:
    """Return a runner of `given` in this world."""
    return CaseRunner(
        given, targets or Targets(right), services or Services(), cache or MemoryCache()
    )
