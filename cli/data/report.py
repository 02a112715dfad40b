"""The report of training data, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.output import Output

if TYPE_CHECKING:
    from models.training_data.report import DataReport, ReportedProblem

_SHOWN_CLASSES = 12
_STYLES = {"error": "red", "warning": "yellow", "note": "dim"}


def show_report(output: Output, report: DataReport) -> None:
    """Print what data is, and each of its problems with its places and its fix."""
    kind = report.kind or "no kind that is known"
    output.line(f"{report.source}: {report.rows:,} rows of the kind {kind}")
    for line in _facts(report):
        output.line(f"  {line}")
    for problem in report.problems:
        _show_problem(output, problem)
    errors = len(report.errors)
    if errors:
        output.line(f"Not fit to train on: {errors} {'error' if errors == 1 else 'errors'}.", "red")
    else:
        output.line("Fit to train on.", "green")


def _facts(report: DataReport) -> list[str]:
    lines = []
    if report.rows:
        parts = ", ".join(f"{name} {count:,}" for name, count in report.parts.items())
        lines.append(f"parts: {parts}")
    if report.classes:
        shown = list(report.classes.items())[:_SHOWN_CLASSES]
        more = len(report.classes) - len(shown)
        told = ", ".join(f"{name} {count:,}" for name, count in shown)
        lines.append(f"classes: {told}" + (f", and {more:,} more" if more else ""))
    if report.lengths is not None and report.lengths.total:
        each = report.lengths
        lines.append(
            f"{each.unit} a row: median {each.median:,}, 95% {each.p95:,}, largest "
            f"{each.largest:,}; {each.total:,} together"
        )
    if report.languages:
        told = ", ".join(f"{name} {share:.0%}" for name, share in report.languages.items())
        lines.append(f"languages: {told}")
    if report.duplicates or report.alike:
        lines.append(
            f"copies left out: {report.duplicates:,}; pairs of near-duplicates: {report.alike:,}"
        )
    if report.personal_data:
        told = ", ".join(f"{name} {count:,}" for name, count in report.personal_data.items())
        lines.append(f"rows with personal data: {told}")
    return lines


def _show_problem(output: Output, problem: ReportedProblem) -> None:
    output.line(
        f"{problem.severity} {problem.name} ({problem.count:,}): {problem.about}",
        _STYLES[problem.severity],
    )
    for each in problem.places:
        told = ": ".join(filter(None, (each.place, each.detail)))
        if told:
            output.line(f"    {told}")
    hidden = problem.count - len(problem.places)
    if hidden > 0 and problem.places and problem.places[0].place:
        output.line(f"    and {hidden:,} more")
    output.line(f"  fix: {problem.fix}")
