"""PDF: the text layer of each page with its tables, words and boxes, headings from the outline.

A file on disk is read page by page: memory does not grow with its length. A page that shows
something but has no usable text is a scanned page, which `recognise_pages` reads. Scripts are never
run, and forms never filled in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
from pypdfium2 import raw

from chalicelib.documents.pages import Block, headed, page_of
from chalicelib.errors import Conflict, InvalidInput, Unsupported
from functions.read_document.pages import Extract
from functions.read_document.pdf.glyphs import MAX_CHARACTERS, glyphs_of
from functions.read_document.pdf.outline import Outline, outline_of, place_headings
from functions.read_document.pdf.scans import is_scanned
from functions.read_document.pdf.tables import blocks_with_tables
from functions.read_document.pdf.words import page_words

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import Page
    from chalicelib.contracts.page_words import PageWords

MEDIA_TYPE = "application/pdf"
MAX_PAGES = 5_000

_LOCKED = "The PDF is locked with a password; remove the password and upload it again."
_BROKEN = "The PDF is damaged or cut off; open and save it again, then upload it."


@dataclass(frozen=True, slots=True)
class PdfPages:
    """Some pages of a PDF, and the words of each with their boxes."""

    pages: tuple[Page, ...]
    words: tuple[PageWords, ...]


@dataclass(frozen=True, slots=True)
class PdfPlan:
    """The page count of a PDF, and the numbers, from 1, of its `pages_needing_ocr`."""

    pages: int
    pages_needing_ocr: tuple[int, ...]
    notices: tuple[str, ...] = ()


def count_pages(path: Path) -> int:
    """Return the number of pages of a PDF; raise as `plan` does."""
    with _open(path) as document:
        return _count(document)


def plan(path: Path) -> PdfPlan:
    """Return the number of pages of a PDF, and which of them are scanned.

    Raises:
        Unsupported: it is locked or has too many pages.
        InvalidInput: it is damaged.
    """
    with _open(path) as document:
        count = _count(document)
        pictures = tuple(
            number for number in range(1, count + 1) if _text_of_page(document, number) is None
        )
        return PdfPlan(count, pictures, tuple(_notices(document)))


def read_pages(path: Path, first: int, last: int) -> PdfPages:
    """Return the pages `first` to `last`, both included, counted from 1.

    A scanned page has no text.

    Raises:
        Conflict: the file has other pages than were announced.
        Unsupported, InvalidInput: as `plan` does.
    """
    with _open(path) as document:
        count = _count(document)
        if not 1 <= first <= last <= count:
            raise Conflict(f"The PDF has {count} pages; {first} to {last} were asked for.")
        outline = outline_of(document)
        read = [_read_page(document, number, outline) for number in range(first, last + 1)]
    return PdfPages(tuple(each.page for each in read), tuple(each.words for each in read))


def extract(source: bytes | Path) -> Extract:
    """Return all pages of a PDF; raise as `read` does."""
    return read(source)[0]


def read(source: bytes | Path) -> tuple[Extract, tuple[int, ...]]:
    """Return all pages of a PDF, each read once, and which of them are scanned.

    Raises:
        Conflict: not every page of the file was read.
        Unsupported, InvalidInput: as `plan` does.
    """
    with _open(source) as document:
        count = _count(document)
        outline = outline_of(document)
        read_results = [_read_page(document, number, outline) for number in range(1, count + 1)]
        notices = tuple(_notices(document))
    if len(read_results) != count:
        raise Conflict(f"The PDF has {count} pages; {len(read_results)} were read.")
    pages = tuple(each.page for each in read_results)
    words = tuple(each.words for each in read_results)
    pictures = tuple(each.page.page for each in read_results if each.is_scanned)
    return Extract(MEDIA_TYPE, pages, len(pictures), notices=notices, words=words), pictures


@contextmanager
def _open(source: Path | bytes) -> Iterator[pypdfium2.PdfDocument]:
    """Yield an open PDF.

    It uses the library's raw calls: only they attribute its last error to the file just tried.
    """
    if isinstance(source, bytes):
        handle = raw.FPDF_LoadMemDocument64(source, len(source), None)
    else:
        handle = raw.FPDF_LoadDocument(bytes(source), None)
    if not handle:
        locked = raw.FPDF_GetLastError() in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        raise Unsupported(_LOCKED, field="file") if locked else InvalidInput(_BROKEN, field="file")
    document = pypdfium2.PdfDocument(handle)
    try:
        yield document
    except pypdfium2.PdfiumError as error:
        raise InvalidInput(_BROKEN, field="file") from error
    finally:
        document.close()


def _count(document: pypdfium2.PdfDocument) -> int:
    count = len(document)
    if count < 1:
        raise InvalidInput(_BROKEN, field="file")
    if count > MAX_PAGES:
        raise Unsupported(
            f"The PDF has {count} pages; split it into files of at most {MAX_PAGES}.",
            field="file",
            limit=str(MAX_PAGES),
        )
    return count


@contextmanager
def _text_layer(
    document: pypdfium2.PdfDocument, number: int
) -> Iterator[tuple[pypdfium2.PdfPage, pypdfium2.PdfTextPage]]:
    page = document[number - 1]
    try:
        layer = page.get_textpage()
        try:
            yield page, layer
        finally:
            layer.close()
    finally:
        page.close()


def _text_of_page(document: pypdfium2.PdfDocument, number: int) -> str | None:
    """Return the text layer of a page, or None if the page is scanned."""
    with _text_layer(document, number) as (page, layer):
        text: str = layer.get_text_bounded()
        return None if is_scanned(page, text) else text


@dataclass(frozen=True, slots=True)
class _PdfPage:
    """A page with its words, and whether it is scanned: then it has none yet."""

    page: Page
    words: PageWords
    is_scanned: bool


def _read_page(document: pypdfium2.PdfDocument, number: int, outline: Outline) -> _PdfPage:
    with _text_layer(document, number) as (page, layer):
        text: str = layer.get_text_bounded()
        is_scan = is_scanned(page, text)
        glyphs = None if is_scan or _is_crowded(layer) else glyphs_of(page, layer)
        blocks: list[Block] = [] if is_scan else blocks_with_tables(page, layer, text, glyphs)
        written = page_of(number, blocks)
        words = page_words(page, number, () if is_scan else glyphs, written.text)
    placed = headed(written, place_headings(outline.get(number, []), written.text))
    return _PdfPage(placed, words, is_scan)


def _is_crowded(layer: pypdfium2.PdfTextPage) -> bool:
    """Return whether a page has too many characters to look at each."""
    return bool(raw.FPDFText_CountChars(layer) > MAX_CHARACTERS)


def _notices(document: pypdfium2.PdfDocument) -> Iterator[str]:
    """Yield notices about content of the file that is not read."""
    files = raw.FPDFDoc_GetAttachmentCount(document)
    if files > 0:
        yield f"The PDF carries files within it ({files}), which are not read."
    if raw.FPDF_GetFormType(document) > raw.FORMTYPE_NONE:
        yield "The PDF is a form; what was entered into its fields is not read."
