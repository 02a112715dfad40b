"""Pages for tests of extraction, made of words that stand where they are put."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from chalicelib.contracts.ingest import Page
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.extraction.document import SourceDocument, source_document
from chalicelib.extraction.layout.document_layout import DocumentLayout, read_layout

CHARACTER, HEIGHT = 5.0, 8.0
"""The width of a character and the height of a line, in points."""


@dataclass(slots=True)
class DrawnPage:
    """A page on which texts are put; it is as wide as A4, in points."""

    texts: list[str] = field(default_factory=list)
    words: list[WordBox] = field(default_factory=list)
    length: int = 0

    def put(self, left: float, top: float, text: str, *, right: bool = False) -> None:
        """Write a text from `left`, or up to it; each word of it has a box."""
        if right:
            left -= CHARACTER * len(text)
        at = self.length
        for word in text.split(" "):
            if any(map(str.isalnum, word)):
                end = left + CHARACTER * len(word)
                self.words.append(WordBox(at, at + len(word), left, top, end, top + HEIGHT))
            at += len(word) + 1
            left += CHARACTER * len(word) + 2.5
        self.texts.append(text)
        self.length += len(text) + 1

    def row(self, top: float, cells: Sequence[str], lefts: Sequence[float]) -> None:
        """Write the cells of a row; a negative edge is where a cell ends."""
        for cell, left in zip(cells, lefts, strict=True):
            if cell:
                self.put(abs(left), top, cell, right=left < 0)


def drawn_document(pages: Iterable[DrawnPage]) -> SourceDocument:
    """Return the document of pages, whose text is what was put on them in this order."""
    kept = list(pages)
    return source_document(
        [Page(page=n, text="\n".join(page.texts)) for n, page in enumerate(kept, 1)],
        [
            PageWords(page=n, width=595, height=842, words=tuple(page.words))
            for n, page in enumerate(kept, 1)
        ],
    )


def drawn_layout(pages: Iterable[DrawnPage]) -> DocumentLayout:
    """Return the layout of the document of drawn pages."""
    return read_layout(drawn_document(pages))


def written_layout(*texts: str) -> DocumentLayout:
    """Return the layout of pages that have a text and no boxes."""
    pages = [Page(page=number, text=text) for number, text in enumerate(texts, 1)]
    return read_layout(source_document(pages, None))
