"""The command `sync`: make a collection hold the files of a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from cli.client import Api
from cli.documents.put import upload_with_progress
from cli.documents.results import DocumentResult, WatchedResults, result_of, show_results, watch
from cli.documents.uploads import LocalFile, Uploader, collect, digest
from cli.failures import ApiError, UnreachableError, UsageError
from cli.options import UserContext, user_command
from cli.output import Json


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """The changes that make a collection hold the files of a folder."""

    upload: Sequence[LocalFile]
    unchanged: Sequence[DocumentResult]
    delete: Sequence[Json]


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--collection", default="default", show_default=True, help="Collection to fill.")
@click.option("--delete", is_flag=True, help="Delete documents whose file was removed.")
@click.option("--dry-run", is_flag=True, help="Only show the changes.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before documents are deleted.")
@click.option(
    "--wait",
    type=click.FloatRange(min=1),
    default=300.0,
    show_default=True,
    help="Seconds without progress after which waiting ends.",
)
@user_command
def sync(
    target: UserContext,
    folder: Path,
    collection: str,
    delete: bool,
    dry_run: bool,
    yes: bool,
    wait: float,
) -> None:
    """Upload new and changed files of FOLDER; with --delete, remove what is gone from it.

    Files are compared by their bytes. Documents out of an archive or a mail are added and removed
    with it. Exits with 1 when something was rejected or failed.
    """
    plan = plan_of(target.api, collect([folder]), collection, delete=delete)
    if dry_run:
        _show(target, plan)
        return
    if plan.delete and not yes:
        question = f"Delete {len(plan.delete)} document(s) of {collection!r}?"
        if not click.confirm(question, err=True):
            raise UsageError("Nothing was done; leave --delete out to keep them.")
    uploaded = upload_with_progress(
        Uploader(target.api, collection, wait), plan.upload, target.output
    )
    removed = _removed(target, plan, uploaded)
    results = [*uploaded.results, *plan.unchanged, *removed.results]
    show_results(target.output, results)
    WatchedResults(results, uploaded.ended_by or removed.ended_by).check()


def plan_of(api: Api, files: Sequence[LocalFile], collection: str, *, delete: bool) -> SyncPlan:
    """Return the necessary changes without making them."""
    remaining = {
        str(stored["path"]): stored for stored in api.documents(collection=collection, limit=100)
    }
    upload: list[LocalFile] = []
    unchanged: list[DocumentResult] = []
    for local in files:
        document = remaining.pop(local.path, None)
        if document is not None and _is_there(local, document):
            unchanged.append(result_of(local.path, document, "unchanged"))
        else:
            upload.append(local)
    gone = [document for document in remaining.values() if not document["container"]]
    return SyncPlan(upload, unchanged, gone if delete else ())


def _is_there(local: LocalFile, document: Json) -> bool:
    if document["status"] != "ready":
        return False
    try:
        return bool(document["sha256"] == digest(local.file))
    except OSError:
        return False


def _removed(target: UserContext, plan: SyncPlan, uploaded: WatchedResults) -> WatchedResults:
    """Delete removed files after all uploads, so that a moved file is never missing."""
    if uploaded.ended_by is not None or not plan.delete:
        return WatchedResults([])
    return watch(_delete(target.api, plan.delete), len(plan.delete), "Deleted", target.output)


def _delete(api: Api, documents: Sequence[Json]) -> Iterator[DocumentResult]:
    for document in documents:
        path, document_id = str(document["path"]), str(document["document_id"])
        try:
            api.delete_document(document_id)
        except ApiError as refused:
            if refused.status != 404:
                yield DocumentResult(path, "failed", document_id, str(refused))
                continue
        except UnreachableError as unreachable:
            yield DocumentResult(path, "failed", document_id, str(unreachable))
            raise
        yield DocumentResult(path, "deleted", document_id)


def _show(target: UserContext, plan: SyncPlan) -> None:
    rows = [
        *(("upload", local.path) for local in plan.upload),
        *(("keep", result.path) for result in plan.unchanged),
        *(("delete", str(document["path"])) for document in plan.delete),
    ]
    if target.output.as_json:
        target.output.json([{"would": what, "path": path} for what, path in rows])
        return
    target.output.table(("would", "path"), rows)
    counts = (len(plan.upload), len(plan.unchanged), len(plan.delete))
    target.output.line("{} to upload, {} unchanged, {} to delete.".format(*counts))
