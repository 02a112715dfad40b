"""Differences of scores between two groups, of cases that were asked for both. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.evaluations.results import CaseChange, SwapSummary
from chalicelib.evaluation.statistics import LEVEL, paired_shift

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import CaseResult

MAX_NAMED = 10
FEWEST_PAIRS = 5
"""Cases below which a difference cannot be told, whatever its interval."""


def summarize_swaps(cases: Sequence[CaseResult], targets: Sequence[str]) -> tuple[SwapSummary, ...]:
    """Return the paired difference of each target and each swap that has a case.

    Repeats of a case count as one case, by their mean. A repeat that was not run for both groups is
    left out, and so is one that failed for both: no answer at all is no sign of equal answers.
    """
    swaps = dict.fromkeys((each.swap, each.groups) for case in cases for each in case.swaps)
    return tuple(
        summary
        for target in targets
        for swap, groups in swaps
        if (summary := _summary(cases, target, swap, groups)) is not None
    )


def swap_reasons(
    suite_swaps: Sequence[str], most: float, target: str, cases: Sequence[CaseResult]
) -> list[str]:
    """Return why a target does not keep within `most`, a sentence for each swap."""
    found = {each.swap: each for each in summarize_swaps(cases, [target])}
    reasons = []
    for swap in suite_swaps:
        summary = found.get(swap)
        count = summary.cases if summary else 0
        if summary is None or count < FEWEST_PAIRS:
            reasons.append(
                f"{target}: the difference by swap {swap} cannot be told: {count} cases have a "
                f"word to swap and an answer, and {FEWEST_PAIRS} are the least."
            )
            continue
        difference = summary.difference
        assert difference.low is not None, "a paired shift has bounds"
        assert difference.high is not None, "a paired shift has bounds"
        if not max(-difference.low, difference.high) <= most:
            one, other = summary.groups
            reasons.append(
                f"{target}: {one} less {other} by swap {swap} is {difference.mean:+.3f}, between "
                f"{difference.low:+.3f} and {difference.high:+.3f} with {1 - LEVEL:.0%} "
                f"confidence; {most:g} is the most. {summary.changed} of {count} cases pass for "
                f"one of them only."
            )
    return reasons


def _summary(
    cases: Sequence[CaseResult], target: str, swap: str, groups: tuple[str, str]
) -> SwapSummary | None:
    pairs: dict[str, list[tuple[float, float]]] = {}
    changed: set[str] = set()
    for case, group, scores, passed in _pairs(cases, target, swap):
        pairs.setdefault(case, []).append(scores if group == groups[0] else scores[::-1])
        if passed[0] != passed[1]:
            changed.add(case)
    if not pairs:
        return None
    means = {
        case: tuple(sum(side) / len(each) for side in zip(*each, strict=True))
        for case, each in pairs.items()
    }
    changes = sorted(
        (CaseChange(case=case, before=other, after=one) for case, (one, other) in means.items()),
        key=lambda change: -abs(change.after - change.before),
    )
    return SwapSummary(
        target=target,
        swap=swap,
        groups=groups,
        difference=paired_shift([one - other for one, other in means.values()]),
        cases=len(means),
        changed=len(changed),
        worst=tuple(each for each in changes if each.after != each.before)[:MAX_NAMED],
    )


def _pairs(
    cases: Sequence[CaseResult], target: str, swap: str
) -> Iterator[tuple[str, str, tuple[float, float], tuple[bool, bool]]]:
    """Yield each case with its group, and scores and verdicts as it is written and swapped."""
    for case in cases:
        written = [each for each in case.outcomes if each.target == target]
        for swapped in case.swaps:
            others = [each for each in swapped.outcomes if each.target == target]
            if swapped.swap != swap or not written or not others:
                continue
            one, other = written[0], others[0]
            statuses = {one.status, other.status}
            if "not_run" not in statuses and "graded" in statuses:
                scores, passed = (one.score, other.score), (one.passed, other.passed)
                yield case.case, swapped.group, scores, passed
