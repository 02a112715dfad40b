"""The documents that a run asks about, and the lines of its batch that they become.

    jobs/{tenant}/{run_id}/input/00000.jsonl      the lines that were written in one step
    jobs/{tenant}/{run_id}/selected/00000.jsonl   the documents of these lines, in their order

A step writes both files of a part before its checkpoint counts the part, so that a repeat writes
them anew. What cannot be asked about is counted, and never left out silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from pydantic import AwareDatetime

from chalicelib.contracts.base import Contract
from chalicelib.contracts.batches import MAX_INPUT_BYTES, MAX_ITEMS, MAX_LINE_BYTES
from chalicelib.contracts.inbox_metadata import CORRELATION
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.jsonl import dump_lines, whole_lines
from chalicelib.errors import NotFound
from chalicelib.retrieval.ids import pages_key, version_prefix
from functions.run_schedule.document_filter import matches
from functions.run_schedule.history import DocumentHistory, SelectedDocument

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.documents import Document, Version
    from chalicelib.contracts.objects import LargeObjects
    from chalicelib.contracts.schedule_places import DocumentsSource
    from functions.run_schedule.kind import Run
    from functions.run_schedule.prompt_use import PinnedUse

SCHEDULE = "schedule"
"""The name of the metadata by which the documents that a schedule wrote are known."""
GROUP = 8
"""Documents whose texts are in memory at once, beside the lines of a part."""
PART_BYTES = 8 * 1024 * 1024
MAX_TEXT_CHARACTERS = 500_000
"""More than any variable takes: the batch itself turns a text down that is too long."""
FULL_ITEMS = MAX_ITEMS - GROUP
FULL_BYTES = MAX_INPUT_BYTES - GROUP * MAX_LINE_BYTES
PAGE_SEPARATOR = "\n\n"


class SelectionProgress(Contract):
    """Progress of a selection: the documents listed so far, and how they are counted.

    Attributes:
        begun: When the listing began.
        found: What the search found, the best first, once it was asked.
        cursor: The last document whose line was written, or "".
        is_full: Whether documents are left because a batch has no room for more.
        bytes: The size of the lines, each with its prompt.
        fresh: How many of the items no earlier run failed at.
        gone: Documents that were removed while they were selected.
    """

    begun: AwareDatetime
    found: tuple[str, ...] | None = None
    cursor: str = ""
    is_done: bool = False
    is_full: bool = False
    parts: int = 0
    items: int = 0
    bytes: int = 0
    fresh: int = 0
    rejected: int = 0
    failed: int = 0
    processing: int = 0
    without_text: int = 0
    gone: int = 0


class SelectableDocuments(Protocol):
    """The documents of tenants, their versions, and what collections declare."""

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        """Yield the tenant's documents by id, those behind the id `after` ("" for all)."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return a version, or None."""

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        """Return the declaration of a collection, or None."""


