"""The commands `ls`, `rm` and `status`."""

from __future__ import annotations

import click

from cli.documents.results import describe_progress
from cli.failures import ApiError, ItemsFailedError
from cli.jobs import follow
from cli.options import UserContext, user_command
from cli.output import Json, describe_receipt, describe_removed, show_backups

STATUSES = ("received", "processing", "ready", "rejected", "failed")


@click.command()
@click.option("--collection", help="Only documents of this collection.")
@click.option("--status", type=click.Choice(STATUSES), help="Only documents in this state.")
@user_command
def ls(target: UserContext, collection: str | None, status: str | None) -> None:
    """List documents."""
    documents = list(target.api.documents(collection=collection, status=status, limit=100))
    if target.output.as_json:
        target.output.json(documents)
        return
    target.output.table(
        ("document", "collection", "path", "status", "pages", "chunks", "bytes"),
        [
            (
                item["document_id"],
                item["collection"],
                item["path"],
                item["status"],
                item["pages"],
                item["chunks"],
                item["bytes"],
            )
            for item in documents
        ],
    )


@click.command()
@click.argument("document_ids", nargs=-1, required=True, metavar="DOCUMENT_ID...")
@click.option("--yes", "-y", is_flag=True, help="Do not ask first.")
@user_command
def rm(target: UserContext, document_ids: tuple[str, ...], yes: bool) -> None:
    """Delete documents, with all their versions.

    Shows what backups still hold of them, and for how long.

    Exits with 1 when one was not deleted, also because you answered no.
    """
    if not yes and not click.confirm(f"Delete {len(document_ids)} document(s)?", err=True):
        target.output.notice("Nothing was removed.")
        if target.output.as_json:
            target.output.json([])
        raise ItemsFailedError
    results: list[Json] = []
    for document_id in document_ids:
        try:
            gone = target.api.delete_document(document_id)
            if "job_id" in gone:
                gone = _removed_by_job(target, document_id, gone["job_id"])
            results.append({"deleted": True, **gone})
            if not target.output.as_json:
                target.output.line(f"Deleted {document_id}{describe_removed(gone['removed'])}.")
        except ApiError as refused:
            results.append({"document_id": document_id, "deleted": False, "reason": str(refused)})
            target.output.notice(f"{document_id}: {refused}", "red")
    if target.output.as_json:
        target.output.json(results)
    else:
        deleted = [result for result in results if result["deleted"]]
        show_backups(target.output, deleted[0]["backups"] if deleted else [])
    if not all(result["deleted"] for result in results):
        raise ItemsFailedError


def _removed_by_job(target: UserContext, document_id: str, job_id: str) -> Json:
    """Wait for the job that removes a large document; return the result line of `rm`."""
    job = follow(target.api, job_id, target.output)
    if job["status"] != "succeeded":
        raise ItemsFailedError(f"{document_id} was not removed: see `headrace jobs {job_id}`.")
    return {"document_id": document_id, "removed": {}, "backups": job["backups"]}


@click.command()
@click.argument("document_id", required=False)
@user_command
def status(target: UserContext, document_id: str | None) -> None:
    """Show one document, or whether the API answers and what it holds."""
    if document_id is not None:
        document = target.api.document(document_id)
        if target.output.as_json:
            target.output.json(document)
        else:
            _show(target, document)
        return
    health = target.api.health()
    counts = dict.fromkeys(STATUSES, 0)
    for document in target.api.documents(limit=100):
        counts[document["status"]] = counts.get(document["status"], 0) + 1
    if target.output.as_json:
        target.output.json({"endpoint": target.api.endpoint, "health": health, "documents": counts})
        return
    target.output.line(f"{target.api.endpoint} is {health['status']} (stage {health['stage']}).")
    target.output.table(("documents", "count"), counts.items())
    running = counts["received"] + counts["processing"]
    if running:
        target.output.line(f"{running} being worked on.")
    if counts["failed"]:
        target.output.line("`headrace retry --failed` tries what failed again.", "yellow")


def _show(target: UserContext, document: Json) -> None:
    rows = [
        (name, document[name])
        for name in document
        if name not in ("receipt", "progress") and document[name] not in (None, "")
    ]
    progress = document.get("progress")
    if progress:
        rows.append(("progress", describe_progress(**progress)))
    target.output.table(("field", "value"), rows)
    for line in describe_receipt(document.get("receipt")):
        target.output.line(line, "dim")
