"""The gate of an evaluation: what has to hold for a run to pass. Pure.

Against a baseline a run fails only where it is worse beyond doubt: if the one-sided bootstrap bound
of the mean paired difference lies below minus the tolerance. So a run that changed nothing passes
at least 95 times in 100 at the level 0.05, however much its model's answers vary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.evaluations.results import CaseChange, GateVerdict, TargetComparison
from chalicelib.errors import InvalidInput
from chalicelib.evaluation.comparisons import case_scores, compare_scores
from chalicelib.evaluation.statistics import shared_cases, upper_bound

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import CaseResult, EvaluationResult
    from chalicelib.contracts.evaluations.suites import SuiteGate

FEWEST_CASES = 5
"""Below that a test at 5 % fails by chance more often: four cases are all worse 1 time in 16."""
_NAMED = 5


def judge_run(
    gate: SuiteGate,
    seed: int,
    cases: Sequence[CaseResult],
    targets: Sequence[str],
    baseline: EvaluationResult | None,
) -> GateVerdict:
    """Return whether a run passes.

    Raises:
        InvalidInput: the baseline lacks a target, or shares fewer than five cases with the run.
    """
    reasons: list[str] = []
    worse: list[CaseChange] = []
    comparisons: list[TargetComparison] = []
    for target in gate.targets or targets:
        reasons += _incomplete(target, cases)
        reasons += _below_minima(gate, target, cases, compared=baseline is not None)
        if baseline is not None:
            compared, bound = _compared(gate, seed, target, cases, baseline)
            comparisons.append(compared)
            if not bound >= -gate.tolerance:
                reasons.append(_worse_reason(gate, compared, bound))
                worse += compared.worst
    return GateVerdict(
        passed=not reasons,
        reasons=tuple(reasons),
        worse=tuple(worse),
        baseline=baseline.evaluation_id if baseline else "",
        comparisons=tuple(comparisons),
    )


def _incomplete(target: str, cases: Sequence[CaseResult]) -> list[str]:
    outcomes = [each for case in cases for each in case.outcomes if each.target == target]
    missing = [each for each in outcomes if each.status == "not_run"]
    if not outcomes:
        return [f"{target}: nothing was run."]
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
        if each.target == target and each.status != "not_run"
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


def _compared(
    gate: SuiteGate,
    seed: int,
    target: str,
    cases: Sequence[CaseResult],
    baseline: EvaluationResult,
) -> tuple[TargetComparison, float]:
    names = [each.target for each in baseline.targets]
    of = target if target in names else names[0]
    if target not in names and len(names) > 1:
        raise InvalidInput(
            f"The baseline {baseline.evaluation_id} has no target {target}; it has "
            f"{', '.join(names)}. Give the target one of these names.",
            field="baseline",
        )
    after, before = case_scores(target, cases), case_scores(of, baseline.cases)
    shared = shared_cases(after, before)
    if len(shared) < FEWEST_CASES:
        raise InvalidInput(
            f"{target} and the baseline {baseline.evaluation_id} share {len(shared)} cases that "
            f"were run; a comparison takes {FEWEST_CASES} at least.",
            field="baseline",
            limit=str(FEWEST_CASES),
        )
    compared = compare_scores(target, f"baseline {of}", after, before, seed)
    assert compared is not None, "they share cases"
    return compared, upper_bound(after, before, seed, gate.level)


def _worse_reason(gate: SuiteGate, compared: TargetComparison, bound: float) -> str:
    cases = _named(
        [f"{each.case} ({each.before:.2f} to {each.after:.2f})" for each in compared.worst]
    )
    return (
        f"{compared.target}: its score fell by {-compared.difference.mean:.3f}, and by more than "
        f"{max(gate.tolerance, -bound):.3f} with {1 - gate.level:.0%} confidence; "
        f"{gate.tolerance:g} is tolerated. Worse: {cases}."
    )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
