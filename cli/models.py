"""`models`: what the local cloud answers with, and getting it onto this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from cli.failures import Failure, ItemsFailed, WrongUse
from cli.options import json_option
from cli.output import Output

if TYPE_CHECKING:
    from models.pull import Progress as Step
    from models.pull import Status


class PullFailed(Failure):
    """A model could not be had, or was not what the catalogue names."""


def into_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--into`."""
    return click.option(
        "--into",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="HEADRACE_MODELS_DIR",
        show_envvar=True,
        help="Folder of the models. Default: models/cache beside the code.",
    )(command)


@click.group()
def models() -> None:
    """Manage the models that run on this machine."""


@models.command("ls")
@into_option
@json_option
def list_models(into: Path | None, as_json: bool) -> None:
    """List the catalogue's models, and which of them are here."""
    _show(Output(as_json=as_json), _statuses(into))


@models.command("check")
@into_option
@json_option
def check_models(into: Path | None, as_json: bool) -> None:
    """Check the hash of every file; exits with 1 when a default model is missing or wrong."""
    found = _statuses(into)
    _show(Output(as_json=as_json), found)
    if any(status.model.default and status.state != "present" for status in found):
        raise ItemsFailed


@models.command("pull")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@into_option
@json_option
def pull_models(names: tuple[str, ...], into: Path | None, as_json: bool) -> None:
    """Get models, all default ones if none is named; what is here already is left alone."""
    output = Output(as_json=as_json)
    folders = pull_with_progress(output, names, into)
    if as_json:
        output.json([str(folder) for folder in folders])
        return
    for folder in folders:
        output.line(f"{folder.name} is in {folder}.")


def pull_with_progress(
    output: Output, names: tuple[str, ...] = (), into: Path | None = None
) -> list[Path]:
    """Pull models behind a progress bar and return their folders."""
    from chalicelib.errors import NotFound
    from models.pull import CACHE, NoSource, WrongHash, pull

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[step]}", markup=False),
        console=output.err,
        disable=output.as_json,
    ) as progress:
        try:
            return pull(names or None, into or CACHE, _Bars(progress).show)
        except NotFound as error:
            raise WrongUse(error.message) from error
        except (NoSource, WrongHash) as error:
            raise PullFailed(str(error)) from error


class _Bars:
    """One bar a model."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, step: Step) -> None:
        """Show one step of a pull."""
        if step.model not in self._tasks:
            self._tasks[step.model] = self._progress.add_task(step.model, step="", total=None)
        task = self._tasks[step.model]
        self._progress.update(
            task, completed=step.done, total=step.total or None, step=f"{step.step} {step.file}"
        )


def _statuses(into: Path | None) -> list[Status]:
    from models.pull import CACHE, statuses

    return statuses(into or CACHE)


def _show(output: Output, found: list[Status]) -> None:
    if output.as_json:
        output.json(
            [
                {
                    "name": status.model.name,
                    "task": status.model.task,
                    "licence": status.model.licence,
                    "bytes": status.model.bytes,
                    "default": status.model.default,
                    "state": status.state,
                    "detail": status.detail,
                }
                for status in found
            ]
        )
        return
    output.table(
        ("model", "task", "licence", "bytes", "default", "state", "detail"),
        [
            (
                status.model.name,
                status.model.task,
                status.model.licence,
                status.model.bytes,
                "yes" if status.model.default else "no",
                status.state,
                status.detail,
            )
            for status in found
        ],
    )
