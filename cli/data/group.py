"""The group `data`: `data check` says what training data is, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.data.options import (
    accept_option,
    column_option,
    eval_option,
    local_path,
    parse_columns,
    require_acceptable,
)
from cli.data.report import show_report
from cli.failures import CommandError, ItemsFailedError
from cli.options import json_option
from cli.output import Output

if TYPE_CHECKING:
    from models.training_data.rows import DataKind

_KINDS = (
    *("chat", "preference", "text", "labelled_text", "tagged_text", "text_pairs"),
    *("captioned_images", "classed_images", "image_questions", "products"),
)


@click.group()
def data() -> None:
    """Check training data before it is paid for."""


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
@json_option
def check(
    path: str,
    kind: DataKind | None,
    evaluation: str | None,
    columns: tuple[str, ...],
    tokenizer: Path | None,
    accepted: tuple[str, ...],
    as_json: bool,
) -> None:
    """Report the rows of PATH, a file or a folder, and what is wrong with them.

    Rows, parts, classes, lengths, languages, copies and likes, leaks into the held-out part,
    personal data, and wrong rows with their lines. Exits with 1 if there is an error.
    """
    from infra.models.training import INTERPRETER
    from models.failures import BadData
    from models.training_data.parquet import parquet_reader
    from models.training_data.preparation import DataRequest
    from models.training_data.preparation import check as check_data

    output = Output(as_json=as_json)
    request = DataRequest(
        local_path(path),
        kind,
        local_path(evaluation) if evaluation else None,
        parse_columns(columns),
        accepted=require_acceptable(accepted),
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
