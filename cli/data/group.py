"""The group `data`: `data check` says what training data is, and what is wrong with it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.data.locations import is_elsewhere, local_copy
from cli.data.options import (
    accept_option,
    column_option,
    eval_option,
    parse_columns,
    require_acceptable,
)
from cli.data.report import show_report
from cli.failures import CommandError, ItemsFailedError
from cli.lazy import LazyGroup
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output

if TYPE_CHECKING:
    from models.training.recipe import DataKind

_KINDS = (
    *("chat", "preference", "text", "labelled_text", "tagged_text", "text_pairs"),
    *("captioned_images", "classed_images", "image_questions", "products"),
)


@click.group(cls=LazyGroup, later={"distil": "cli.data.distillation:distil"})
def data() -> None:
    """Check training data before it is paid for, or have a model answer prompts for it."""


@data.command("check")
@click.argument("path")
@click.option("--kind", type=click.Choice(_KINDS), help="Default: by the fields of the first row.")
@eval_option
@column_option
@click.option(
    "--tokenizer",
    type=click.Path(exists=True, path_type=Path),
    help="Folder of a base model, to count tokens and see whether its tokenizer fits.",
)
@accept_option
@stage_options
@json_option
def check(  # noqa: PLR0913 - the options of a command
    place: StageOptions,
    path: str,
    kind: DataKind | None,
    evaluation: str | None,
    columns: tuple[str, ...],
    tokenizer: Path | None,
    accepted_problems: tuple[str, ...],
    as_json: bool,
) -> None:
    """Report the rows of PATH and what is wrong with them.

    PATH is a file, a folder, s3://BUCKET/KEY, collection:NAME or generations:MODEL.

    Rows, parts, classes, lengths, languages, copies and likes, leaks into the held-out part,
    personal data, and wrong rows with their lines. Exits with 1 if there is an error.
    """
    from infra.models.training_environment import INTERPRETER
    from models.failures import BadData
    from models.training_data.parquet import parquet_reader
    from models.training_data.preparation import DataRequest
    from models.training_data.preparation import check as check_data

    output = Output(as_json=as_json)
    with ExitStack() as copies:
        request = DataRequest(
            copies.enter_context(local_copy(path, place, output)),
            kind,
            copies.enter_context(local_copy(evaluation, place, output)) if evaluation else None,
            parse_columns(columns),
            source=path if is_elsewhere(path) else "",
            accepted=require_acceptable(accepted_problems),
            tokenizer=tokenizer,
            parquet=parquet_reader(INTERPRETER),
        )
        try:
            report = check_data(request)
        except (BadData, OSError) as error:
            raise CommandError(str(error)) from error
    if as_json:
        output.json(report.model_dump(mode="json"))
    else:
        show_report(output, report)
    if report.errors:
        raise ItemsFailedError
