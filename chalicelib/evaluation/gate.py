"""The gate of an evaluation: what has to hold for a run to pass. Pure.

Against a baseline a run fails only where it is worse beyond doubt: if the one-sided bootstrap bound
of the mean paired difference lies below minus the tolerance. So a run that changed nothing passes
at least 95 times in 100 at the level 0.05, however much its model's answers vary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.evaluations.results import (
    SCORED,
    CaseChange,
    GateVerdict,
    TargetComparison,
)
from chalicelib.errors import InvalidInput
from chalicelib.evaluation.comparisons import EarlierScores, case_scores, compare_scores
from chalicelib.evaluation.statistics import shared_cases, upper_bound
from chalicelib.evaluation.swap_summary import swap_reasons

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import CaseResult, EvaluationResult
    from chalicelib.contracts.evaluations.suites import Suite, SuiteGate

FEWEST_CASES = 5
"""Below that a test at 5 % fails by chance more often: four cases are all worse 1 time in 16."""
_NAMED = 5


def judge_run(
    gate: SuiteGate,
    seed: int,
    cases: Sequence[CaseResult],
    targets: Sequence[str],
    earlier: Mapping[str, EarlierScores],
    swaps: Sequence[str] = (),
) -> GateVerdict:
    """Return whether a run passes.

    `earlier` has, by target, the scores that it is held against; a target without any is held to
    the gate's minima only. With fewer than five shared cases it does not pass. `swaps` are the
    names of those of the suite.
    """
    reasons: list[str] = []
    worse: list[CaseChange] = []
    comparisons: list[TargetComparison] = []
    judged = gate.targets or targets
    for target in judged:
        reasons += _incomplete(target, cases)
        if gate.max_swap_difference is not None:
            reasons += swap_reasons(swaps, gate.max_swap_difference, target, cases)
        before = earlier.get(target)
        reasons += _below_minima(gate, target, cases, compared=before is not None)
        if before is None:
            continue
        after = case_scores(target, cases)
        shared = shared_cases(after, before.scores)
        if len(shared) < FEWEST_CASES:
            reasons.append(_too_few(target, before, len(shared)))
            continue
        compared = compare_scores(target, before.title, after, before.scores, seed)
        assert compared is not None, "they share cases"
        comparisons.append(compared)
        bound = upper_bound(after, before.scores, seed, gate.level)
        if not bound >= -gate.tolerance:
            reasons.append(_worse_reason(gate, compared, bound))
            worse += compared.worst
    baselines = dict.fromkeys(earlier[each].evaluation_id for each in judged if each in earlier)
    return GateVerdict(
        passed=not reasons,
        reasons=tuple(reasons),
        worse=tuple(worse),
        baseline=", ".join(baselines),
        comparisons=tuple(comparisons),
    )


def baseline_scores(
    suite: Suite, baseline: EvaluationResult, targets: Sequence[str]
) -> dict[str, EarlierScores]:
    """Return the scores of a baseline by target; that of one target goes by any name.

    Raises:
        InvalidInput: it is of another suite, lacks a target, or shares fewer than five cases.
    """
    if baseline.suite != suite.name:
        raise InvalidInput(
            f"The baseline {baseline.evaluation_id} is of the suite {baseline.suite}, not of "
            f"{suite.name}; name an evaluation of this one.",
            field="baseline",
        )
    names = [each.target for each in baseline.targets]
    found: dict[str, EarlierScores] = {}
    for target in suite.gate.targets or targets:
        if target not in names and len(names) > 1:
            raise InvalidInput(
                f"The baseline {baseline.evaluation_id} has no target {target}; it has "
                f"{', '.join(names)}. Give the target one of these names.",
                field="baseline",
            )
        of = target if target in names else names[0]
        before = EarlierScores(
            baseline.evaluation_id, f"baseline {of}", case_scores(of, baseline.cases)
        )
        shared = shared_cases({case.id: 0.0 for case in suite.cases}, before.scores)
        if len(shared) < FEWEST_CASES:
            raise InvalidInput(
                _too_few(target, before, len(shared)), field="baseline", limit=str(FEWEST_CASES)
            )
        found[target] = before
    return found


def _too_few(target: str, before: EarlierScores, shared: int) -> str:
    return (
        f"{target} and the baseline {before.evaluation_id} share {shared} cases that were run; a "
        f"comparison takes {FEWEST_CASES} at least."
    )


def _incomplete(target: str, cases: Sequence[CaseResult]) -> list[str]:
    outcomes = [each for case in cases for each in case.all_outcomes if each.target == target]
    missing = [each for each in outcomes if each.status == "not_run"]
    if not outcomes:
        return [f"{target}: nothing was run."]
    if all(each.status == "ungraded" for each in outcomes):
        return [f"{target}: nothing was graded; give cases graders."]
    if not missing:
        return []
    why = missing[0].error.message if missing[0].error else "no reason was recorded"
    return [f"{target}: {len(missing)} of {len(outcomes)} answers were not run: {why}"]


def _below_minima(
    gate: SuiteGate, target: str, cases: Sequence[CaseResult], *, compared: bool
) -> list[str]:
    ran = [
        (case.case, each)
        for case in cases
        for each in case.outcomes
        if each.target == target and each.status in SCORED
    ]
    if not ran:
        return []
    reasons = []
    scores = case_scores(target, cases)
    mean = sum(scores.values()) / len(scores)
    if gate.min_score is not None and not mean >= gate.min_score:
        reasons.append(f"{target}: its score is {mean:.3f}; {gate.min_score:g} is the least.")
    failing = list(dict.fromkeys(name for name, each in ran if not each.passed))
    rate = sum(each.passed for _, each in ran) / len(ran)
    least = gate.min_pass_rate
    if least is None and gate.min_score is None and not compared:
        least = 1.0
    if least is not None and not rate >= least:
        reasons.append(
            f"{target}: {rate:.1%} of its answers pass; {least:.1%} have to. It fails "
            f"{_named(failing)}."
        )
    return reasons


def _worse_reason(gate: SuiteGate, compared: TargetComparison, bound: float) -> str:
    cases = _named(
        [f"{each.case} ({each.before:.2f} to {each.after:.2f})" for each in compared.worst]
    )
    return (
        f"{compared.target}: its score fell by {-compared.difference.mean:.3f}, and by at least "
        f"{max(gate.tolerance, -bound):.3f} with {1 - gate.level:.0%} confidence; "
        f"{gate.tolerance:g} is tolerated. Worse: {cases}."
    )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
