"""Fill the pages of one document version that are pictures of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.ingest import Page, RecogniseRequest, RecogniseResult, spent
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.documents.pages import characters
from chalicelib.errors import Conflict, ModelFailure
from chalicelib.retrieval.ids import pages_key, version_prefix
from functions.recognise_pages.notices import notices
from functions.recognise_pages.text import RecognisedLine, confidence, text_page

if TYPE_CHECKING:
    from chalicelib.contracts.objects import ObjectStore

MAX_PAGES = 20
"""Pages that one call looks at: at 5 to 10 s for a dense one, less than its function's time."""
MAX_SECONDS = 150.0
"""After this a call begins no further page: half of the time that its function has."""
LOW_CONFIDENCE = 0.9
"""Below this, one letter in ten is doubtful, and the owner is told to look at the page."""
MUCH_MORE = 2
"""What is recognised replaces text that a page has if it is this many times as long."""


class Pictures(Protocol):
    """The pages of one open PDF, as pictures."""

    def lines(self, number: int) -> Sequence[RecognisedLine]:
        """Return what is recognised on page `number`, which counts from 1.

        Raises:
            Conflict: the file has no such page.
            ModelFailure: the page cannot be shown, or nothing usable came of it.
        """


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `open` takes a bucket and the key of a PDF."""

    objects: ObjectStore
    open: Callable[[str, str], AbstractContextManager[Pictures]]
    model: str
    clock: Callable[[], float]
    memory_gb: float


@dataclass(slots=True)
class Seen:
    """The outcomes of the pages so far."""

    recognised: list[int] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Return how many pages were looked at."""
        return len(self.recognised) + len(self.empty)


def run(request: RecogniseRequest, deps: Deps) -> RecogniseResult:
    """Recognise the text of a bounded number of pages and write `pages.jsonl` again with it.

    Repeating a call changes nothing: the same pages become the same text.

    Raises:
        Conflict: a page is not in `pages.jsonl`, or not in the PDF.
        InvalidInput, Unsupported: the PDF cannot be opened.
    """
    began = deps.clock()
    place = (request.tenant, request.document_id, request.version)
    key = pages_key(*place, request.part)
    pages = {
        page.page: page
        for page in parse_lines(deps.objects.read(request.bucket, key), Page, request.pages)
    }
    unknown = [number for number in request.recognise if number not in pages]
    if unknown:
        raise Conflict(f"Page {unknown[0]} is to be recognised, but {key} has no such page.")
    seen = Seen()
    with deps.open(request.bucket, version_prefix(*place) + "source") as pictures:
        for number in _in_time(request.recognise, deps.clock, began):
            pages[number] = _look(pages[number], pictures, seen)
    deps.objects.write(
        request.bucket, key, dump_lines(pages.values()), {"lines": str(request.pages)}
    )
    used = spent(deps.clock() - began, deps.memory_gb)
    return RecogniseResult(
        recognised=len(seen.recognised),
        still_empty=tuple(seen.empty),
        remaining=request.recognise[seen.count :],
        characters=characters(tuple(pages.values())),
        images=seen.count,
        model=deps.model,
        recognising=used.model_copy(update={"images": seen.count}),
        notices=notices(seen.recognised, seen.doubtful, seen.empty, seen.failed),
    )


def _in_time(numbers: Sequence[int], clock: Callable[[], float], began: float) -> Iterator[int]:
    """Yield as many page numbers as one call has time for, and at least one."""
    for count, number in enumerate(numbers):
        if count == MAX_PAGES or (count and clock() - began > MAX_SECONDS):
            return
        yield number


def _look(page: Page, pictures: Pictures, seen: Seen) -> Page:
    """Return `page` with the text that is recognised on it, and note what became of it."""
    try:
        lines = pictures.lines(page.page)
    except ModelFailure:
        lines = ()
        seen.failed.append(page.page)
    found = text_page(page, lines)
    kept = found if _visible(found) >= max(1, MUCH_MORE * _visible(page)) else page
    if not _visible(kept):
        seen.empty.append(page.page)
        return kept
    seen.recognised.append(page.page)
    if kept is found and confidence(lines) < LOW_CONFIDENCE:
        seen.doubtful.append(page.page)
    return kept


def _visible(page: Page) -> int:
    return len("".join(page.text.split()))
