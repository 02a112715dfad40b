"""Reflection: a capable model reads what went wrong, and words the prompt anew (GEPA).

L. A. Agrawal et al., GEPA: reflective prompt evolution can outperform reinforcement learning, 2025,
https://arxiv.org/abs/2507.19457, by its authors' library. It sees the cases for examples and for
selection only. Every call, those that reflect too, goes through the stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.contracts.evaluations.results import TargetOutcome
from chalicelib.contracts.evaluations.suites import SuiteCase
from chalicelib.contracts.prompts import PromptContent
from chalicelib.errors import InvalidInput
from chalicelib.prompts.validation import check_prompt
from cli.failures import UsageError
from cli.prompts.optimiser.proposals import HAND_WRITTEN, PromptProposal, require_variables
from cli.prompts.optimiser.rounds import SearchOutcome, Standing
from cli.prompts.optimiser.scoring import SearchEnded
from cli.prompts.optimiser.splits import CaseSplit

MINIBATCH = 3
"""Cases that a reflection reads."""
MIN_TIER = 3
"""Of a model that may reflect: smaller ones repeat the prompt, or lose what it asks for."""
ROLE = "role"

RunCases = Callable[[PromptProposal, Sequence[SuiteCase]], Sequence[TargetOutcome]]
"""Returns the outcome of each case; raises `SearchEnded` if no more can be asked."""
Reflect = Callable[[str], str]
"""Returns what a capable model answers to a text; raises `SearchEnded`."""


def require_library() -> Any:
    """Return GEPA's module; raise `UsageError` where it is not installed."""
    try:
        import gepa
    except ImportError as error:
        raise UsageError(
            "The method reflective needs the package gepa: pip install -r requirements/"
            "optimiser.txt, or take --method halving."
        ) from error
    return gepa


def parts_of(content: PromptContent) -> dict[str, str]:
    """Return the texts of a prompt that reflection may change, by their names."""
    parts = {f"turn {turn.name}": turn.template for turn in content.turns}
    return {ROLE: content.role, **parts} if content.role else parts


def with_parts(content: PromptContent, parts: Mapping[str, str]) -> PromptContent:
    """Return the prompt with other texts.

    Raises:
        InvalidInput: it is not valid, or no longer uses a variable that it used.
    """
    turns = tuple(
        turn.model_copy(update={"template": parts[f"turn {turn.name}"]}) for turn in content.turns
    )
    changed = content.model_copy(update={"turns": turns, "role": parts.get(ROLE, content.role)})
    check_prompt(changed)
    require_variables(content, changed)
    return changed


@dataclass(slots=True)
class _Adapter:
    """GEPA's adapter: candidates are the texts of a prompt, and cases are run by the stage."""

    content: PromptContent
    run: RunCases
    selection: frozenset[str]
    standings: list[Standing] = field(default_factory=list)
    propose_new_texts: None = None

    def evaluate(
        self, batch: list[SuiteCase], candidate: dict[str, str], capture_traces: bool = False
    ) -> Any:
        """Return the scores of a candidate; one that makes no valid prompt scores 0 for nothing."""
        from gepa.core.adapter import EvaluationBatch

        standing = self._standing(candidate)
        if standing is None:
            refused = [self._refusal(candidate)] * len(batch)
            return EvaluationBatch(
                outputs=refused,
                scores=[0.0] * len(batch),
                trajectories=[(case, "", refused[0]) for case in batch] if capture_traces else None,
            )
        outcomes = self.run(standing.proposal, batch)
        for case, outcome in zip(batch, outcomes, strict=True):
            if case.id in self.selection:
                standing.scores[case.id] = outcome.score
        traces = [
            (case, outcome.answer, _feedback(case, outcome))
            for case, outcome in zip(batch, outcomes, strict=True)
        ]
        return EvaluationBatch(
            outputs=[outcome.answer for outcome in outcomes],
            scores=[outcome.score for outcome in outcomes],
            trajectories=traces if capture_traces else None,
        )

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return what a reflection reads: inputs, answers, and what graders said of them."""
        rules = (
            "It is a template: keep every {{ variable }} as it is. "
            f"Variables: {', '.join(self.content.variables)}."
        )
        rows = [
            {
                "Inputs": {name: str(value) for name, value in case.variables.items()},
                "Generated Outputs": answer,
                "Feedback": f"{feedback} {rules}",
            }
            for case, answer, feedback in eval_batch.trajectories or ()
        ]
        return dict.fromkeys(components_to_update, rows)

    def _standing(self, candidate: dict[str, str]) -> Standing | None:
        try:
            content = with_parts(self.content, candidate)
        except InvalidInput:
            return None
        for each in self.standings:
            if each.proposal.content == content:
                return each
        order = len(self.standings)
        name = HAND_WRITTEN if order == 0 else f"reflection {order}"
        made = Standing(PromptProposal(name, content), order)
        self.standings.append(made)
        return made

    def _refusal(self, candidate: dict[str, str]) -> str:
        try:
            with_parts(self.content, candidate)
        except InvalidInput as error:
            return f"The prompt is not valid: {error.message}"
        raise AssertionError("only invalid candidates are refused")


def reflect_search(
    content: PromptContent,
    split: CaseSplit,
    run: RunCases,
    reflect: Reflect,
    proposals: int,
    seed: int,
) -> SearchOutcome:
    """Return the best of the hand-written prompt and of `proposals` rewordings at most.

    Only prompts that were scored on all cases for selection may win; the earlier one wins a tie.
    """
    gepa = require_library()
    adapter = _Adapter(content, run, frozenset(case.id for case in split.selection))
    asking = _Reflections(reflect)
    try:
        gepa.optimize(
            seed_candidate=parts_of(content),
            trainset=list(split.examples),
            valset=list(split.selection),
            adapter=adapter,
            reflection_lm=asking,
            reflection_minibatch_size=MINIBATCH,
            # A minibatch that is answered perfectly takes no reflection, and may come forever.
            max_metric_calls=len(split.selection)
            + proposals * (2 * MINIBATCH + len(split.selection)),
            stop_callbacks=lambda state: asking.made >= proposals or bool(asking.ended),
            logger=_Silence(),
            seed=seed,
        )
    except SearchEnded as error:
        asking.ended = str(error)
    whole = [each for each in adapter.standings if len(each.scores) == len(split.selection)]
    best = min(whole, key=lambda each: (-each.mean, each.order), default=None)
    winner = best.proposal if best else PromptProposal(HAND_WRITTEN, content)
    return SearchOutcome(winner, tuple(adapter.standings), asking.ended)


@dataclass(slots=True)
class _Reflections:
    """Counts reflections, and keeps why one could not be asked: GEPA goes on after errors."""

    reflect: Reflect
    made: int = 0
    ended: str = ""

    def __call__(self, prompt: object) -> str:
        """Return what the model answers."""
        self.made += 1
        try:
            return self.reflect(str(prompt))
        except SearchEnded as error:
            self.ended = str(error)
            raise


class _Silence:
    """GEPA's logger: what it would say stands in our report."""

    def log(self, message: str) -> None:
        """Say nothing."""


def _feedback(case: SuiteCase, outcome: TargetOutcome) -> str:
    if outcome.error is not None:
        return f"There was no answer: {outcome.error.message}"
    reasons = [f"{grade.grader}: {grade.reason}" for grade in outcome.grades if grade.reason]
    said = " ".join(reasons) or "The answer is right."
    return said if case.expected is None else f"{said} Expected: {case.expected}"
