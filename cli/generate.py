"""The command `generate`: one model answer, from the cheapest suitable model."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import click

from cli.failures import CommandError, UsageError
from cli.options import UserContext, end_user_option, user_command
from cli.output import Json, Output, describe_receipt

_ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}


@click.command()
@click.argument("prompt")
@click.option("--system", help="System instructions for the model.")
@click.option("--model", help="Model out of `headrace models ls --served`. Default: the cheapest.")
@click.option("--quality", type=click.IntRange(1, 5), help="Lowest model tier that may answer.")
@click.option(
    "--max-tokens", type=click.IntRange(min=1), help="Maximum length of the answer. Default: 512."
)
@click.option("--temperature", type=click.FloatRange(0, 2))
@click.option("--seed", type=click.IntRange(min=0))
@click.option(
    "--schema",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a JSON Schema that the answer must match.",
)
@click.option(
    "--check",
    "checks",
    multiple=True,
    help="Check that the answer must pass, such as contains:turbine or length:20..400; may be "
    "repeated.",
)
@click.option(
    "--document",
    "documents",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Source text file, which --check supported compares with; may be repeated.",
)
@click.option("--budget", help="Maximum cost of all attempts together, in dollars.")
@click.option("--no-fallback", is_flag=True, help="Use only the named model.")
@click.option("--image", "pictures", type=click.IntRange(1, 8), help="Number of pictures to draw.")
@click.option("--size", metavar="WIDTHxHEIGHT", help="Size of a picture. Default: 1024x1024.")
@click.option("--negative-prompt", help="What pictures must not show.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    help="Folder for pictures. Default: the current one.",
)
@end_user_option
@click.option("--explain", is_flag=True, help="Show the candidate models in order, and why.")
@user_command
def generate(
    target: UserContext,
    /,
    prompt: str,
    out: Path,
    pictures: int | None,
    explain: bool,
    **options: Any,
) -> None:
    """Generate a text or pictures with the cheapest suitable model.

    The cost is shown with the answer; `headrace usage` adds it up.
    """
    body = _body(prompt, pictures, options)
    if pictures is not None:
        _make(out)
    result = target.api.generate(body)
    if target.output.as_json:
        target.output.json(result)
        return
    if pictures is None:
        target.output.line(result["output"]["text"])
        _tell_of_stand_in(result["answered_by"], target.output)
    else:
        _save(result, out, target.output)
    if explain:
        for line in result["plan"]:
            target.output.line(f"  {line}", "dim")
    for line in describe_receipt(result["receipt"]):
        target.output.line(line, "dim")


def _tell_of_stand_in(answered_by: str, output: Output) -> None:
    """Say what the model of a laptop is that answered in the place of another."""
    from chalicelib.generation.catalogue import catalogue

    local = catalogue().models.get(answered_by)
    if local is not None and local.notes:
        output.notice(f"  {answered_by}: {local.notes}", "dim")


def _body(prompt: str, pictures: int | None, options: Json) -> Json:
    body: Json = {"prompt": prompt, "fallback": not options["no_fallback"]}
    for name in ("model", "quality", "seed", "budget", "end_user"):
        body[name] = options[name]
    body["checks"] = list(options["checks"])
    if options["documents"]:
        body["documents"] = [_document(file) for file in options["documents"]]
    if pictures is None:
        for name in ("size", "negative_prompt"):
            if options[name] is not None:
                raise UsageError(f"--{name.replace('_', '-')} is for pictures; give --image, too.")
        for name in ("system", "max_tokens", "temperature"):
            body[name] = options[name]
        body["json_schema"] = _schema(options["schema"])
    else:
        if options["documents"]:
            raise UsageError("--document goes with text; leave it out of --image.")
        body |= {"task": "image", "count": pictures, "negative_prompt": options["negative_prompt"]}
        body |= _size(options["size"])
    return {name: value for name, value in body.items() if value is not None}


def _document(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except ValueError as error:
        raise UsageError(f"{file} is no text in UTF-8: {error}.") from error


def _schema(file: Path | None) -> Json | None:
    if file is None:
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise UsageError(f"{file} holds no JSON Schema: it has to be an object.")
    return content


def _size(written: str | None) -> Json:
    if written is None:
        return {}
    width, cross, height = written.partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise UsageError("--size is WIDTHxHEIGHT, such as 512x512.")
    return {"width": int(width), "height": int(height)}


def _save(result: Json, out: Path, output: Output) -> None:
    ending = _ENDINGS[result["output"]["media_type"]]
    for n, picture in enumerate(result["output"]["images"], start=1):
        file = out / f"{result['generation_id']}-{n}{ending}"
        try:
            file.write_bytes(base64.b64decode(picture))
        except OSError as error:
            raise CommandError(f"The picture can't be written to {file}: {error}") from error
        output.line(str(file))


def _make(folder: Path) -> None:
    """Create the folder of the pictures, before they are paid for."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"The folder {folder} can't be made: {error}") from error
