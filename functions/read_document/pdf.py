"""PDF: the text layer of each page, with headings from the outline.

A page that shows something but has no text is a picture of text: it is counted as needing OCR.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2
from pypdfium2 import raw

from chalicelib.contracts import Page
from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.pages import Extract, clean, trail_text

MAX_PAGES = 5_000

_HYPHEN_AT_LINE_END = re.compile("[\ufffe\x02](?:\r?\n)?")
_LOCKED = "The PDF is locked with a password; remove the password and upload it again."
_BROKEN = "The PDF is damaged or cut off; open and save it again, then upload it."

Outline = dict[int, list[tuple[str, str]]]
"""By page index: the title of a heading and its whole trail, in the order of the outline."""


def extract(data: bytes) -> Extract:
    """Return the pages of a PDF.

    Raises:
        Unsupported: it is locked, has too many pages, or no page has a text layer.
        InvalidInput: it is damaged.
    """
    with _opened(data) as document:
        count = len(document)
        if count > MAX_PAGES:
            raise Unsupported(
                f"The PDF has {count} pages; split it into files of at most {MAX_PAGES}.",
                field="file",
                limit=str(MAX_PAGES),
            )
        outline = _outline(document)
        read = [_read(document, index, outline) for index in range(count)]
    pages = tuple(page for page, _ in read)
    needing_ocr = sum(needs for _, needs in read)
    if needing_ocr and not any(page.text for page in pages):
        raise Unsupported(
            f"The PDF needs OCR: none of its {count} pages has a text layer, so there is nothing"
            " to read. Upload it with a text layer, for example from a scanner that adds one.",
            field="file",
        )
    return Extract("application/pdf", pages, needing_ocr)


@contextmanager
def _opened(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        refusal = Unsupported(_LOCKED, field="file") if locked else None
        raise refusal or InvalidInput(_BROKEN, field="file") from error
    try:
        yield document
    except pypdfium2.PdfiumError as error:
        raise InvalidInput(_BROKEN, field="file") from error
    finally:
        document.close()


def _read(document: pypdfium2.PdfDocument, index: int, outline: Outline) -> tuple[Page, bool]:
    """Return a page, and whether it needs OCR."""
    page = document[index]
    try:
        text_page = page.get_textpage()
        text = clean(_HYPHEN_AT_LINE_END.sub("", text_page.get_text_bounded()))
        text_page.close()
        shows_something = raw.FPDFPage_CountObjects(page) > 0
    finally:
        page.close()
    headings = _place(outline.get(index, []), text)
    needs_ocr = shows_something and not text.strip()
    return Page(page=index + 1, text=text, headings=headings), needs_ocr


def _outline(document: pypdfium2.PdfDocument) -> Outline:
    outline: Outline = {}
    trail: list[str] = []
    for bookmark in document.get_toc():
        destination = bookmark.get_dest()
        title = " ".join(clean(bookmark.get_title()).split())
        del trail[bookmark.level :]
        trail.append(title)
        index = destination.get_index() if destination else None
        if title and index is not None:
            outline.setdefault(index, []).append((title, trail_text(trail)))
    return outline


def _place(entries: list[tuple[str, str]], text: str) -> tuple[tuple[int, str], ...]:
    """Return where on the page each heading stands; one that is not found heads what follows."""
    placed: list[tuple[int, str]] = []
    after = 0
    for title, trail in entries:
        found = text.find(title, after)
        start = found if found >= 0 else after
        placed.append((start, trail))
        after = start + len(title) if found >= 0 else start
    return tuple(placed)
