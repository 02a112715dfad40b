"""The command `put`: upload files and folders, with one line for each failure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from cli.documents.results import WatchedResults, show_results, watch
from cli.documents.uploads import LocalFile, Uploader, collect
from cli.failures import UsageError
from cli.options import UserContext, user_command
from cli.output import Json, Output


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
@click.option(
    "--meta",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="Metadata of each file; may be repeated. A VALUE that is a JSON number, true, false, a "
    "list or a quoted string is that; anything else is text.",
)
@click.option("--no-wait", is_flag=True, help="Return once the files are uploaded.")
@user_command
def put(
    target: UserContext,
    sources: tuple[Path, ...],
    collection: str,
    wait: float,
    given: tuple[str, ...],
    no_wait: bool,
) -> None:
    """Upload files and folders and wait until they can be searched.

    A file that is already stored with the same bytes (and, with --meta, the same metadata) is
    skipped. Exits with 1 when a file was rejected or failed, and says why, and with 3 when the
    endpoint was lost on the way.
    """
    files = collect(sources)
    if not files:
        raise UsageError("There is no file in what was given.")
    metadata = metadata_of(given) if given else None
    uploader = Uploader(target.api, collection, None if no_wait else wait, metadata)
    uploaded = upload_with_progress(uploader, files, target.output)
    show_results(target.output, uploaded.results)
    uploaded.check()


def metadata_of(given: Sequence[str]) -> Json:
    """Return the values of `NAME=VALUE` by name; raise `UsageError` for an invalid one."""
    metadata: Json = {}
    for item in given:
        name, separator, value = item.partition("=")
        if not (separator and name):
            raise UsageError(f"--meta {item!r} has no name and '='; write NAME=VALUE.")
        if name in metadata:
            raise UsageError(f'--meta gives {name!r} twice; a list is written as \'["a", "b"]\'.')
        metadata[name] = _value(value)
    return metadata


def _value(text: str) -> object:
    try:
        value: object = json.loads(text, parse_constant=str)
    except ValueError:
        return text
    return text if value is None or isinstance(value, dict) else value


def upload_with_progress(
    uploader: Uploader, files: Sequence[LocalFile], output: Output
) -> WatchedResults:
    """Upload `files` behind a progress bar and return their results, in the files' order."""
    watched = watch(uploader.upload_all(files), len(files), "Files", output)
    by_path = {result.path: result for result in watched.results}
    return WatchedResults([by_path[local.path] for local in files], watched.ended_by)
