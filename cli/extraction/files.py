"""Files of the commands: schemas that are read, and the output that is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from chalicelib.contracts.extraction_orders import EXTRACTOR_PATTERN, MAX_SCHEMA_BYTES
from cli.failures import CommandError, UsageError
from cli.output import Json

P = ParamSpec("P")
R = TypeVar("R")


def extraction_body(named: str) -> Json:
    """Return the fields of a request that say by what is extracted; raise `UsageError`."""
    file = Path(named)
    if file.is_file():
        return {"json_schema": read_schema(file)}
    if "," in named:
        several = [each.strip() for each in named.split(",")]
        for each in several:
            _saved(each)
        return {"extractors": several}
    return _saved(named)


def _saved(named: str) -> Json:
    """Return the fields that name a saved extractor."""
    file = Path(named)
    name, _, version = named.partition("@")
    if file.suffix or "/" in named or not re.fullmatch(EXTRACTOR_PATTERN, name):
        raise UsageError(f"There is no file {named}, and no extractor can have that name.")
    if not version:
        return {"extractor": name}
    if not re.fullmatch(r"[0-9]{1,9}", version):
        raise UsageError(f"{named}: a version is a number, as in {name}@3.")
    return {"extractor": name, "version": int(version)}


def read_schema(file: Path) -> Json:
    """Return the JSON Schema in a file; raise `UsageError`."""
    try:
        if file.stat().st_size > MAX_SCHEMA_BYTES * 4:
            raise UsageError(f"{file} is too large: a schema has at most {MAX_SCHEMA_BYTES} bytes.")
        schema = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} is no JSON in UTF-8: {error}") from error
    if not isinstance(schema, dict):
        raise UsageError(f"{file} is no JSON Schema: it is not an object.")
    return schema


def check_schema(body: Json) -> None:
    """Check the schema of `extraction_body` as the API does; raise `UsageError`.

    A command that uploads files first would otherwise learn of it only after the upload.
    """
    from chalicelib.errors import InvalidInput
    from chalicelib.labelling.extractors import inline_terms

    try:
        inline_terms(body["json_schema"])
    except InvalidInput as refused:
        raise UsageError(refused.message) from refused


def model_options(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--model`, `--quality` and `--budget`: who is asked about fields that stay open."""
    options = (
        click.option(
            "--model",
            help="Have this model, or auto, choose among the spans of fields that stay open; none"
            " asks no model where the extractor names one.",
        ),
        click.option(
            "--quality", type=click.IntRange(1, 5), help="Lowest model tier that --model auto asks."
        ),
        click.option(
            "--budget",
            metavar="DOLLARS",
            help="The most that models may cost a document, or none. Default: 0.05.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def model_body(model: str | None, quality: int | None, budget: str | None) -> Json:
    """Return the fields of a request that name a model; raise `UsageError`."""
    if model is None:
        if quality is not None or budget is not None:
            raise UsageError("--quality and --budget are those of a model: give --model, too.")
        return {}
    given: Json = {"model": model, "quality": quality, "budget": budget}
    body = {name: value for name, value in given.items() if value is not None}
    return body | ({"budget": None} if budget == "none" else {})


def out_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--out`, whose folder must exist before anything is done."""
    return click.option(
        "--out",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        callback=_in_a_folder,
        help="Write into this file instead of standard output.",
    )(command)


def _in_a_folder(
    context: click.Context, parameter: click.Parameter, given: Path | None
) -> Path | None:
    if given is not None and not given.absolute().parent.is_dir():
        raise UsageError(f"--out: there is no folder {given.parent}; make it first.")
    return given


def write_output(text: str, out: Path | None) -> None:
    """Write into the file of `--out`, or print; raise `CommandError` if it cannot be written."""
    if out is None:
        click.echo(text, nl=bool(text) and not text.endswith("\n"))
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{out} cannot be written: {error}") from error
