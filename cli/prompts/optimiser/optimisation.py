"""One optimisation from its suite to its verdict: plan, search, held-out cases.

The search sees the cases for examples and for selection. The held-out ones are asked at the end, of
two prompts, and decide nothing but the verdict; the money for them is set aside before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol

from chalicelib.contracts.evaluations.graders import grader_name
from chalicelib.contracts.evaluations.results import TargetComparison, TargetOutcome
from chalicelib.contracts.evaluations.suites import InlinePromptTarget, Suite, SuiteCase
from chalicelib.contracts.prompts import PromptContent
from chalicelib.errors import InvalidInput
from chalicelib.evaluation.comparisons import compare_scores
from chalicelib.evaluation.suites import check_variables
from cli.prompts.optimiser.examples import worked_cases
from cli.prompts.optimiser.plan import SearchPlan, plan_halving, plan_reflection
from cli.prompts.optimiser.proposals import HAND_WRITTEN, PromptProposal, WorkedCase, propose
from cli.prompts.optimiser.reflection import MINIBATCH, reflect_search
from cli.prompts.optimiser.rounds import SearchOutcome, search
from cli.prompts.optimiser.scoring import ProposalScorer, SearchEnded, SearchSpending
from cli.prompts.optimiser.splits import MIN_HELD_OUT, CaseSplit, split_cases
from cli.prompts.optimiser.stage_calls import OFFERED_GRADERS

Method = Literal["halving", "reflective"]
_UNUSABLE = frozenset(("Unsupported", "NotFound", "Conflict"))
"""Errors of the first answer that every other one would have."""


class SearchBudget(Protocol):
    """Dollars that calls may still spend, and those that they have spent."""

    left: Decimal | None
    """Dollars; None for no limit of the search's own."""
    spending: SearchSpending


