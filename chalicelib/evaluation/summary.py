"""Sums up what came of the cases of a suite: scores with intervals, comparisons, receipts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.evaluations.results import (
    SCORED,
    EvaluationResult,
    GraderSummary,
    JudgeAgreement,
    ScoreInterval,
    TargetOutcome,
    TargetSummary,
)
from chalicelib.contracts.receipts import Receipt
from chalicelib.evaluation.comparisons import EarlierScores, case_scores, compare_targets
from chalicelib.evaluation.gate import baseline_scores, judge_run
from chalicelib.evaluation.statistics import agreement, mean_interval
from chalicelib.evaluation.suites import suite_digest
from chalicelib.evaluation.swap_summary import summarize_swaps

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import CaseResult
    from chalicelib.contracts.evaluations.suites import Suite

_NOTHING = ScoreInterval(mean=0.0, n=0)


def summarize(
    suite: Suite,
    cases: Sequence[CaseResult],
    *,
    evaluation_id: str,
    created_at: datetime,
    identities: Mapping[str, str] | None = None,
    baseline: EvaluationResult | None = None,
) -> EvaluationResult:
    """Return the result of a run, with the gate's verdict.

    `identities` say by target what was asked.

    Raises:
        InvalidInput: the baseline is of another suite, lacks a target, or shares too few cases.
    """
    told = identities or {}
    targets = tuple(
        _target_summary(target.name, told.get(target.name, ""), cases, suite.seed)
        for target in suite.targets
    )
    names = [each.target for each in targets]
    others = [target.name for target in suite.targets if target.name != suite.compare_to]
    comparisons = tuple(
        compared
        for name in others
        if suite.compare_to is not None
        and (compared := compare_targets(name, suite.compare_to, cases, suite.seed)) is not None
    )
    result = EvaluationResult(
        evaluation_id=evaluation_id,
        suite=suite.name,
        suite_sha256=suite_digest(suite),
        description=suite.description,
        created_at=created_at,
        seed=suite.seed,
        repeats=suite.repeats,
        targets=targets,
        comparisons=comparisons,
        swaps=summarize_swaps(cases, names),
        gate=judge_run(suite.gate, suite.seed, cases, names, {}, swap_names(suite)),
        cases=tuple(cases),
        receipt=Receipt.of(line for case in cases for line in case.receipt.lines),
        asked=sum(case.asked for case in cases),
        cached=sum(outcome.cached for case in cases for outcome in case.all_outcomes),
    )
    return result if baseline is None else against_baseline(suite, result, baseline)


def against_baseline(
    suite: Suite, result: EvaluationResult, baseline: EvaluationResult
) -> EvaluationResult:
    """Return the result with the verdict of its gate against a baseline.

    Raises:
        InvalidInput: the baseline is of another suite, lacks a target, or shares too few cases.
    """
    names = [each.target for each in result.targets]
    return against_scores(suite, result, baseline_scores(suite, baseline, names))


def against_scores(
    suite: Suite, result: EvaluationResult, earlier: Mapping[str, EarlierScores]
) -> EvaluationResult:
    """Return the result with the verdict of its gate against earlier scores, by target."""
    names = [each.target for each in result.targets]
    gate = judge_run(suite.gate, suite.seed, result.cases, names, earlier, swap_names(suite))
    return result.model_copy(update={"gate": gate})


def swap_names(suite: Suite) -> list[str]:
    """Return the names of the swaps of a suite."""
    return [swap.name for swap in suite.swaps]


def _target_summary(
    name: str, identity: str, cases: Sequence[CaseResult], seed: int
) -> TargetSummary:
    outcomes = [each for case in cases for each in case.outcomes if each.target == name]
    ran = [each for each in outcomes if each.status in SCORED]
    scores = list(case_scores(name, cases).values())
    answered = [each for each in ran if each.status == "graded"]
    return TargetSummary(
        target=name,
        identity=identity,
        score=mean_interval(scores, seed) if scores else _NOTHING,
        pass_rate=_share(each.passed for each in ran),
        graded=len(answered),
        failed=len(ran) - len(answered),
        not_run=sum(each.status == "not_run" for each in outcomes),
        ungraded=sum(each.status == "ungraded" for each in outcomes),
        graders=_grader_summaries(name, cases, seed),
        mean_seconds=round(sum(each.seconds for each in answered) / max(1, len(answered)), 6),
        dollars=sum((each.dollars for each in outcomes if each.status != "not_run"), Decimal(0)),
    )


def _grader_summaries(
    target: str, cases: Sequence[CaseResult], seed: int
) -> tuple[GraderSummary, ...]:
    by_case: dict[str, dict[str, list[float]]] = {}
    passed: dict[str, list[bool]] = {}
    types: dict[str, str] = {}
    for case in cases:
        for outcome in _ran(case, target):
            for grade in outcome.grades:
                types[grade.grader] = grade.type
                by_case.setdefault(grade.grader, {}).setdefault(case.case, []).append(grade.score)
                passed.setdefault(grade.grader, []).append(grade.passed)
    return tuple(
        GraderSummary(
            grader=name,
            type=types[name],
            score=mean_interval([sum(each) / len(each) for each in scores.values()], seed),
            pass_rate=_share(passed[name]),
            agreement=_agreement(name, cases),
        )
        for name, scores in by_case.items()
    )


def _agreement(grader: str, cases: Iterable[CaseResult]) -> JudgeAgreement | None:
    both = [
        (case.judged[grader], case.labels[grader])
        for case in cases
        if grader in case.judged and grader in case.labels
    ]
    return agreement([judge for judge, _ in both], [label for _, label in both])


def _ran(case: CaseResult, target: str) -> Iterable[TargetOutcome]:
    return (each for each in case.outcomes if each.target == target and each.status in SCORED)


def _share(passed: Iterable[bool]) -> float:
    found = list(passed)
    return sum(found) / len(found) if found else 0.0
