"""The table of a comparison: metrics, differences, latency, tokens and dollars of each model. Pure.

It is made from the results of an ordinary evaluation, and written as JSON by `--results`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from statistics import fmean, median
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from chalicelib.contracts.evaluations.results import SCORED, ScoreInterval
from chalicelib.evaluation.statistics import LEVEL
from cli.evaluation.tuning.scores import (
    LABEL_METRICS,
    difference_interval,
    label_difference,
    label_interval,
    labelled_answers,
    share_interval,
)
from cli.evaluation.tuning.verdict import ModelVerdict, PairedEvidence, overall, verdict_of
from cli.evaluation.tuning.words import TITLES

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import EvaluationResult, TargetOutcome
    from chalicelib.contracts.evaluations.suites import Suite

PER_CALLS = 1_000
_MICRO = Decimal("0.000001")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class TrainingCost(_Frozen):
    """The bill of a training. `dollars` is None where it is not known, and `note` says why."""

    seconds: float = 0.0
    dollars: Decimal | None = None
    note: str = ""


class ComparedModel(_Frozen):
    """One model of the table.

    `dollars_per_1000` are of all its calls, failed ones among them; seconds and tokens are of those
    that answered. `differences` are the tuned model's less its own, paired by row. `pays_after` are
    the calls by which the training has paid for itself against it, None for never or not known.
    """

    name: str
    identity: str
    rows: int
    failed: int
    not_run: int
    metrics: Mapping[str, ScoreInterval]
    differences: Mapping[str, ScoreInterval] = {}
    seconds_p50: float | None = None
    tokens_in: float | None = None
    tokens_out: float | None = None
    dollars_per_1000: Decimal = Decimal(0)
    pays_after: int | None = None
    verdict: ModelVerdict | None = None


class TunedComparison(_Frozen):
    """The comparison of a tuned model with others, as `--results` writes it.

    `metric` is the one that decides, and `margin` how much worse the tuned model may be where it is
    cheaper.
    """

    schema_version: Literal[1] = 1
    tuned: str
    version: str
    data_version: str
    evaluation_id: str
    metric: str
    margin: float
    rows: int
    training: TrainingCost
    models: tuple[ComparedModel, ...]
    verdict: ModelVerdict
    dollars: Decimal


@dataclass(frozen=True, slots=True)
class ComparisonTerms:
    """The inputs of a comparison beside its results.

    `metrics` are names of graders or of metrics of labels, and `metric` the one that decides.
    `margin` is how much worse the tuned model may be where it is cheaper.
    """

    metrics: tuple[str, ...]
    metric: str
    training: TrainingCost = field(default_factory=TrainingCost)
    margin: float = 0.0
    version: str = ""
    data_version: str = ""


def compare_tuned(
    suite: Suite, result: EvaluationResult, terms: ComparisonTerms
) -> TunedComparison:
    """Return the table of a comparison's results; the suite's `compare_to` is the tuned model."""
    assert suite.compare_to is not None, "a comparison has a target that others are compared with"
    outcomes = {target.name: _outcomes(result, target.name) for target in suite.targets}
    wanted = {case.id: case.expected or "" for case in suite.cases}
    tuned = outcomes[suite.compare_to]
    first = _model(result, suite.compare_to, tuned, wanted, terms.metrics, suite.seed)
    models = [first]
    others = [name for name in outcomes if name != suite.compare_to]
    for name in others:
        mine = _model(result, name, outcomes[name], wanted, terms.metrics, suite.seed)
        pairs = {
            each: _difference(each, tuned, outcomes[name], wanted, suite.seed)
            for each in terms.metrics
        }
        differences = {each: found for each, found in pairs.items() if found is not None}
        saved = mine.dollars_per_1000 - first.dollars_per_1000
        pays = _pays_after(terms.training.dollars, saved)
        evidence = PairedEvidence(
            name=name,
            metric=TITLES.get(terms.metric, terms.metric),
            difference=differences.get(terms.metric),
            # One of several may seem better by chance, so that each is held to a stricter level.
            strict=_difference(
                terms.metric, tuned, outcomes[name], wanted, suite.seed, LEVEL / max(1, len(others))
            ),
            not_run=first.not_run + mine.not_run,
            saved=saved,
            pays_after=pays,
            training_known=terms.training.dollars is not None,
            silent=next((each.name for each in (first, mine) if each.failed == each.rows), ""),
        )
        changes = {
            "differences": differences,
            "pays_after": pays,
            "verdict": verdict_of(evidence, terms.margin),
        }
        models.append(mine.model_copy(update=changes))
    return TunedComparison(
        tuned=suite.compare_to,
        version=terms.version,
        data_version=terms.data_version,
        evaluation_id=result.evaluation_id,
        metric=terms.metric,
        margin=terms.margin,
        rows=len(suite.cases),
        training=terms.training,
        models=tuple(models),
        verdict=overall(each.verdict for each in models if each.verdict is not None),
        dollars=result.receipt.dollars,
    )


def _outcomes(result: EvaluationResult, target: str) -> dict[str, TargetOutcome]:
    return {
        case.case: each for case in result.cases for each in case.outcomes if each.target == target
    }


def _model(
    result: EvaluationResult,
    name: str,
    outcomes: Mapping[str, TargetOutcome],
    wanted: Mapping[str, str],
    metrics: Sequence[str],
    seed: int,
) -> ComparedModel:
    scored = {case: each for case, each in outcomes.items() if each.status in SCORED}
    answered = [each for each in scored.values() if each.status == "graded"]
    identity = next((each.identity for each in result.targets if each.target == name), "")
    dollars = sum((each.dollars for each in scored.values()), Decimal(0))
    return ComparedModel(
        name=name,
        identity=identity,
        rows=len(scored),
        failed=len(scored) - len(answered),
        not_run=len(outcomes) - len(scored),
        metrics={
            each: found
            for each in metrics
            if (found := _metric(each, scored, wanted, seed)) is not None
        },
        seconds_p50=median(each.seconds for each in answered) if answered else None,
        tokens_in=fmean(each.tokens_in for each in answered) if answered else None,
        tokens_out=fmean(each.tokens_out for each in answered) if answered else None,
        dollars_per_1000=(dollars * PER_CALLS / max(1, len(scored))).quantize(_MICRO),
    )


def _metric(
    metric: str, scored: Mapping[str, TargetOutcome], wanted: Mapping[str, str], seed: int
) -> ScoreInterval | None:
    if not scored:
        return None
    if metric in LABEL_METRICS:
        labels = [wanted[case] for case in scored]
        return label_interval(metric, labelled_answers(list(scored.values()), labels), seed)
    scores = _scores(metric, scored)
    return share_interval(list(scores.values()), seed) if scores else None


def _difference(
    metric: str,
    tuned: Mapping[str, TargetOutcome],
    other: Mapping[str, TargetOutcome],
    wanted: Mapping[str, str],
    seed: int,
    level: float = LEVEL,
) -> ScoreInterval | None:
    """Return the paired difference over the rows that both were asked, None without one."""
    both = [
        case
        for case, each in tuned.items()
        if each.status in SCORED and case in other and other[case].status in SCORED
    ]
    if not both:
        return None
    one, two = ({case: each[case] for case in both} for each in (tuned, other))
    if metric in LABEL_METRICS:
        labels = [wanted[case] for case in both]
        return label_difference(
            metric,
            labelled_answers(list(one.values()), labels),
            labelled_answers(list(two.values()), labels),
            seed,
            level,
        )
    ours, theirs = _scores(metric, one), _scores(metric, two)
    shared = [case for case in both if case in ours and case in theirs]
    if not shared:
        return None
    return difference_interval(
        [ours[case] for case in shared], [theirs[case] for case in shared], seed, level
    )


def _scores(metric: str, scored: Mapping[str, TargetOutcome]) -> dict[str, float]:
    """Return the scores of one grader by row."""
    return {
        case: grade.score
        for case, each in scored.items()
        for grade in each.grades
        if grade.grader == metric
    }


def _pays_after(training: Decimal | None, saved_per_1000: Decimal) -> int | None:
    """Return the calls after which savings have paid for a training; None for never or unknown."""
    if training is None or saved_per_1000 <= 0:
        return None
    calls = training * PER_CALLS / saved_per_1000
    return int(calls.to_integral_value(ROUND_CEILING))
