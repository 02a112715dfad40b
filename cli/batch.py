"""The command `batch`: a job that answers a file of calls, with an optional estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.failures import ItemsFailedError, UsageError
from cli.jobs import fetch_results, follow, job_path, tell
from cli.options import UserContext, user_command
from cli.output import Json, Output, describe_receipt


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option("--model", help="Model of lines that name none. Default: the cheapest suitable one.")
@click.option("--quality", type=click.IntRange(1, 5), help="Lowest model tier that may answer.")
@click.option(
    "--tier",
    "service_tier",
    type=click.Choice(("standard", "flex", "batch")),
    help="When to answer: at once, or later at a lower price.",
)
@click.option(
    "--check", "checks", multiple=True, help="Check that every answer must pass; may be repeated."
)
@click.option("--deadline", type=click.IntRange(1), help="Seconds from now. Default: a day.")
@click.option("--keep-truncated", is_flag=True, help="Count truncated answers as done.")
@click.option("--no-fallback", is_flag=True, help="Use only the named models.")
@click.option("--estimate", is_flag=True, help="Show the estimated cost, and ask before starting.")
@click.option("--yes", "-y", is_flag=True, help="With --estimate: start without asking.")
@user_command
def batch(
    target: UserContext, /, file: Path, folder: Path, estimate: bool, yes: bool, **options: Any
) -> None:
    """Answer every line of FILE and write the answers into DIR, in the order of FILE.

    A line is {"id": …, "prompt": …}, or a line of OpenAI's batch format. DIR must be new or empty.
    Exits with 1 when a line was not answered; errors.jsonl says which and why, and `headrace jobs
    --retry` tries those again.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty.")
    job_id = begin_batch(target, file, _body(options, estimate=estimate))
    job = follow(target.api, job_id, target.output)
    while job["status"] == "paused":
        confirm_batch(target.output, job, yes=yes)
        target.api.call("POST", f"{job_path(job_id)}/resume", once=True)
        job = follow(target.api, job_id, target.output)
    _finish(target, job, folder)


def confirm_batch(output: Output, job: Json, *, yes: bool) -> None:
    """Ask whether a paused batch is to begin, or to go on at the price that its notes say.

    `yes` agrees to the estimate only.
    """
    if job["phase"] == "estimated":
        _show_estimate(output, job)
        if yes or click.confirm("Begin?", err=True):
            return
        output.notice(f"Nothing was spent. To begin: headrace jobs {job['job_id']} --resume")
        raise ItemsFailedError
    for line in job["notes"]:
        output.notice(line)
    if not click.confirm("Go on?", err=True):
        output.notice(f"It is paused. To go on: headrace jobs {job['job_id']} --resume")
        raise ItemsFailedError


def begin_batch(target: UserContext, file: Path, body: Json) -> str:
    """Upload a file of calls, begin its batch with `body`, and return the job's id."""
    size = {"bytes": file.stat().st_size}
    announced = target.api.call("POST", "/v1/generations/batches/uploads", json=size, once=True)
    target.api.upload(announced["upload"], file)
    body |= {"batch_id": announced["batch_id"]}
    job = target.api.call("POST", "/v1/generations/batches", json=body, once=True)
    return str(job["job_id"])


def _body(options: Json, *, estimate: bool) -> Json:
    body: Json = {
        name: options[name]
        for name in ("model", "quality", "service_tier")
        if options[name] is not None
    }
    if options["checks"]:
        body["checks"] = list(options["checks"])
    if options["deadline"] is not None:
        body["deadline_seconds"] = options["deadline"]
    switches = {
        "confirm": estimate,
        "keep_truncated": options["keep_truncated"],
    }
    body |= {name: True for name, is_wanted in switches.items() if is_wanted}
    if options["no_fallback"]:
        body["fallback"] = False
    return body


def _finish(target: UserContext, job: Json, folder: Path) -> None:
    if not job["results"]:
        tell(target.output, job)
        raise ItemsFailedError
    files = fetch_results(target.api, job, folder, target.output)
    if target.output.as_json:
        target.output.json({**job, "files": [str(file) for file in files]})
    else:
        tell(target.output, job)
        for line in (*job["notes"], *describe_receipt(job["receipt"])):
            target.output.line(line, "dim")
        target.output.line(f"{len(files)} files in {folder}.")
    if job["status"] != "succeeded":
        raise ItemsFailedError


def _show_estimate(output: Output, job: Json) -> None:
    if output.as_json:
        return
    estimate = job["estimate"]
    refused = job["counts"]["failed"]
    output.line(
        f"{estimate['items']} calls, {refused} invalid lines; at most"
        f" ${estimate['dollars']} if the first model answers each, about {estimate['seconds']} s."
    )
    if "dollars_bound" in estimate:  # an older stage has none
        output.line(
            f"With every fallback, repair and repeat: at most ${estimate['dollars_bound']} a round."
            " --no-fallback and budgets lower that."
        )
    rows = [
        (
            model["wanted"],
            model["items"],
            path["service_tier"],
            "" if path["dollars"] is None else f"${path['dollars']}",
            path["reason"],
        )
        for model in estimate["models"]
        for path in model["paths"]
    ]
    output.table(("model", "calls", "tier", "at most", "why not"), rows)
    for model in estimate["models"]:
        for line in model["words"]:
            output.line(line, "dim")
