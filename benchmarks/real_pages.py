"""Pages of real prose as PDF, DOCX and scan: entries of the dictionary of computing.

The text is that of Debian's package dict-foldoc, which `models.judged_search` reads as well. A page
holds about 2,600 characters, as a printed page of this size does.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import docx
from docx.enum.text import WD_BREAK
from fpdf import FPDF

from models.judged_search import dictd
from tests.data.formats.make_pdfs import of_scans, scanned

PAGE_CHARACTERS = 2_600
LINE_CHARACTERS = 90
"""What a paragraph takes at least, and a name."""
FEWEST_CHARACTERS = 200
"""An entry with fewer only sends the reader elsewhere."""

_PARAGRAPHS = re.compile(r"\n\s*\n")
_BRACES = str.maketrans("", "", "{}")

Page = Sequence[tuple[str, str]]
"""Entries: the name and the text of each, whose paragraphs an empty line parts."""


def pages(count: int, first: int = 0) -> list[Page]:
    """Return `count` pages of the dictionary from its page `first` on, which counts from 0.

    Raises:
        FileNotFoundError: the dictionary is not installed.
        ValueError: it has fewer pages.
    """
    if not dictd.installed("foldoc"):
        raise FileNotFoundError("The text is missing: apt-get install dict-foldoc")
    found = list(islice(paged(_entries()), first, first + count))
    if len(found) < count:
        raise ValueError(f"The dictionary has {first + len(found)} pages, not {first + count}.")
    return found


def paged(entries: Iterable[Sequence[str]]) -> Iterator[Page]:
    """Yield entries, a name and paragraphs each, by pages; a long entry continues on the next."""
    page: list[tuple[str, str]] = []
    room = PAGE_CHARACTERS
    for name, *paragraphs in entries:
        for paragraph in paragraphs:
            taken = max(len(paragraph), LINE_CHARACTERS)
            if page and taken > room:
                yield page
                page, room = [], PAGE_CHARACTERS
            if page and page[-1][0] == name:
                page[-1] = (name, f"{page[-1][1]}\n\n{paragraph}")
            else:
                page.append((name, paragraph))
                taken += LINE_CHARACTERS
            room -= taken


def _entries() -> Iterator[Sequence[str]]:
    for article in dictd.articles("foldoc"):
        name, _, body = article.text.partition("\n\n")
        told = _plain(body)
        if sum(map(len, told)) >= FEWEST_CHARACTERS:
            yield (" ".join(_plain(name)), *told)


def _plain(text: str) -> list[str]:
    """Return the paragraphs of `text` in characters that every PDF font has."""
    shown = text.translate(_BRACES).encode("latin-1", "replace").decode("latin-1")
    flat = (" ".join(paragraph.split()) for paragraph in _PARAGRAPHS.split(shown))
    return [paragraph for paragraph in flat if paragraph]


def pdf(shown: Sequence[Page]) -> bytes:
    """Return a PDF with a text layer. Raises ValueError if the text of a page does not fit."""
    made: Any = FPDF(format="A4")
    made.set_margin(18)
    for number, page in enumerate(shown, start=1):
        made.add_page()
        for name, text in page:
            made.set_font("Times", "B", 11)
            made.multi_cell(0, 5, name, new_x="LMARGIN", new_y="NEXT")
            made.set_font("Times", "", 11)
            made.multi_cell(0, 5, text, new_x="LMARGIN", new_y="NEXT")
        if made.page != number:
            raise ValueError(f"Page {number} takes more than a page.")
    return bytes(made.output())


def word(shown: Sequence[Page]) -> bytes:
    """Return a DOCX: a heading per entry, its paragraphs, and a break per page."""
    made = docx.Document()
    for number, page in enumerate(shown):
        if number:
            made.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
        for name, text in page:
            made.add_heading(name, 2)
            for paragraph in text.split("\n\n"):
                made.add_paragraph(paragraph)
    into = io.BytesIO()
    made.save(into)
    return into.getvalue()


def scan(shown: Sequence[Page]) -> bytes:
    """Return a PDF whose pages are pictures of text."""
    return of_scans(*scanned(pdf(shown)))


KINDS: Mapping[str, Callable[[Sequence[Page]], bytes]] = {"pdf": pdf, "docx": word}
