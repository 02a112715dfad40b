"""The command `labelling pairs`: labels and ratings through the quality gate to training data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.failures import CommandError, UsageError
from cli.labelling.commands import export_pages, labelling, task_place
from cli.labelling.files import write_lines
from cli.labelling.quality_options import quality_options
from cli.options import UserContext, user_command

if TYPE_CHECKING:
    from chalicelib.contracts.feedback import FeedbackRow
    from chalicelib.contracts.label_results import ExportedLabel, LabellingProgress
    from chalicelib.labelling.preferences import PreferencePair
    from chalicelib.labelling.quality_gate import QualityReport

QUALITY = "quality.json"


@labelling.command("pairs")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--task", "task_ids", multiple=True, help="A task of pairs; may be repeated.")
@click.option(
    "--ratings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="feedback.jsonl of an export, for its corrections, and answers rated up and down.",
)
@quality_options
@user_command
def pairs(
    target: UserContext,
    /,
    folder: Path,
    task_ids: tuple[str, ...],
    ratings: Path | None,
    **limits: Any,
) -> None:
    """Write preference pairs of tasks and ratings into FOLDER, if they pass the quality gate.

    Exits with 1, and writes nothing, where they are too few, too contradictory, or of reviewers who
    do not agree or do not find the labels of gold items.
    """
    from chalicelib.contracts.quality_limits import QualityLimits
    from chalicelib.labelling.preferences import collect_pairs
    from chalicelib.labelling.quality_gate import check_quality

    if not task_ids and ratings is None:
        raise UsageError("Name a task by --task, or a file by --ratings, or both.")
    labels = [row for task_id in task_ids for row in _labels(target, task_id)]
    collection = collect_pairs(labels, _read_ratings(ratings) if ratings else ())
    progress = [_progress(target, each) for each in task_ids]
    report = check_quality(collection, progress, QualityLimits(**limits))
    _show(target, report)
    if not report.passed:
        raise CommandError(f"Nothing is written: {'; '.join(report.refusals)}.")
    for name, count in _write(folder, collection.pairs, report).items():
        target.output.notice(f"{folder / name}: {count} lines")


def _labels(target: UserContext, task_id: str) -> list[ExportedLabel]:
    from chalicelib.contracts.label_results import LabelExportPage

    pages = export_pages(target, task_id, "preference")
    return [row for page in pages for row in LabelExportPage.model_validate(page).items]


def _progress(target: UserContext, task_id: str) -> LabellingProgress:
    from chalicelib.contracts.label_results import LabellingProgress

    found = target.api.call("GET", task_place(task_id, "progress"))
    return LabellingProgress.model_validate(found)


def _read_ratings(path: Path) -> list[FeedbackRow]:
    """Return the rows of a file of ratings. Raises `UsageError`, naming the line."""
    from pydantic import ValidationError

    from chalicelib.contracts.feedback import FeedbackRow

    rows = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                rows.append(FeedbackRow.model_validate_json(line))
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join(map(str, first["loc"])) or "the row"
                message = f"{path}, line {number} is no rating: {place}: {first['msg']}."
                raise UsageError(message) from error
    return rows


def _write(
    folder: Path, found: tuple[PreferencePair, ...], report: QualityReport
) -> dict[str, int]:
    from chalicelib.labelling.preferences import PAIR_FILES, pair_files

    files = pair_files(found)
    write_lines(folder, {**files, QUALITY: [asdict(report)]})
    return {name: len(files[name]) for name in PAIR_FILES.values()}


def _show(target: UserContext, report: QualityReport) -> None:
    if target.output.as_json:
        target.output.json({**json.loads(json.dumps(asdict(report))), "passed": report.passed})
        return
    target.output.line(
        f"{_counted(report.pairs, 'pair')}, {_counted(report.contradictory, 'contradiction')}"
    )
    target.output.table(
        ("task", "alpha", "gold labels", "right", "reviewers below"),
        [
            (
                each.task_id,
                "" if each.alpha is None else f"{each.alpha:.2f}",
                each.gold_labels,
                "" if each.gold_accuracy is None else f"{each.gold_accuracy:.0%}",
                ", ".join(each.below),
            )
            for each in report.tasks
        ],
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
