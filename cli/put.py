"""`put`: files and folders in, one line for each that could not be taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cli.failures import WrongUse
from cli.options import Target, user_command
from cli.output import Output
from cli.results import Watched, show_results, watch
from cli.uploads import LocalFile, Uploader, collect


@click.command()
@click.argument(
    "sources",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE_OR_FOLDER...",
)
@click.option("--collection", default="default", show_default=True, help="Collection to put into.")
@click.option(
    "--wait",
    type=click.FloatRange(min=1),
    default=300.0,
    show_default=True,
    help="Seconds without progress after which waiting ends.",
)
@click.option("--no-wait", is_flag=True, help="Return once the files are uploaded.")
@user_command
def put(
    target: Target, sources: tuple[Path, ...], collection: str, wait: float, no_wait: bool
) -> None:
    """Upload files and folders and wait until they can be searched.

    A file whose bytes are there already is left alone. Exits with 1 when a file was
    rejected or failed, and says why, and with 3 when the endpoint was lost on the way.
    """
    files = collect(sources)
    if not files:
        raise WrongUse("There is no file in what was given.")
    uploader = Uploader(target.api, collection, None if no_wait else wait)
    uploaded = upload_with_progress(uploader, files, target.output)
    show_results(target.output, uploaded.results)
    uploaded.check()


def upload_with_progress(uploader: Uploader, files: Sequence[LocalFile], output: Output) -> Watched:
    """Upload `files` behind a progress bar and return their results, in the files' order."""
    found = watch(uploader.upload_all(files), len(files), "Files", output)
    by_path = {result.path: result for result in found.results}
    return Watched([by_path[local.path] for local in files], found.ended_by)
