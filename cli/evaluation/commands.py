"""The commands `evaluate` and `evaluations`: suites are run, and runs are listed and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from cli.evaluation.files import read_results_file, read_suite_file
from cli.evaluation.reports import show_result, write_reports
from cli.evaluation.runs import PLACE, fetch_result, run_evaluation
from cli.failures import ItemsFailedError, UsageError
from cli.options import UserContext, user_command
from cli.output import Json, describe_receipt

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import EvaluationResult
    from chalicelib.contracts.evaluations.suites import Suite


@click.command("suite")
@click.argument(
    "suite_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="SUITE",
)
@click.option(
    "--prompt",
    "prompts",
    multiple=True,
    metavar="NAME[@VERSION]",
    help="Run this stored prompt instead of the suite's targets.",
)
@click.option("--model", help="Have this model answer for every target.")
@click.option(
    "--baseline", metavar="ID|FILE", help="Pass only if no worse than this run, or results.json."
)
@click.option("--budget", metavar="DOLLARS", help="The most that answers and judges may cost.")
@click.option("--estimate", is_flag=True, help="Show the estimated cost, and ask before starting.")
@click.option("--yes", "-y", is_flag=True, help="With --estimate: start without asking.")
@click.option("--results", type=click.Path(path_type=Path), help="Write results.json.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page to read.")
@user_command
def evaluate(target: UserContext, /, suite_file: Path, **options: Any) -> None:
    """Run the SUITE, a file of ours or of promptfoo, and grade the answers.

    Exits with 0 if its gate passed, with 1 if it did not, and with 2 if the suite cannot be run.
    """
    read = read_suite_file(suite_file, options["prompts"], options["model"])
    suite = read.suite
    for warning in read.warnings:
        target.output.notice(warning, "yellow")
    earlier = _earlier(options["baseline"])
    if earlier is not None:
        _require_comparable(suite, earlier)
    job = run_evaluation(target, _body(suite, options, earlier), yes=options["yes"])
    result = _held_against(fetch_result(target, job), suite, earlier)
    given = {"json": options["results"], "junit": options["junit"], "html": options["html"]}
    write_reports(result, {kind: file or read.outputs.get(kind) for kind, file in given.items()})
    if target.output.as_json:
        target.output.json(result.model_dump(mode="json"))
    else:
        show_result(target.output, result)
        for line in describe_receipt(job.get("receipt")):
            target.output.line(line, "dim")
    if not result.gate.passed:
        raise ItemsFailedError


@click.command()
@click.argument("evaluation_id", required=False)
@user_command
def evaluations(target: UserContext, evaluation_id: str | None) -> None:
    """List evaluations, newest first, or show one."""
    if evaluation_id is not None:
        view = target.api.call("GET", f"{PLACE}/{quote(evaluation_id, safe='')}")
        _show_view(target, view)
        return
    items = target.api.call("GET", PLACE)["items"]
    if target.output.as_json:
        target.output.json(items)
        return
    target.output.table(
        ("evaluation", "suite", "status", "verdict", "score", "cases", "dollars"),
        [
            (
                each["evaluation_id"],
                each["suite"],
                each["status"],
                _verdict(each),
                ", ".join(f"{one['score']['mean']:.3f}" for one in each["targets"]),
                f"{each['counts']['done']} of {each['counts']['total']}",
                (each["receipt"] or {}).get("dollars", ""),
            )
            for each in items
        ],
    )


def _earlier(baseline: str | None) -> EvaluationResult | None:
    """Return the results in the file that `--baseline` names, None if it names no file."""
    if baseline is None:
        return None
    file = Path(baseline)
    if file.suffix == ".json" or file.exists():
        return read_results_file(file)
    return None


def _require_comparable(suite: Suite, earlier: EvaluationResult) -> None:
    """Raise `UsageError`, before anything is spent, if a suite cannot be held against results."""
    from chalicelib.errors import InvalidInput
    from chalicelib.evaluation.gate import baseline_scores

    try:
        baseline_scores(suite, earlier, [each.name for each in suite.targets])
    except InvalidInput as error:
        raise UsageError(error.message) from error


def _body(suite: Suite, options: Json, earlier: EvaluationResult | None) -> Json:
    body: Json = {"suite": suite.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    if options["baseline"] is not None and earlier is None:
        body["baseline"] = options["baseline"]
    if options["budget"] is not None:
        body["budget"] = options["budget"]
    return body | ({"confirm": True} if options["estimate"] else {})


def _held_against(
    result: EvaluationResult, suite: Suite, earlier: EvaluationResult | None
) -> EvaluationResult:
    """Return the results with a verdict against the earlier ones, if there are some."""
    from chalicelib.errors import InvalidInput
    from chalicelib.evaluation.summary import against_baseline

    if earlier is None:
        return result
    try:
        return against_baseline(suite, result, earlier)
    except InvalidInput as error:
        raise UsageError(error.message) from error


def _show_view(target: UserContext, view: Json) -> None:
    output = target.output
    if output.as_json:
        output.json(view)
        return
    output.line(f"{view['evaluation_id']}: {view['suite']}, {view['status']}, {_verdict(view)}")
    for one in view["targets"]:
        output.line(f"  {one['target']}: {one['score']['mean']:.3f}, {one['pass_rate']:.1%} pass")
    for reason in (view["verdict"] or {}).get("reasons", ()):
        output.line(f"  {reason}", "red")
    for result in view["results"]:
        output.line(f"  {result['name']}: {result['url']}", "dim")
    for line in describe_receipt(view["receipt"]):
        output.line(line, "dim")
    if view["error"]:
        output.line(f"{view['error']['type']}: {view['error']['message']}", "red")


def _verdict(view: Json) -> str:
    if view["passed"] is None:
        return ""
    return "passed" if view["passed"] else "did not pass"
