"""The command `retry`: another attempt at documents that failed."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import click

from cli.client import Api
from cli.documents.results import DocumentProgress, DocumentResult, show_results, watch
from cli.documents.settlement import AwaitedDocument, DocumentWaiter
from cli.failures import ApiError, UnreachableError, UsageError
from cli.options import UserContext, user_command
from cli.output import Json


@click.command()
@click.argument("document_ids", nargs=-1, metavar="[DOCUMENT_ID]...")
@click.option("--failed", is_flag=True, help="Every document that failed.")
@click.option("--collection", help="With --failed: only documents of this collection.")
@click.option(
    "--wait",
    type=click.FloatRange(min=1),
    default=300.0,
    show_default=True,
    help="Seconds without progress after which waiting ends.",
)
@click.option("--no-wait", is_flag=True, help="Return once the attempts have been requested.")
@user_command
def retry(
    target: UserContext,
    document_ids: tuple[str, ...],
    failed: bool,
    collection: str | None,
    wait: float,
    no_wait: bool,
) -> None:
    """Retry documents that failed, and wait until they can be searched.

    Exits with 1 when one was refused, because it has not failed, or did not become ready.
    """
    wanted = _wanted(target.api, document_ids, failed, collection)
    retried = retry_all(target.api, wanted, None if no_wait else wait)
    watched = watch(retried, len(wanted), "Documents", target.output)
    if not wanted and not target.output.as_json:
        target.output.line("No document has failed.")
        return
    show_results(target.output, watched.results)
    watched.check()


def retry_all(
    api: Api, document_ids: Sequence[str], wait: float | None
) -> Iterator[DocumentResult | DocumentProgress]:
    """Yield a result for each document: refusals at once, the others as they settle.

    `wait` is the seconds without progress after which waiting ends, or None not to wait at all.
    Once the endpoint cannot be reached, the remaining documents count as failed without a request;
    after the last result the reason is raised.
    """
    pending: list[AwaitedDocument] = []
    lost: UnreachableError | None = None
    for document_id in document_ids:
        if lost is not None:
            yield DocumentResult("", "failed", document_id, f"Not tried: {lost}")
            continue
        try:
            before = api.retry_document(document_id)
        except ApiError as refused:
            yield DocumentResult("", "refused", document_id, str(refused))
            continue
        except UnreachableError as unreachable:
            lost = unreachable
            yield DocumentResult("", "failed", document_id, str(lost))
            continue
        if wait is None:
            yield DocumentResult(before["path"], "queued", document_id)
        else:
            is_news = functools.partial(_is_news, before)
            pending.append(AwaitedDocument(before["path"], document_id, is_news))
    if wait is not None:
        yield from DocumentWaiter(api, wait).settle(pending)
    if lost is not None:
        raise lost


def _wanted(
    api: Api, document_ids: tuple[str, ...], failed: bool, collection: str | None
) -> list[str]:
    if bool(document_ids) == failed:
        raise UsageError("Name the documents to try again, or give --failed.")
    if collection and not failed:
        raise UsageError("--collection goes with --failed.")
    if not failed:
        return list(dict.fromkeys(document_ids))
    documents = api.documents(status="failed", collection=collection, limit=100)
    return [document["document_id"] for document in documents]


def _is_news(before: Json, document: Json) -> bool:
    """Return whether `document` shows a later attempt, or a later upload, than `before`."""
    return any(document[name] != before[name] for name in ("latest_version", "attempt"))
