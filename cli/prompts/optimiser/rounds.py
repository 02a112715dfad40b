"""Successive halving: many proposals on few cases, then the best third on three times as many.

K. Jamieson and A. Talwalkar, Non-stochastic best arm identification and hyperparameter
optimization, 2016, https://arxiv.org/abs/1502.07943. Pure over its scorer.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.contracts.evaluations.suites import SuiteCase
from cli.prompts.optimiser.proposals import PromptProposal
from cli.prompts.optimiser.scoring import SearchEnded

KEPT = 3
"""One proposal of so many goes on to the next round."""
FINALISTS = 4
"""So many proposals, or fewer, need no further choice before all cases."""
MIN_CASES = 6
"""Of the first round: fewer would choose by luck."""

Scores = Mapping[str, float]
ScoreCases = Callable[[PromptProposal, Sequence[SuiteCase]], Scores]
"""Returns the score of each case by its id; raises `SearchEnded` if there is no money left."""


@dataclass(frozen=True, slots=True)
class HalvingRound:
    """So many proposals on so many cases; cases of earlier rounds are not asked again."""

    proposals: int
    cases: int


@dataclass(slots=True)
class Standing:
    """The standing of a proposal: its scores by case, and the last round it took part in."""

    proposal: PromptProposal
    order: int
    scores: dict[str, float] = field(default_factory=dict)
    round: int = 0

    @property
    def mean(self) -> float:
        """Return the mean score; 0 without a case."""
        return math.fsum(self.scores.values()) / len(self.scores) if self.scores else 0.0


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """The winner among the proposals, all standings, and why the search ended early ("" if not)."""

    winner: PromptProposal
    standings: tuple[Standing, ...]
    ended: str = ""


def plan_rounds(proposals: int, cases: int) -> tuple[HalvingRound, ...]:
    """Return the rounds, of which the last has all cases and few proposals."""
    counts, sizes = [proposals], [cases]
    while counts[-1] > FINALISTS and sizes[0] > MIN_CASES:
        counts.append(_following(counts[-1]))
        sizes.insert(0, max(MIN_CASES, math.ceil(sizes[0] / KEPT)))
    return tuple(HalvingRound(*each) for each in zip(counts, sizes, strict=True))


def planned_answers(rounds: Sequence[HalvingRound]) -> int:
    """Return the answers that rounds take at most; each case is asked once of a proposal."""
    before, total = 0, 0
    for each in rounds:
        total += each.proposals * (each.cases - before)
        before = each.cases
    return total


def search(
    proposals: Sequence[PromptProposal],
    cases: Sequence[SuiteCase],
    score: ScoreCases,
    seed: int,
) -> SearchOutcome:
    """Return the best of the proposals; the first one, the hand-written, is in every round.

    Among equals the earlier proposal wins. When the search ends in the middle of a round, the last
    whole round decides; before there is one, the hand-written prompt wins.
    """
    ordered = list(cases)
    random.Random(seed).shuffle(ordered)  # noqa: S311 - orders cases, guards nothing
    standings = [Standing(each, order) for order, each in enumerate(proposals)]
    going, best = list(standings), standings[0]
    before = 0
    for number, planned in enumerate(plan_rounds(len(proposals), len(ordered)), start=1):
        new = ordered[before : planned.cases]
        try:
            found = [dict(score(each.proposal, new)) for each in going]
        except SearchEnded as ended:
            return SearchOutcome(best.proposal, tuple(standings), str(ended))
        for each, scores in zip(going, found, strict=True):
            each.scores |= scores
            each.round = number
        ranked = sorted(going, key=lambda each: (-each.mean, each.order))
        best, before = ranked[0], planned.cases
        going = ranked[: _following(len(going))]
        if standings[0] not in going:
            going[-1] = standings[0]
    return SearchOutcome(best.proposal, tuple(standings))


def _following(count: int) -> int:
    return max(2, math.ceil(count / KEPT))