@dataclass(slots=True)
class Selector:
    """Selects documents for a run, and writes their lines, a part in a step.

    `is_late` tells whether a step has used up its time, which the listing may take alone. `traced`
    has it look up by which request each document was uploaded. `group` documents are read at once,
    and `room` of them is all that a run takes.
    """

    run: Run
    documents: SelectableDocuments
    objects: LargeObjects
    prompt: PinnedUse
    history: DocumentHistory
    progress: SelectionProgress
    is_late: Callable[[], bool]
    traced: bool = False
    group: int = GROUP
    room: int = FULL_ITEMS
    stopped_at: str = ""

    def changed(self, source: DocumentsSource) -> Iterator[SelectedDocument]:
        """Yield the documents that meet `source` and that no earlier run decided, by their ids.

        If the step is late, it ends early and leaves the place in `stopped_at`.
        """
        from chalicelib.retrieval.search.filters import compile_filter

        condition = compile_filter(source.collection, source.filter)
        after = self.progress.cursor or self.history.head.after
        for document in self.documents.documents(self.run.tenant, after):
            if not self._is_own(document) and matches(condition, document):
                self._count_status(document)
                selected = self._undecided(document)
                if selected is not None:
                    yield selected
            if self.is_late():
                self.stopped_at = document.document_id
                return

    def found(self) -> Iterator[SelectedDocument]:
        """Yield the documents that the search found, in their order, from the cursor on."""
        found, cursor = self.progress.found or (), self.progress.cursor
        for document_id in found[found.index(cursor) + 1 :] if cursor else found:
            document = self.documents.document(self.run.tenant, document_id)
            if document is None or not document.version:
                self._count("gone")
            elif not self._is_own(document):
                yield _selected(document, document.updated_at)

    def step(self, selected: Iterator[SelectedDocument]) -> SelectionProgress:
        """Write a part, and return the progress after it."""
        lines: list[bytes] = []
        written: list[SelectedDocument] = []
        began = self.progress.bytes
        with ThreadPoolExecutor(self.group) as pool:
            while not self.progress.is_done:
                group = list(islice(selected, self.group))
                for each, text in zip(group, pool.map(self._text, group), strict=True):
                    self._take(each, text, lines, written)
                self._advance(group)
                if self.progress.bytes - began >= PART_BYTES or self.is_late():
                    break
        if written:
            self._put("input", b"".join(lines))
            self._put("selected", dump_lines(written))
            self._change(parts=self.progress.parts + 1)
        return self.progress

    def _advance(self, group: Sequence[SelectedDocument]) -> None:
        is_full = self.progress.items >= self.room or self.progress.bytes >= FULL_BYTES
        last = self.stopped_at or (group[-1].document_id if group else self.progress.cursor)
        is_last = len(group) < self.group and not self.stopped_at
        self._change(cursor=last, is_full=is_full, is_done=is_full or is_last)

    def _take(
        self,
        each: SelectedDocument,
        text: tuple[str | None, str],
        lines: list[bytes],
        written: list[SelectedDocument],
    ) -> None:
        body, correlation_id = text
        if body is None:
            self._count("gone")
        elif not body.strip():
            self._count("without_text")
        else:
            line = self.prompt.line(each.document_id, body)
            lines.append(line)
            written.append(each.model_copy(update={"correlation_id": correlation_id}))
            self._change(
                items=self.progress.items + 1,
                bytes=self.progress.bytes + len(line) + self.prompt.size,
                fresh=self.progress.fresh + (not each.tries),
            )

    def _text(self, each: SelectedDocument) -> tuple[str | None, str]:
        """Return a document's text, None if it is gone, and the id of the request it came by."""
        tenant, bucket = self.run.tenant, self.run.bucket
        try:
            pieces = self.objects.stream(bucket, pages_key(tenant, each.document_id, each.version))
            text = join_pages(whole_lines(pieces))
            if not self.traced:
                return text, ""
            source = version_prefix(tenant, each.document_id, each.version) + "source"
            return text, self.objects.metadata(bucket, source).get(CORRELATION, "")
        except NotFound:
            return None, ""

    def _undecided(self, document: Document) -> SelectedDocument | None:
        pair = document.document_id, document.version
        if not document.version or pair in self.history.decided:
            return None
        tries, earliest = self.history.tries(pair), self.history.earliest
        if tries or earliest is None:
            return _selected(document, document.updated_at, tries)
        # A document also changes when a later upload is turned down: its version has the time.
        if document.updated_at < earliest:
            return None
        version = self.documents.version(self.run.tenant, *pair)
        if version is None or version.updated_at < earliest:
            return None
        return _selected(document, version.updated_at)

    def _is_own(self, document: Document) -> bool:
        """Tell whether the schedule wrote the document: it must not answer its own answers."""
        return document.metadata.get(SCHEDULE) == self.run.order.schedule

    def _count_status(self, document: Document) -> None:
        since, status = self.history.head.since, document.status
        if status in ("received", "processing"):
            self._count("processing")
        elif status != "ready" and (since is None or document.updated_at >= since):
            self._count(status)

    def _count(self, name: str) -> None:
        self._change(**{name: getattr(self.progress, name) + 1})

    def _change(self, **changes: object) -> None:
        self.progress = self.progress.model_copy(update=changes)

    def _put(self, folder: str, body: bytes) -> None:
        key = f"{self.run.prefix}{folder}/{self.progress.parts:05d}.jsonl"
        self.objects.write(self.run.bucket, key, body, {})


def join_pages(lines: Iterable[bytes]) -> str:
    """Return the text of a document, up to a few characters more than any variable takes."""
    pages: list[str] = []
    length = 0
    for line in lines:
        page = Page.model_validate_json(line)
        pages.append(page.text)
        length += len(page.text)
        if length > MAX_TEXT_CHARACTERS:
            break
    return PAGE_SEPARATOR.join(pages)


def read_selected(run: Run, parts: int, objects: LargeObjects) -> Iterator[SelectedDocument]:
    """Yield the documents that a run selected, in the order of its lines."""
    for part in range(parts):
        key = f"{run.prefix}selected/{part:05d}.jsonl"
        for line in whole_lines(objects.stream(run.bucket, key)):
            yield SelectedDocument.model_validate_json(line)


def selection_notes(progress: SelectionProgress) -> Iterator[str]:
    """Yield what a reader should know of the documents that were not asked about."""
    for count, what in (
        (progress.rejected, "rejected when it was read"),
        (progress.failed, "not read because of a failure of ours"),
        (progress.processing, "still being read, and is left to a later run"),
        (progress.without_text, "without text, and nothing was asked about it"),
        (progress.gone, "removed meanwhile"),
    ):
        if count:
            yield f"{count} {'document' if count == 1 else 'documents'}: {what}."
    if progress.is_full:
        yield "A batch has room for no more documents; the next run goes on with the others."


def _selected(document: Document, ready_at: datetime, tries: int = 0) -> SelectedDocument:
    return SelectedDocument(
        document_id=document.document_id,
        version=document.version,
        collection=document.collection,
        path=document.path,
        ready_at=ready_at,
        tries=tries,
    )
