"""Scores proposals on cases by the graders of a suite; what was spent, and why it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.contracts.evaluations.results import TargetOutcome
from chalicelib.contracts.evaluations.suites import InlinePromptTarget, Suite, SuiteCase
from chalicelib.contracts.receipts import Receipt
from chalicelib.evaluation.graders.base import GradingServices
from chalicelib.evaluation.runner import CaseRunner, EvaluationCache, TargetAnswerer
from cli.prompts.optimiser.proposals import PromptProposal

_TARGET = "proposal"


class SearchEnded(Exception):  # noqa: N818 - named for what it tells
    """Raised when no more can be asked, such as at the end of the budget."""


@dataclass(slots=True)
class SearchSpending:
    """The calls of a search so far, with their tokens and dollars, as receipts say."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    dollars: Decimal = Decimal(0)

    def add(self, receipt: Receipt) -> None:
        """Add one call."""
        self.calls += 1
        self.tokens_in += receipt.tokens_in
        self.tokens_out += receipt.tokens_out
        self.dollars += receipt.dollars


@dataclass(frozen=True, slots=True)
class ProposalScorer:
    """Runs proposals on cases of a suite; equal answers are asked for once.

    `on_answer` is called after each case, for a progress display.
    """

    suite: Suite
    answerer: TargetAnswerer
    services: GradingServices
    cache: EvaluationCache
    on_answer: Callable[[], None] = lambda: None

    def scores(self, proposal: PromptProposal, cases: Sequence[SuiteCase]) -> Mapping[str, float]:
        """Return the score of each case by its id.

        Raises:
            SearchEnded: one could not be run; its message says why. What was paid is kept.
        """
        return {
            case.id: outcome.score
            for case, outcome in zip(cases, self.outcomes(proposal, cases), strict=True)
        }

    def outcomes(
        self, proposal: PromptProposal, cases: Sequence[SuiteCase]
    ) -> tuple[TargetOutcome, ...]:
        """Return the outcome of each case, in order; raises as `scores` does."""
        target = InlinePromptTarget(kind="inline", name=_TARGET, content=proposal.content)
        suite = self.suite.model_copy(
            update={"targets": (target,), "compare_to": None, "repeats": 1}
        )
        runner = CaseRunner(suite, self.answerer, self.services, self.cache)
        found = []
        for case in cases:
            result = runner.run(case, 0)
            (outcome,) = result.outcomes
            if outcome.status == "not_run":
                why = outcome.error.message if outcome.error else "it was not run"
                raise SearchEnded(f"case {case.id}: {why}")
            found.append(outcome)
            self.on_answer()
        return tuple(found)


def proposal_digest(proposal: PromptProposal) -> str:
    """Return the SHA-256 of what a proposal says, in hexadecimal."""
    return hashlib.sha256(proposal.content.model_dump_json().encode()).hexdigest()
