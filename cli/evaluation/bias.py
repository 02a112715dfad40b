"""The command `evaluate bias`: how far predictions of groups lie apart, and whether that may be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.evaluation.predictions import PredictionColumns, PredictionTable, read_predictions
from cli.failures import ItemsFailedError, UsageError
from cli.options import json_option
from cli.output import Json, Output
from models.failures import TrainingFailure
from models.training.gates import Gate, missed_gates

if TYPE_CHECKING:
    from models.evaluation.bias import BiasReport

RATIO = "impact_ratio"
GATED = ("selection_gap", "tpr_gap", "fpr_gap", RATIO)
LEAST_MEMBERS = 30
_GATE = re.compile(rf"({'|'.join(GATED)})=(0|1|0?\.\d+|1\.0+|0\.0+)")


@click.command("bias")
@click.argument(
    "predictions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
)
@click.option("--group", default="group", show_default=True, help="Column of the groups.")
@click.option("--label", default="label", show_default=True, help="Column of what is right.")
@click.option("--prediction", default="prediction", show_default=True, help="Column of yes or no.")
@click.option("--score", default="score", show_default=True, help="Column of scores.")
@click.option("--query", default="query", show_default=True, help="Column of a ranking's queries.")
@click.option("--positive", help="What counts as yes. Default: 1, true, yes.")
@click.option("--threshold", type=float, help="A score from here on is a yes.")
@click.option("--top", type=click.IntRange(1), help="A ranking shows so many of each query.")
@click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="NAME=BOUND",
    help=f"Exit with 1 unless the interval is within it: {', '.join(GATED)}. Repeatable.",
)
@click.option(
    "--least-members",
    type=click.IntRange(2),
    default=LEAST_MEMBERS,
    show_default=True,
    help="Members of a group below which nothing is told of it.",
)
@json_option
def evaluate_bias(
    predictions: Path,
    threshold: float | None,
    top: int | None,
    gates: tuple[str, ...],
    least_members: int,
    as_json: bool,
    **columns: str,
) -> None:
    """Compare the predictions of FILE by group, CSV or JSON lines.

    A row has a group, a prediction or a score, and a label where it is known what is right. Rows of
    a ranking have a query and a score. Nothing is sent anywhere.

    Exits with 0 if every --gate holds, with 1 if one does not or cannot be told, and with 2 if the
    file cannot be used.
    """
    bounds = _bounds(gates)
    table = read_predictions(predictions, PredictionColumns(**columns))
    report = _measured(table, threshold, top, least_members)
    missed = missed_gates(bounds, report.numbers(), report.missing())
    output = Output(as_json=as_json)
    if as_json:
        output.json(_document(report, missed))
    else:
        _show(output, report, missed, gated=bool(bounds))
    if missed:
        raise ItemsFailedError


def _bounds(given: Sequence[str]) -> dict[str, Gate]:
    """Return gates on bounds of intervals: the upper one of a gap, the lower one of a ratio."""
    gates: dict[str, Gate] = {}
    for each in given:
        found = _GATE.fullmatch(each)
        if found is None:
            raise UsageError(
                f"--gate {each} is no NAME=BOUND: the name is one of {', '.join(GATED)}, and the "
                "bound is from 0 to 1, such as tpr_gap=0.1 or impact_ratio=0.8."
            )
        name, bound = found[1], float(found[2])
        if name == RATIO:
            gates[f"{name}_low"] = Gate(least=bound)
        else:
            gates[f"{name}_high"] = Gate(most=bound)
    return gates


def _measured(
    table: PredictionTable, threshold: float | None, top: int | None, least_members: int
) -> BiasReport:
    import numpy as np

    try:
        import fairlearn  # noqa: F401 - asked for before a long file is worked on
        import scipy  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(
            "Groups are compared by fairlearn, which is not installed: pip install -r "
            "requirements/bias.txt"
        ) from error
    from models.evaluation.bias import measure_bias, top_of_rankings

    labels = None if table.labels is None else np.asarray(table.labels, np.float64)
    try:
        if top is not None:
            scores = np.asarray(_scores(table, "--top"), np.float64)
            queries = table.queries or ["1"] * len(scores)
            selected = top_of_rankings(queries, scores, top)
            return measure_bias(table.groups, selected, labels, table.queries, least_members)
        if threshold is not None:
            scores = np.asarray(_scores(table, "--threshold"), np.float64)
            if not np.isfinite(scores).all():
                raise UsageError("A score is not a finite number, so that it is no yes and no no.")
            selected = (scores >= threshold).astype(np.float64)
        elif table.predictions is None:
            raise UsageError(
                "There is no column of predictions; --prediction names it. Of scores, --threshold "
                "says from where on one is a yes, or --top how many of each query are shown."
            )
        else:
            selected = np.asarray(table.predictions, np.float64)
        return measure_bias(table.groups, selected, labels, table.queries, least_members)
    except TrainingFailure as error:
        raise UsageError(str(error)) from error


def _scores(table: PredictionTable, option: str) -> list[float]:
    if table.scores is None:
        raise UsageError(
            f"{option} takes scores, and there is no column of them; --score names it."
        )
    return table.scores


def _document(report: BiasReport, missed: Sequence[str]) -> Json:
    return {
        "rates": {
            rate: {
                group: {
                    "value": each.value,
                    "low": each.low,
                    "high": each.high,
                    "members": each.members,
                }
                for group, each in groups.items()
            }
            for rate, groups in report.rates.items()
        },
        "numbers": report.numbers(),
        "unknown": dict(report.unknown),
        "missed_gates": list(missed),
    }


def _show(output: Output, report: BiasReport, missed: Sequence[str], *, gated: bool) -> None:
    for rate, groups in report.rates.items():
        output.table(
            (rate, "members", "value, 95 % interval"),
            [
                (group, each.members, _interval(each.value, each.low, each.high))
                for group, each in groups.items()
            ],
        )
    for name, gap in report.gaps.items():
        output.line(f"{name}: {_interval(gap.mean, gap.low, gap.high)}", "bold")
    for name, reason in report.unknown.items():
        output.line(f"{name} cannot be told: {reason}.", "yellow")
    for problem in missed:
        output.line(f"{problem}.", "red")
    if gated and not missed:
        output.line("Every gate holds.", "green")


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.3f} ({low:.3f} to {high:.3f})"
