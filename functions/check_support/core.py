"""The support check: whether the sources of an answer entail its claims."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.functions.check_support import CheckRequest, CheckResult
from chalicelib.retrieval.answer.support.head import SupportHead
from chalicelib.retrieval.answer.support.sources import parse_source
from chalicelib.retrieval.answer.support.verdict import SupportModel, judge_claim, windows_per_claim

if TYPE_CHECKING:
    from chalicelib.inference.pair_encoder import PairVector


class PairModel(Protocol):
    """A model that reads a premise and a claim together, as `PairEncoder` does."""

    @property
    def model(self) -> str:
        """Return its name in the catalogue."""

    def reads_whole(self, claim: str) -> bool:
        """Return whether a claim is read to its end."""

    def read(self, premise: str, claim: str) -> PairVector:
        """Return the vector of a premise and a claim."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `clock` returns seconds from any start."""

    encoder: PairModel
    head: SupportHead
    clock: Callable[[], float]


@dataclass(slots=True)
class _Entailment:
    """The odds that a premise entails a claim, and the tokens read so far."""

    encoder: PairModel
    head: SupportHead
    tokens: int = 0
    known: dict[tuple[str, str], float] = field(default_factory=dict)

    def __call__(self, premise: str, claim: str) -> float:
        if (premise, claim) not in self.known:
            self.known[premise, claim] = self._read(premise, claim)
        return self.known[premise, claim]

    def _read(self, premise: str, claim: str) -> float:
        if not self.encoder.reads_whole(claim):
            return -math.inf
        pair = self.encoder.read(premise, claim)
        self.tokens += pair.tokens
        return self.head.odds(pair.values.tolist())


def run(request: CheckRequest, deps: Deps) -> CheckResult:
    """Return one verdict per claim, in order.

    Raises:
        InvalidInput: a text is not Unicode text.
        ModelFailure: the model is missing or failed.
    """
    began = deps.clock()
    sources = [parse_source(source) for source in request.sources]
    entails = _Entailment(deps.encoder, deps.head)
    model = SupportModel(entails, deps.head.threshold)
    limit = windows_per_claim(len(request.claims))
    verdicts = tuple(
        judge_claim(claim, sources, model, request.question, limit) for claim in request.claims
    )
    return CheckResult(
        verdicts=verdicts,
        model=deps.encoder.model,
        tokens=entails.tokens,
        seconds=deps.clock() - began,
    )
