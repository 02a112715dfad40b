"""Words and figures of a comparison, as the terminal and the page have them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from cli.output import Output

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import ScoreInterval
    from cli.evaluation.tuning.table import ComparedModel, TrainingCost, TunedComparison

TITLES: Mapping[str, str] = {
    "f1": "F1 of words",
    "exact_match": "exact match",
    "fields": "fields right",
    "json_valid": "valid JSON",
    "win_rate": "win rate",
    "macro_f1": "macro F1",
    "mcc": "MCC",
    "accuracy": "accuracy",
}
_STYLES = {"worth it": "green", "not proven": "yellow", "not worth it": "red"}
_CENTS = Decimal("0.01")


def dollars_text(dollars: Decimal) -> str:
    """Return dollars, in cents or, below ten of them, in six places."""
    return f"{dollars:.2f}" if abs(dollars) >= 10 * _CENTS else f"{dollars:.6f}"


def seconds_text(seconds: float | None) -> str:
    """Return seconds, or a dash."""
    return "-" if seconds is None else f"{seconds:.2f} s"


def training_text(training: TrainingCost) -> str:
    """Return what a training cost."""
    if training.dollars is None:
        return f"What the training cost is not known: {training.note or 'no bill was found'}."
    return f"The training: {training.seconds:,.0f} s billed, ${training.dollars:f}."


def calls_text(model: ComparedModel, training: TrainingCost) -> str:
    """Return the calls after which the training has paid for itself against a model."""
    if model.verdict is None:
        return ""
    if model.pays_after is not None:
        return f"{model.pays_after:,}"
    return "not known" if training.dollars is None else "never"


def show_comparison(output: Output, found: TunedComparison) -> None:
    """Print the table, the differences and the verdict."""
    from chalicelib.evaluation.reports.elements import interval_text

    def shown(score: ScoreInterval | None, *, signed: bool = False) -> str:
        return "" if score is None else interval_text(score, signed=signed)

    metrics = list(found.models[0].metrics)
    output.table(
        (
            "model",
            *(TITLES.get(each, each) for each in metrics),
            "tuned less it",
            "failed",
            "p50",
            "tokens in, out",
            "$ per 1,000",
            "training pays after",
        ),
        [
            (
                model.name,
                *(shown(model.metrics.get(each)) for each in metrics),
                shown(model.differences.get(found.metric), signed=True),
                f"{model.failed} of {model.rows}",
                seconds_text(model.seconds_p50),
                f"{model.tokens_in or 0:.0f}, {model.tokens_out or 0:.0f}",
                dollars_text(model.dollars_per_1000),
                calls_text(model, found.training),
            )
            for model in found.models
        ],
    )
    output.line(training_text(found.training), "dim")
    for model in found.models:
        if model.verdict is not None:
            output.line(model.verdict.sentence, _STYLES[model.verdict.word])
    output.line(
        f"{found.tuned}: {found.verdict.word}, by {TITLES.get(found.metric, found.metric)}.",
        f"bold {_STYLES[found.verdict.word]}",
    )
