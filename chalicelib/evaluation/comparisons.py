"""Paired comparisons of the scores of two targets, or of a run and its baseline, by case. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.evaluations.results import SCORED, CaseChange, TargetComparison
from chalicelib.evaluation.statistics import paired_difference, shared_cases

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import CaseResult

MAX_CHANGES = 10
"""Cases that a comparison names as its worst and best."""


@dataclass(frozen=True, slots=True)
class EarlierScores:
    """Scores by case of an earlier evaluation; `title` says in a table what had them."""

    evaluation_id: str
    title: str
    scores: Mapping[str, float]


def compare_targets(
    target: str, against: str, cases: Sequence[CaseResult], seed: int
) -> TargetComparison | None:
    """Return the paired difference of two targets of one run; None if they share no case."""
    return compare_scores(
        target, against, case_scores(target, cases), case_scores(against, cases), seed
    )


def compare_scores(
    target: str, against: str, after: Mapping[str, float], before: Mapping[str, float], seed: int
) -> TargetComparison | None:
    """Return the paired difference of scores by case; None if there is no case of both."""
    shared = shared_cases(after, before)
    if not shared:
        return None
    changes = sorted(
        (CaseChange(case=case, before=before[case], after=after[case]) for case in shared),
        key=lambda change: change.after - change.before,
    )
    worse = [each for each in changes if each.after < each.before]
    better = [each for each in changes if each.after > each.before]
    return TargetComparison(
        target=target,
        against=against,
        difference=paired_difference(after, before, seed),
        better=len(better),
        same=len(changes) - len(better) - len(worse),
        worse=len(worse),
        worst=tuple(worse[:MAX_CHANGES]),
        best=tuple(better[: -MAX_CHANGES - 1 : -1]),
    )


def case_scores(target: str, cases: Iterable[CaseResult]) -> dict[str, float]:
    """Return the mean score of each case over its repeats; what has no score is left out."""
    found: dict[str, list[float]] = {}
    for case in cases:
        for outcome in case.outcomes:
            if outcome.target == target and outcome.status in SCORED:
                found.setdefault(case.case, []).append(outcome.score)
    return {case: sum(scores) / len(scores) for case, scores in found.items()}
