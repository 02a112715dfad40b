"""The command `models`: list, check and pull models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from cli.failures import CommandError, ItemsFailedError, UsageError
from cli.lazy import LazyGroup
from cli.models import checks, listing
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output

if TYPE_CHECKING:
    from chalicelib.generation.added_models import StageModels
    from models.pull.cache import PullProgress as Step
    from models.pull.cache import PullStatus


class PullError(CommandError):
    """Raised when a model could not be downloaded, or differs from the catalogue's."""


def into_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--into`."""
    return click.option(
        "--into",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="HEADRACE_MODELS_DIR",
        show_envvar=True,
        help="Folder of the models. Default: models/cache beside the code.",
    )(command)


@click.group(
    cls=LazyGroup,
    later={
        "add": "cli.models.added_models:add_model",
        "approve": "cli.models.approval:approve_version",
        "bases": "cli.models.bases:list_bases",
        "compare": "cli.models.compare:compare_models",
        "export": "cli.models.export:export_version",
        "import": "cli.models.imports:import_model",
        "imports": "cli.models.imports:list_imports",
        "provision": "cli.models.provision:provision_model",
        "provisioned": "cli.models.provision:list_provisioned",
        "reject": "cli.models.approval:reject_version",
        "remove": "cli.models.added_models:remove_model",
        "serve": "cli.models.serve:serve_model",
        "transform": "cli.models.transform:transform_model",
        "versions": "cli.models.compare:list_versions",
    },
)
def models() -> None:
    """List the models that answer calls, and manage those that run here."""


@models.command("ls")
@click.option("--served", is_flag=True, help="List the models that answer calls instead.")
@into_option
@stage_options
@json_option
def list_models(place: StageOptions, /, served: bool, into: Path | None, as_json: bool) -> None:
    """List the catalogue's models and whether they are here.

    With --served, those that answer calls; and those added to the stage, or to the local cloud
    that runs.
    """
    output = Output(as_json=as_json)
    if served:
        listing.show_list(output, _stage_models(place))
        return
    statuses = _statuses(into)
    _show(output, statuses)
    for status in statuses if not as_json else ():
        if status.model.notes:
            output.line(f"{status.model.name}: {status.model.notes}", "dim")


@models.command("show")
@click.argument("name")
@stage_options
@json_option
def show_model(place: StageOptions, /, name: str, as_json: bool) -> None:
    """Show all details of a model, by its name or its id on Bedrock."""
    listing.show_one(Output(as_json=as_json), name, _stage_models(place))


@models.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--files/--no-files", default=True, help="Whether to hash the local files.")
@click.option("--bedrock", is_flag=True, help="Compare with Bedrock's list as well.")
@into_option
@stage_options
@json_option
def check_models(
    place: StageOptions,
    /,
    names: tuple[str, ...],
    files: bool,
    bedrock: bool,
    into: Path | None,
    as_json: bool,
) -> None:
    """Check the files of models, and the list of models that answer calls.

    With NAMEs of added models, their servers are asked instead, from here and with their keys.

    The hash of every file is compared with the catalogue's, and models/served.json is checked for
    consistency. With --bedrock, --region or --profile it is compared with
    bedrock:ListFoundationModels: that of AWS, or of the running local cloud. Exits with 1 when a
    default model is missing or wrong, something has to be fixed, or Bedrock lacks a model or calls
    one legacy that is active here.
    """
    output = Output(as_json=as_json)
    if names:
        from cli.models.added_models import check_servers

        check_servers(output, place, names)
        return
    statuses = _statuses(into) if files else []
    held = checks.by_itself()
    region, profile = place.region, place.profile
    if bedrock or region or profile:
        given = click.get_current_context().obj
        held = checks.beside_bedrock(held, place.data_dir, region, profile, given)
    if as_json:
        output.json({"files": [_as_fields(status) for status in statuses], **held.as_fields()})
    else:
        if statuses:
            _show(output, statuses)
            output.line()
        held.show(output)
    if held.is_wrong or any(one.model.default and one.state != "present" for one in statuses):
        raise ItemsFailedError


@models.command("pull")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@into_option
@json_option
def pull_models(names: tuple[str, ...], into: Path | None, as_json: bool) -> None:
    """Download models, all default ones if none is named; existing files are kept.

    whisper-tiny, whisper-small, whisper-medium and whisper-large-v3 come from a hub.
    """
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
    from models.failures import DiskFull
    from models.pull.base_references import NoBase
    from models.pull.cache import CACHE, NoSource, WrongHash, pull
    from models.pull.hub_whispers import WHISPERS, pull_whisper

    of_hub = [name for name in names if name in WHISPERS]
    others = tuple(name for name in names if name not in WHISPERS)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[step]}", markup=False),
        console=output.err,
        disable=output.as_json,
    ) as progress:
        try:
            show = _Bars(progress).show
            pulled = [] if of_hub and not others else pull(others or None, into or CACHE, show)
            return pulled + [pull_whisper(name, into or CACHE, show) for name in of_hub]
        except NotFound as error:
            raise UsageError(error.message) from error
        except (NoSource, WrongHash, NoBase, DiskFull) as error:
            raise PullError(str(error)) from error


class _Bars:
    """One progress bar per model."""

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


def _stage_models(place: StageOptions) -> StageModels:
    """Return the models of the stage that is named, of the local cloud that runs, or the files'."""
    from cli.local.cloud import running_cloud

    if place.stage is None and running_cloud(place.data_dir) is None:
        return listing.catalogue_models()
    from cli.models.added_models import open_stage, translate_errors

    with translate_errors():
        return open_stage(place).models()


def _statuses(into: Path | None) -> list[PullStatus]:
    from models.pull.cache import CACHE, statuses

    return statuses(into or CACHE)


def _as_fields(status: PullStatus) -> dict[str, object]:
    return {
        "name": status.model.name,
        "task": status.model.task,
        "licence": status.model.licence,
        "bytes": status.model.bytes,
        "default": status.model.default,
        "state": status.state,
        "detail": status.detail,
    }


def _show(output: Output, found: list[PullStatus]) -> None:
    if output.as_json:
        output.json([_as_fields(status) for status in found])
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
