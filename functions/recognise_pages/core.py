"""Recognise the text of pages that are pictures, of one document version."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from chalicelib.contracts.ingest import Page, RecogniseRequest, RecogniseResult, spent
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.documents.pages import characters
from chalicelib.errors import Conflict, ModelFailure, NotFound
from chalicelib.retrieval.ids import pages_key, version_prefix, words_key
from functions.recognise_pages.descriptions import below_description, without_description
from functions.recognise_pages.notices import notices
from functions.recognise_pages.text import RecognisedLine, confidence, text_page, words_of

if TYPE_CHECKING:
    from chalicelib.contracts.objects import ObjectStore

MAX_PAGES = 20
"""The most pages of one call: at 5 to 10 s for a dense one, within its function's time."""
MAX_SECONDS = 150.0
"""After this a call begins no further page: half of the time that its function has."""
LOW_CONFIDENCE = 0.9
"""Confidence below which one letter in ten is doubtful; the owner is told to check the page."""
MUCH_MORE = 2
"""Recognised text replaces the text of a page if it is this many times as long."""


PageLine = TypeVar("PageLine", Page, PageWords)
"""A line of a file that has one for each page."""


class Pictures(Protocol):
    """The pages of one open PDF or picture, as images."""

    def lines(self, number: int) -> Sequence[RecognisedLine]:
        """Return the lines recognised on page `number`, counted from 1.

        Boxes of words are in the unit of the page's size in `words.jsonl`: in points of a PDF, and
        in pixels of a picture.

        Raises:
            Conflict: the file has no such page.
            InvalidInput: the page is damaged.
            ModelFailure: the page cannot be rendered, or the result is unusable.
        """


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `open` takes a bucket, a key, and whether a picture is there."""

    objects: ObjectStore
    open: Callable[[str, str, bool], AbstractContextManager[Pictures]]
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
        """Return the number of pages that were processed."""
        return len(self.recognised) + len(self.empty)


def run(request: RecogniseRequest, deps: Deps) -> RecogniseResult:
    """Recognise a bounded number of pages; rewrite `pages.jsonl` and `words.jsonl` with their text.

    Idempotent: the same pages give the same text.

    Raises:
        Conflict: a page is not in `pages.jsonl`, or not in the PDF.
        InvalidInput, Unsupported: the file cannot be opened, or a picture is damaged.
    """
    began = deps.clock()
    place = (request.tenant, request.document_id, request.version)
    pages = _lines_by_page(request, pages_key(*place, request.part), Page, deps.objects)
    words = _words_by_page(request, deps.objects)
    unknown = [number for number in request.recognise if number not in pages]
    if unknown:
        raise Conflict(f"Page {unknown[0]} is to be recognised, but is not in the pages' text.")
    outcomes = Seen()
    source = version_prefix(*place) + "source"
    with deps.open(request.bucket, source, request.picture) as pictures:
        for number in _in_time(request.recognise, deps.clock, began):
            pages[number], found = _look(pages[number], pictures, outcomes)
            if number in words and found is not None:
                words[number] = _with_words(words[number], found)
    for key, lines in (
        (words_key(*place, request.part), tuple(words.values())),
        (pages_key(*place, request.part), tuple(pages.values())),
    ):
        if lines:
            facts = {"lines": str(request.pages)}
            deps.objects.write(request.bucket, key, dump_lines(lines), facts)
    used = spent(deps.clock() - began, deps.memory_gb)
    return RecogniseResult(
        recognised=len(outcomes.recognised),
        still_empty=tuple(outcomes.empty),
        remaining=request.recognise[outcomes.count :],
        characters=characters(tuple(pages.values())),
        images=outcomes.count,
        model=deps.model,
        recognising=used.model_copy(update={"images": outcomes.count}),
        notices=notices(
            outcomes.recognised,
            outcomes.doubtful,
            outcomes.empty,
            outcomes.failed,
            picture=request.picture and request.pages == 1,
        ),
    )


def _in_time(numbers: Sequence[int], clock: Callable[[], float], began: float) -> Iterator[int]:
    """Yield as many page numbers as one call has time for, at least one."""
    for count, number in enumerate(numbers):
        if count == MAX_PAGES or (count and clock() - began > MAX_SECONDS):
            return
        yield number


def _lines_by_page(
    request: RecogniseRequest, key: str, kind: type[PageLine], objects: ObjectStore
) -> dict[int, PageLine]:
    body = objects.read(request.bucket, key)
    return {line.page: line for line in parse_lines(body, kind, request.pages)}


def _words_by_page(request: RecogniseRequest, objects: ObjectStore) -> dict[int, PageWords]:
    """Return the words of each page; none of a version that was read before words were kept."""
    key = words_key(request.tenant, request.document_id, request.version, request.part)
    try:
        return _lines_by_page(request, key, PageWords, objects)
    except NotFound:
        return {}


def _with_words(page: PageWords, found: tuple[WordBox, ...]) -> PageWords:
    """Return a page with words that were recognised, to a tenth of a point and a hundredth."""
    return page.model_copy(
        update={
            "words": tuple(
                WordBox(
                    word.start,
                    word.end,
                    round(max(0.0, word.left), 1),
                    round(max(0.0, word.top), 1),
                    round(min(page.width, word.right), 1),
                    round(min(page.height, word.bottom), 1),
                    None if word.confidence is None else round(word.confidence, 2),
                )
                for word in found
            )
        }
    )


def _look(page: Page, pictures: Pictures, seen: Seen) -> tuple[Page, tuple[WordBox, ...] | None]:
    """Return `page` with the text recognised on it, and its words; record its outcome.

    The words are None if the page keeps the text that it had.
    """
    try:
        lines = pictures.lines(page.page)
    except ModelFailure:
        lines = ()
        seen.failed.append(page.page)
    own = without_description(page)
    recognised = text_page(own, lines)
    is_better = _visible(recognised) >= max(1, MUCH_MORE * _visible(own))
    if not is_better and not _visible(own):
        seen.empty.append(page.page)
        return page, None
    seen.recognised.append(page.page)
    if is_better and confidence(lines) < LOW_CONFIDENCE:
        seen.doubtful.append(page.page)
    if not is_better:
        return page, None
    return below_description(page, recognised, words_of(recognised, lines))


def _visible(page: Page) -> int:
    return len("".join(page.text.split()))
