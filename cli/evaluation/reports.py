"""Output of a run of a suite: its table in the terminal, and the files that it writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cli.failures import UsageError
from cli.output import Json, Output

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import EvaluationResult

_SHOWN = 10


def write_reports(result: EvaluationResult, files: Mapping[str, Path | None]) -> None:
    """Write the files that were asked for: `json`, `junit` and `html`; raise `UsageError`."""
    from chalicelib.evaluation.reports.html import html_report
    from chalicelib.evaluation.reports.junit import junit_xml

    makers = {
        "json": lambda: result.model_dump_json(indent=1) + "\n",
        "junit": lambda: junit_xml(result),
        "html": lambda: html_report(result),
    }
    for kind, file in files.items():
        if file is None:
            continue
        try:
            file.write_text(makers[kind](), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}.") from error


def show_estimate(output: Output, job: Json) -> None:
    """Print what a run may cost."""
    estimate = job["estimate"]
    output.notice(
        f"{estimate['items']} calls, at most ${estimate['dollars']} if the first model answers "
        f"each, ${estimate['dollars_bound']} with every fallback and repeat; about "
        f"{estimate['seconds']} s. What the cache has costs nothing."
    )
    for model in estimate["models"]:
        for line in model["words"]:
            output.notice(line)


def show_result(output: Output, result: EvaluationResult) -> None:
    """Print the scores, the differences and the verdict."""
    from chalicelib.evaluation.reports.elements import interval_text

    output.table(
        (
            "target",
            "what",
            "score, 95 % interval",
            "pass",
            "failed",
            "not run",
            "seconds",
            "dollars",
        ),
        [
            (
                each.target,
                each.identity,
                interval_text(each.score),
                f"{each.pass_rate:.1%}",
                each.failed,
                each.not_run,
                f"{each.mean_seconds:.2f}",
                f"{each.dollars:f}",
            )
            for each in result.targets
        ],
    )
    for target in result.targets:
        if target.ungraded:
            output.line(f"{target.target}: {target.ungraded} answers are not graded", "yellow")
    for each in (*result.comparisons, *result.gate.comparisons):
        output.line(
            f"{each.target} against {each.against}: {interval_text(each.difference, signed=True)}, "
            f"{each.better} better, {each.same} same, {each.worse} worse"
        )
    for swap in result.swaps:
        output.line(
            f"{swap.target}, swap {swap.swap}: {swap.groups[0]} less {swap.groups[1]} "
            f"{interval_text(swap.difference, signed=True)}, {swap.changed} of {swap.cases} cases "
            "pass for one of them only"
        )
    _show_failures(output, result)
    cached = f", {result.cached} answers from the cache" if result.cached else ""
    output.line(
        f"{result.evaluation_id}: {result.asked} calls{cached}, ${result.receipt.dollars:f}", "dim"
    )
    if result.gate.passed:
        output.line("The gate passed.", "green")
        return
    for reason in result.gate.reasons:
        output.line(reason, "red")
    output.line("The gate did not pass.", "red")


def _show_failures(output: Output, result: EvaluationResult) -> None:
    failed = [
        (case, outcome, grade)
        for case in result.cases
        for outcome in case.outcomes
        for grade in outcome.grades
        if not grade.passed and not outcome.passed
    ]
    for case, outcome, grade in failed[:_SHOWN]:
        output.line(f"  {case.case}, {outcome.target}, {grade.grader}: {grade.reason}")
    if len(failed) > _SHOWN:
        output.line(f"  and {len(failed) - _SHOWN} more; --html has all of them")
