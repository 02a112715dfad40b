"""The command `evaluate tuned`: whether tuning was worth it, in one table and one page."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.data.locations import tenant_of_key
from cli.evaluation.runs import fetch_result, run_evaluation
from cli.failures import CommandError, ItemsFailedError, UsageError
from cli.options import StageOptions, UserContext, stage_user_command
from cli.output import Json, Output

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.suites import Suite
    from cli.evaluation.tuning.rows import ComparedRows
    from cli.evaluation.tuning.suite import ComparedTarget, ComparisonWish
    from infra.models.tuned_versions import TunedVersion, TunedVersions

SHOTS, ROWS = 2, 100


@click.command("tuned")
@click.argument("name")
@click.option(
    "--budget",
    metavar="DOLLARS",
    required=True,
    help="The most that all calls may cost. The estimate is shown first, and asked about.",
)
@click.option(
    "--data",
    "own",
    type=click.Path(exists=True, path_type=Path),
    help="Held-out rows of your own. Default: the held-out part of the version's data.",
)
@click.option("--model", "models", multiple=True, help="Another model to compare with; repeated.")
@click.option("--base", help="The name under which the base answers. Default: found by itself.")
@click.option(
    "--shots",
    type=click.IntRange(0, 16),
    default=SHOTS,
    show_default=True,
    help="Examples that other models are shown in a second column.",
)
@click.option(
    "--rows",
    "most",
    type=click.IntRange(1, 1_000),
    default=ROWS,
    show_default=True,
    help="Rows that are asked, drawn by the seed.",
)
@click.option("--metric", default="", help="The metric that decides. Default: F1, or macro F1.")
@click.option("--judge", default="", metavar="MODEL", help="Have MODEL compare the answers.")
@click.option(
    "--margin",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="How much worse the tuned model may be where it is cheaper.",
)
@click.option(
    "--other-tenant",
    is_flag=True,
    help="Ask held-out rows of another tenant's data by this key: they are kept with its results.",
)
@click.option("--seed", type=click.IntRange(0, 2_147_483_646), default=0, show_default=True)
@click.option("--yes", "-y", is_flag=True, help="Begin without asking.")
@click.option("--results", type=click.Path(path_type=Path), help="Write the table as JSON.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page to read.")
@click.option(
    "--suite", "suite_file", type=click.Path(path_type=Path), help="Write the suite that is run."
)
@stage_user_command
def evaluate_tuned(
    target: UserContext, place: StageOptions, /, name: str, own: Path | None, **options: Any
) -> None:
    """Say whether tuning the model NAME was worth it.

    NAME is served by a version that this stage trained; NAME@candidate is compared with the version
    that serves. Held-out rows are asked to it, to its base as it is and with examples, and to other
    models. The table has the metrics of the task with intervals, paired differences, latency,
    tokens, dollars, and the calls after which the training has paid for itself.

    Exits with 0 if it was worth it against each, and with 1 otherwise.
    """
    from cli.evaluation.tuning.page import comparison_page
    from cli.evaluation.tuning.suite import metrics_of
    from cli.evaluation.tuning.table import ComparisonTerms, TrainingCost, compare_tuned
    from cli.evaluation.tuning.words import show_comparison

    with tempfile.TemporaryDirectory(prefix="headrace-tuned-") as scratch:
        version, rows = _read(target, place, name, own, Path(scratch), options)
    suite, wish = _suite(place, version, rows, options, target.output)
    if options["suite_file"] is not None:
        dumped = suite.model_dump_json(by_alias=True, exclude_defaults=True, indent=1)
        _write(options["suite_file"], f"{dumped}\n")
    body: Json = {
        "suite": suite.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "budget": options["budget"],
        "confirm": True,
    }
    job = run_evaluation(target, body, yes=options["yes"])
    result = fetch_result(target, job)
    metrics = metrics_of(rows.kind, rows.held_out, wish.judge)
    bill = version.bill
    terms = ComparisonTerms(
        metrics,
        wish.metric or metrics[0],
        TrainingCost(seconds=bill.seconds, dollars=bill.dollars, note=bill.note),
        options["margin"],
        version.label,
        rows.version,
    )
    found = compare_tuned(suite, result, terms)
    if options["results"] is not None:
        _write(options["results"], f"{found.model_dump_json(indent=1)}\n")
    if options["html"] is not None:
        _write(options["html"], comparison_page(found, result))
    if target.output.as_json:
        target.output.json(found.model_dump(mode="json"))
    else:
        show_comparison(target.output, found)
    if found.verdict.word != "worth it":
        raise ItemsFailedError


def _read(
    target: UserContext,
    place: StageOptions,
    name: str,
    own: Path | None,
    scratch: Path,
    options: Json,
) -> tuple[TunedVersion, ComparedRows]:
    """Return the version that serves and its rows, of which no more than asked for judge."""
    output = target.output
    from dataclasses import replace

    from cli.evaluation.tuning.rows import drawn_rows, read_rows, rows_with_own

    with _translated():
        versions = _versions(place)
        version = versions.find(name)
        channel = versions.fetch_data(version, scratch / "channel")
    if not options["other_tenant"]:
        _require_tenant(target, place, version, channel)
    rows = (
        read_rows(channel)
        if own is None
        else rows_with_own(channel, own, scratch, Output(out=output.err, err=output.err))
    )
    drawn = drawn_rows(rows.held_out, options["most"], options["seed"])
    return version, replace(rows, held_out=drawn)


def _require_tenant(
    target: UserContext, place: StageOptions, version: TunedVersion, channel: Path
) -> None:
    """Raise UsageError if the rows of a version came of another tenant's data than the key's."""
    from models.failures import BadData
    from models.training_data.channel import read_manifest

    try:
        owner = read_manifest(channel).tenant
    except BadData as error:
        raise CommandError(str(error)) from error
    if owner and (tenant := tenant_of_key(target, place)) != owner:
        raise UsageError(
            f"{version.label} learned from data of the tenant {owner}, and the key is of {tenant}, "
            "with whose results its rows would be kept. Give a key of that tenant, or "
            "--other-tenant."
        )


def _suite(
    place: StageOptions,
    version: TunedVersion,
    rows: ComparedRows,
    options: Json,
    output: Output,
) -> tuple[Suite, ComparisonWish]:
    from cli.evaluation.tuning.rows import require_apart
    from cli.evaluation.tuning.suite import (
        ComparedTarget,
        ComparisonWish,
        comparison_suite,
        single_turns,
        uses_of,
    )

    examples = single_turns(rows.trained, options["shots"])
    require_apart(examples, rows.held_out)
    classifies = rows.kind == "labelled_text"
    tuned = ComparedTarget(version.name.replace("@", " "), version.name, 0, classifies)
    others: list[ComparedTarget] = []
    base = options["base"] or version.base
    if base:
        others += uses_of(
            base, len(examples), title=base if base.endswith("base") else f"{base} base"
        )
    elif not classifies:
        output.notice(
            f"The base is left out, since it serves under no name: headrace models serve "
            f"{version.name.partition('@')[0]}-base {version.label} --base-only",
            "yellow",
        )
    if version.champion:
        others.append(ComparedTarget(version.champion, version.champion, 0, classifies))
    tasks = _tasks(place)
    for model in (*filter(None, [base, version.champion]), *options["models"]):
        if model not in tasks:
            raise UsageError(f"No model is served as {model!r}: headrace models ls --served.")
    for model in options["models"]:
        if classifies and tasks[model] == "classification":
            others.append(ComparedTarget(model, model, 0, classifies=True))
        else:
            others += uses_of(model, len(examples))
    if not others:
        raise UsageError("There is nothing to compare with: name models by --model.")
    wish = ComparisonWish(
        tuned, tuple(others), options["metric"], options["judge"], options["seed"]
    )
    return comparison_suite(rows, wish, examples), wish


def _tasks(place: StageOptions) -> Mapping[str, str]:
    """Return the tasks of the stage's models, by their names and aliases."""
    from infra.models.added_models import AddedModelStage

    with _translated():
        models = AddedModelStage(place.find()).models().models.models.values()
    return {name: each.task for each in models for name in (each.name, *each.aliases)}


def _versions(place: StageOptions) -> TunedVersions:
    from infra.models.tuned_versions import TunedVersions

    return TunedVersions(place.find())


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what a stage refuses into errors of the command."""
    from infra.models.added_models import AddedModelError, translate_model_errors
    from infra.models.training import TrainingError, translate_training_errors
    from models.failures import TrainingFailure

    try:
        with translate_training_errors(), translate_model_errors():
            yield
    except (TrainingFailure, TrainingError, AddedModelError, ValueError) as error:
        raise CommandError(str(error)) from error


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from error
