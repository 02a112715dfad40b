"""The layout of a document, read page by page as it is asked for."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.extraction.layout.blocks import LayoutBlock, page_blocks
from chalicelib.extraction.layout.entries import entry_tables
from chalicelib.extraction.layout.labels import (
    LabelContext,
    TableLabels,
    heading_of,
    labels_beside,
    nearest,
)
from chalicelib.extraction.layout.lines import LayoutLine, PageLines, page_lines
from chalicelib.extraction.layout.tables import LayoutTable, tables_of

if TYPE_CHECKING:
    from chalicelib.extraction.document import SourceDocument, Span

KEPT_PAGES = 8
"""Pages whose lines are kept in memory."""


@dataclass(slots=True)
class DocumentLayout:
    """Layout of a document, read by page; the lines of a few pages are kept in memory."""

    document: SourceDocument
    _pages: OrderedDict[int, PageLines] = field(default_factory=OrderedDict)
    _tables: tuple[LayoutTable, ...] | None = None
    _table_labels: TableLabels | None = None
    _entries: tuple[LayoutTable, ...] | None = None

    def page_lines(self, page: int) -> PageLines:
        """Return the lines of a page, and the words that are in none.

        Raises:
            NotFound: the document has no such page.
        """
        if page in self._pages:
            self._pages.move_to_end(page)
            return self._pages[page]
        read = self._pages[page] = page_lines(self.document.page(page))
        if len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        return read

    def lines(self, page: int) -> tuple[LayoutLine, ...]:
        """Return the lines of a page from the top; raise as `page_lines` does."""
        return self.page_lines(page).lines

    def blocks(self, page: int) -> tuple[LayoutBlock, ...]:
        """Return the blocks of a page; raise as `page_lines` does."""
        return page_blocks(self.page_lines(page))

    def texts(self, page: int) -> tuple[LayoutBlock, ...]:
        """Return the blocks of a page, those in tables too; raise as `page_lines` does."""
        return page_blocks(self.page_lines(page), in_tables=True)

    def labels(self, span: Span) -> tuple[LabelContext, ...]:
        """Return what may name the value at `span`, the nearest first; raise as `lines` does."""
        read = self.page_lines(span.page)
        heading = heading_of(read, span)
        if self._table_labels is None:
            self._table_labels = TableLabels(self.tables())
        in_table = self._table_labels.of(span)
        return nearest([*labels_beside(read, span), *in_table, *([heading] if heading else [])])

    def tables(self) -> tuple[LayoutTable, ...]:
        """Return the tables of the document, each joined over the pages that it covers."""
        if self._tables is None:
            pages = (self.page_lines(page.number) for page in self.document.pages)
            self._tables = tuple(tables_of(pages))
        return self._tables

    def entries(self) -> tuple[LayoutTable, ...]:
        """Return the entries of labelled lines of the document as tables."""
        if self._entries is None:
            pages = (self.page_lines(page.number) for page in self.document.pages)
            self._entries = tuple(entry_tables(pages))
        return self._entries


def read_layout(document: SourceDocument) -> DocumentLayout:
    """Return the layout of a document, of which nothing is read before it is asked for."""
    return DocumentLayout(document)