class Reflector(Protocol):
    """A capable model that words prompts anew."""

    dollars: Decimal
    """The dollars that one reflection is expected to take."""

    def reflect(self, text: str) -> str:
        """Return what the model answers; raise `SearchEnded` if it cannot be asked."""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Settings of a search: its method, number of proposals, seed, budget and groups."""

    method: Method = "halving"
    proposals: int = 12
    seed: int = 0
    budget: Decimal | None = None
    group: str | None = None
    instructions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedSearch:
    """A search that may begin: its cases, its first proposals, and what it is expected to take."""

    content: PromptContent
    split: CaseSplit
    proposals: tuple[PromptProposal, ...]
    plan: SearchPlan


@dataclass(frozen=True, slots=True)
class OptimisationResult:
    """The result of a search. `compared` is on the held-out cases, None where none were asked.

    `ended` says why it ended early, "" if it did not.
    """

    search: SearchOutcome
    compared: TargetComparison | None = None
    ended: str = ""

    @property
    def changed(self) -> bool:
        """Return whether another prompt than the hand-written one won the search."""
        return self.search.winner.name != HAND_WRITTEN

    @property
    def beats(self) -> bool:
        """Return whether the winner is better on the held-out cases beyond its interval."""
        low = self.compared.difference.low if self.compared else None
        enough = self.compared is not None and self.compared.difference.n >= MIN_HELD_OUT
        return enough and low is not None and low > 0

    def verdict(self) -> str:
        """Return the verdict as a sentence."""
        if not self.changed:
            return "No proposal was better than the hand-written prompt on the selection cases."
        if self.compared is None:
            return "The held-out cases were not asked, so nothing is known of the winner."
        found = self.compared.difference
        numbers = f"{found.mean:+.3f} on {found.n} held-out cases"
        if found.low is not None and found.high is not None:
            numbers += f", interval {found.low:+.3f} to {found.high:+.3f}"
        if found.n < MIN_HELD_OUT:
            return f"Undecided, {MIN_HELD_OUT} held-out cases are the fewest: {numbers}."
        said = "beats" if self.beats else "did not beat"
        return f"{self.search.winner.name} {said} the hand-written prompt: {numbers}."


@dataclass(frozen=True, slots=True)
class PromptOptimisation:
    """An optimisation of one prompt by one suite; `reflector` is needed for reflection only."""

    suite: Suite
    content: PromptContent
    settings: SearchSettings
    scorer: ProposalScorer
    calls: SearchBudget
    reflector: Reflector | None = None
    on_phase: Callable[[str, int], None] = field(default=lambda name, answers: None)

    def check(self) -> CaseSplit:
        """Return the cases by their parts; nothing is asked.

        Raises:
            InvalidInput: the suite does not fit the prompt, or has too few cases.
        """
        target = InlinePromptTarget(kind="inline", name="prompt", content=self.content)
        fitted = self.suite.model_copy(update={"targets": (target,)})
        check_variables(fitted, {target.name: self.content})
        for case in self.suite.cases:
            for grading in self.suite.graders_of(case):
                if grading.type not in OFFERED_GRADERS:
                    raise InvalidInput(
                        f"case {case.id}: the optimiser has no grader {grader_name(grading)}; it "
                        f"has {', '.join(sorted(OFFERED_GRADERS))}.",
                        field="graders",
                    )
        if self.content.image is not None:
            raise InvalidInput("A prompt that draws pictures cannot be optimised.", field="prompt")
        return split_cases(self.suite.cases, self.settings.group)

    def prepare(self) -> PreparedSearch:
        """Return the search with its plan; asks one case, and the examples if it is halving.

        Raises:
            InvalidInput: as `check` does, or the budget is below what one full round takes.
            SearchEnded: a case could not be run.
        """
        split, settings = self.check(), self.settings
        self.calls.left = settings.budget
        written = PromptProposal(HAND_WRITTEN, self.content)
        (first,) = self.scorer.outcomes(written, split.examples[:1])
        if first.error is not None and first.error.type in _UNUSABLE:
            raise InvalidInput(
                f"The prompt cannot be run: {first.error.message}", field=first.error.field
            )
        if settings.method == "reflective":
            assert self.reflector is not None, "reflection takes a reflector"
            plan = plan_reflection(
                settings.proposals, MINIBATCH, split, first.dollars, self.reflector.dollars
            )
            plan.require(settings.budget)
            return PreparedSearch(self.content, split, (written,), plan)
        # What the examples will say is not known yet; how many there are at most, and where, is.
        guessed = [
            WorkedCase(case, case.expected or first.answer or "?") for case in split.examples
        ]
        likely = propose(self.content, guessed, settings.proposals, settings.seed)
        plan_halving(likely, split, first.dollars).require(settings.budget)
        outcomes = [first, *self.scorer.outcomes(written, split.examples[1:])]
        worked = worked_cases(self.suite, split.examples, outcomes, self.scorer.services)
        proposals = propose(
            self.content, worked, settings.proposals, settings.seed, settings.instructions
        )
        plan = plan_halving(proposals, split, first.dollars)
        return PreparedSearch(self.content, split, proposals, plan)

    def run(self, prepared: PreparedSearch) -> OptimisationResult:
        """Return the winner of the search, and how it does on the held-out cases.

        When the budget ends in the middle, the best so far is compared by what was set aside.
        """
        self._allow(prepared.plan.held_out_dollars)
        self.on_phase("choosing", prepared.plan.selection_answers)
        found = self._search(prepared)
        if found.winner.name == HAND_WRITTEN:
            return OptimisationResult(found, ended=found.ended)
        self._allow(Decimal(0))
        self.on_phase("held-out cases", prepared.plan.held_out_answers)
        written = PromptProposal(HAND_WRITTEN, self.content)
        after: dict[str, float] = {}
        before: dict[str, float] = {}
        ended = found.ended
        for case in prepared.split.held_out:
            try:
                before |= self.scorer.scores(written, [case])
                after |= self.scorer.scores(found.winner, [case])
            except SearchEnded as error:
                ended = str(error)
                break
        compared = compare_scores(
            found.winner.name, HAND_WRITTEN, after, before, self.settings.seed
        )
        return OptimisationResult(found, compared, ended)

    def _search(self, prepared: PreparedSearch) -> SearchOutcome:
        settings = self.settings
        if settings.method == "reflective":
            assert self.reflector is not None, "reflection takes a reflector"
            return reflect_search(
                self.content,
                prepared.split,
                self._outcomes,
                self.reflector.reflect,
                settings.proposals,
                settings.seed,
            )
        return search(
            prepared.proposals, prepared.split.selection, self.scorer.scores, settings.seed
        )

    def _outcomes(
        self, proposal: PromptProposal, cases: Sequence[SuiteCase]
    ) -> Sequence[TargetOutcome]:
        return self.scorer.outcomes(proposal, cases)

    def _allow(self, aside: Decimal) -> None:
        """Let calls spend what is left of the budget, apart from what is set aside."""
        if self.settings.budget is not None:
            self.calls.left = self.settings.budget - self.calls.spending.dollars - aside
