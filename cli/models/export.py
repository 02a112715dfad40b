"""The command `models export`: a registered version as files that other programs read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cli.failures import CommandError, UsageError
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models.approval import status_problem
from infra.models.exports import EXPORT_FORMS, ExportedVersion, ExportForm, VersionExports
from infra.models.training import TrainingError, translate_training_errors
from infra.models.version_files import ServingError
from models.failures import TrainingFailure

_S3 = "s3://"


@click.command("export")
@click.argument("version")
@click.option(
    "--as",
    "form",
    type=click.Choice(EXPORT_FORMS),
    default="safetensors",
    show_default=True,
    help="safetensors: the base with what was tuned merged into it, in Hugging Face's layout. "
    "gguf: the same as one file for llama.cpp. onnx: the files that serve the version.",
)
@click.option(
    "--into",
    required=True,
    metavar="FOLDER|s3://BUCKET/PREFIX/",
    help="An empty or new folder, or a prefix in S3.",
)
@click.option(
    "--precision",
    type=click.Choice(("fp32", "bf16", "fp16")),
    default="fp32",
    show_default=True,
    help="Numbers of the safetensors.",
)
@click.option(
    "--encoding",
    type=click.Choice(("f16", "q8_0")),
    default="f16",
    show_default=True,
    help="Numbers of the GGUF.",
)
@stage_options
@json_option
def export_version(
    place: StageOptions,
    version: str,
    form: ExportForm,
    into: str,
    precision: str,
    encoding: str,
    as_json: bool,
) -> None:
    """Export VERSION of the stage's registry, its ARN or GROUP/NUMBER.

    safetensors and gguf are of versions that tune a decoder by lora, full or gradual. The base is
    taken by its hash from this machine or the stage's bucket. What was written is compared with the
    version before anything is left: logits of the safetensors; tokens and perplexity of the GGUF
    by llama.cpp.
    """
    output = Output(as_json=as_json)
    try:
        with translate_training_errors(), _target(into) as folder:
            exports = VersionExports(place.find())
            if into.startswith(_S3):
                exports.require_empty(into)
            found = exports.export(version, form, folder, precision=precision, encoding=encoding)
            if into.startswith(_S3):
                exports.upload(folder, into)
    except (TrainingFailure, TrainingError, ServingError, ValueError) as error:
        raise CommandError(str(error)) from error
    if problem := status_problem(found.version):
        output.notice(f"Warning: {problem} by Headrace.", "red")
    _show(output, found, into)


@contextmanager
def _target(into: str) -> Iterator[Path]:
    """Provide the folder to write to, which appears only when the block ends well."""
    if into.startswith(_S3):
        if "/" not in into.removeprefix(_S3).rstrip("/"):
            raise UsageError(f"--into: {into!r} is no location; write s3://BUCKET/PREFIX/.")
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)
        return
    folder = Path(into).expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--into: {into} is there and not empty; name another folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / "model"
        made.mkdir()
        yield made
        if folder.exists():
            folder.rmdir()
        shutil.move(made, folder)


def _show(output: Output, found: ExportedVersion, into: str) -> None:
    if output.as_json:
        output.json(
            {"version": found.version.name, "into": into, "files": found.files, **found.compared}
        )
        return
    output.line(f"{found.version.name} is in {into}: {', '.join(found.files)}.")
    compared = found.compared
    if "difference" in compared:
        output.line(
            f"Logits differ by {compared['difference']:.2g} of the largest, and may by "
            f"{compared['tolerance']:g}. Licence: {compared['licence']}."
        )
    if (checked := compared.get("llama_cpp")) is not None:
        output.line(
            f"llama.cpp: the same tokens; perplexity {checked['perplexity']:.4g}, the network's "
            f"{checked['network_perplexity']:.4g}."
        )
    elif "llama_cpp" in compared:
        output.notice("Not tried by llama.cpp: xllamacpp is not installed here.")
