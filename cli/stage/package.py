"""The command `package`: a template and a bundle per function, to be deployed or run here."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
from rich.progress import Progress, TaskID

from cli.failures import CommandError
from cli.options import json_option
from cli.output import Output
from infra.packaging.manifest import size_table
from infra.packaging.models import SECOND_EMBEDDER, SECOND_EMBEDDERS
from infra.packaging.package import BuiltPackage, PackageRequest, build_package
from infra.packaging.targets import TARGETS, PackagingError

PROJECT = Path(__file__).resolve().parents[2]


class PackageCommandError(CommandError):
    """Raised when the package could not be made."""


@click.command("package")
@click.option("--stage", required=True, help="Name of the stage, such as dev or prod.")
@click.option(
    "--region",
    default="us-east-1",
    show_default=True,
    envvar="AWS_REGION",
    show_envvar=True,
    help="Region of the stage.",
)
@click.option(
    "--architecture",
    type=click.Choice(list(TARGETS)),
    default="arm64",
    show_default=True,
    help="Processor architecture of the functions.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the package, replaced whole. Default: build/package/STAGE-ARCHITECTURE.",
)
@click.option(
    "--snap-start",
    multiple=True,
    metavar="FUNCTION",
    help="Start this function, by its logical id, from a snapshot, which costs when idle; may be "
    "repeated.",
)
@click.option(
    "--second-embedder",
    type=click.Choice(SECOND_EMBEDDERS),
    default=SECOND_EMBEDDER,
    show_default=True,
    help="Embedding model beside the default one, which tenants can be moved to.",
)
@json_option
def package_command(
    stage: str,
    region: str,
    architecture: str,
    out: Path | None,
    snap_start: tuple[str, ...],
    second_embedder: str,
    as_json: bool,
) -> None:
    """Package a stage: a template, and for each function a ZIP file of what it imports.

    Needs Python 3.13 for the bytecode, and a registry that has the wheels and the models. The same
    input gives the same files, to the byte.
    """
    output = Output(as_json=as_json)
    folder = out or PROJECT / "build" / "package" / f"{stage}-{architecture}"
    with output.progress() as progress:
        steps = _Steps(progress, progress.add_task("starting", total=None))
        order = PackageRequest(
            PROJECT,
            stage,
            region,
            architecture,
            models_dir=PROJECT / "models" / "cache",
            second_embedder=second_embedder,
            snap_start=snap_start,
            report=steps.next,
        )
        try:
            package = build_package(order, folder)
        except PackagingError as error:
            raise PackageCommandError(str(error)) from error
    _show(package, output)


class _Steps:
    """Progress line that names the current step."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def next(self, name: str) -> None:
        self._progress.update(self._task, description=name, advance=1)


def _show(made: BuiltPackage, output: Output) -> None:
    if output.as_json:
        output.json({"folder": str(made.folder), **dataclasses.asdict(made.manifest)})
        return
    for line in (*size_table(made.sizes), *map(str, made.snapshots)):
        output.line(line)
    manifest = made.manifest
    output.line(
        f"Packaged {manifest.stage} for {manifest.architecture} in {manifest.region}: {made.folder}"
    )
