"""HTML: the text that a reader sees, with its headings and its tables."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from chalicelib.documents.pages import Block
from chalicelib.documents.tables import table_blocks
from functions.read_document.text.html_depth import check_nesting

MAX_COLUMN_SPAN = 100


MAX_ROW_SPAN = 1_000


MAX_SPANNED = 100_000
"""The most columns left empty for spanning cells; others are read as if they did not span."""


MAX_INDENTED = 2_000
"""The most characters of preformatted text that is indented as code; longer text is a document."""


INDENT = "    "


_CELLS = ("td", "th")


@dataclass(slots=True)
class DataTable:
    """Collects the cells of a table. A spanning cell is in its first column and row."""

    table: LexborNode
    rows: list[list[str]] = field(default_factory=list)
    caption: str = ""
    are_named: bool = True
    """Whether each row so far is a header cell and a value."""
    _row: list[str] = field(default_factory=list)
    _tags: list[str] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _spanned: dict[int, int] = field(default_factory=dict)
    """For each column, how many rows a cell above still covers."""
    _left: int = 0

    def text(self, text: str) -> None:
        self._text.append(text)

    def enter(self, node: LexborNode) -> None:
        """Separate texts whose elements are separate on the screen."""
        self._text.append(" ")
        if node.tag in _CELLS:
            self._fill()
            self._text.clear()

    def leave(self, node: LexborNode) -> None:
        self._text.append(" ")
        if node.tag in _CELLS:
            self._end_cell(node)
        elif node.tag == "caption":
            self.caption = " ".join("".join(self._text).split())
            self._text.clear()
        elif node.tag == "tr":
            self._fill()
            self.rows.append(self._row)
            if self._tags:
                self.are_named = self.are_named and self._tags == ["th", "td"]
            self._row, self._tags = [], []

    def blocks(self) -> list[Block]:
        """Return the caption and the table; one of a single column is paragraphs."""
        caption = [Block(self.caption)] if self.caption else []
        if max(map(len, self.rows), default=0) < 2:
            return caption + [Block(text) for row in self.rows for text in row if text]
        rows = self.rows
        if self.are_named:
            rows = [[f"{row[0].rstrip(':')}:", *row[1:]] for row in rows if any(row)]
        return caption + table_blocks(rows)

    def _end_cell(self, node: LexborNode) -> None:
        columns = _span_of(node.attributes.get("colspan"), MAX_COLUMN_SPAN)
        rows = _span_of(node.attributes.get("rowspan"), MAX_ROW_SPAN)
        self._left += columns - 1
        if self._left > MAX_SPANNED:
            columns = 1
        for at in range(len(self._row), len(self._row) + columns):
            if rows > 1:
                self._spanned[at] = rows - 1
        self._tags.append(node.tag or "")
        self._row += [" ".join("".join(self._text).split()), *[""] * (columns - 1)]
        self._text.clear()

    def _fill(self) -> None:
        """Leave the columns empty that a cell above covers."""
        while self._left <= MAX_SPANNED and (left := self._spanned.get(len(self._row), 0)) > 0:
            self._spanned[len(self._row)] = left - 1
            self._row.append("")
            self._left += 1


def holds_data(table: LexborNode) -> bool:
    """Return whether a table holds data: two rows or more, and no table within it."""
    waiting = [table.child]
    rows = 0
    while waiting:
        node = waiting.pop()
        while node is not None:
            if node.tag == "table":
                return False
            rows += node.tag == "tr"
            waiting.append(node.child)
            node = node.next
    return rows > 1


def _span_of(text: str | None, limit: int) -> int:
    """Return the span that an attribute asks for, from 1 to `limit`."""
    value = text or ""
    return min(max(int(value), 1), limit) if value.isdecimal() and len(value) < 20 else 1


_UNSEEN = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "head",
        "iframe",
        "object",
        "embed",
        "svg",
        "math",
        "canvas",
        "audio",
        "video",
        "select",
        "datalist",
        "textarea",
        "-comment",
    ]
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "legend",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
_SPACES = re.compile(r"\s+")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


@dataclass(slots=True)
class _BlockWriter:
    """Collects text into blocks."""

    blocks: list[Block] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    preformatted: bool = False
    marker: str = ""
    term: str = ""
    """A term of a list of definitions, until its text is read."""
    table: DataTable | None = None

    def text(self, text: str) -> None:
        """Add text as it is displayed: a run of white space is one space, except in `pre`."""
        self.pieces.append(text if self.preformatted else _SPACES.sub(" ", text))

    def end_block(self, level: int = 0) -> None:
        text = "".join(self.pieces)
        self.pieces.clear()
        if not self.preformatted:
            text = "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()
        elif len(text) <= MAX_INDENTED:
            text = textwrap.indent(text, INDENT)
        if text.strip():
            if self.term and not level:
                text = f"{self.term}\n{textwrap.indent(self.marker + text.strip(), INDENT)}"
                self.marker = self.term = ""
            self.end_term()
            self.blocks.append(Block(self.marker + text, level))
            self.marker = ""

    def begin_definition(self) -> None:
        """Keep the text so far as the term of the definition that follows."""
        text = " ".join("".join(self.pieces).split())
        self.pieces.clear()
        self.term = f"{self.term}\n{text}".strip() if text else self.term

    def end_term(self) -> None:
        """Add a term that has no text of its own."""
        if self.term:
            self.blocks.append(Block(self.term))
            self.term = ""


def blocks(text: str) -> list[Block]:
    """Return the visible text of an HTML document in blocks.

    Raises `InvalidInput` if it nests too deep to be parsed in time.
    """
    check_nesting(text)
    writer = _BlockWriter()
    root = LexborHTMLParser(text).root
    if root is None:
        return []
    for node, entering in _walk(root):
        if writer.table is not None:
            _take_cell(writer, writer.table, node, entering)
        elif node.tag == "-text":
            writer.text(node.text_content or "")
        elif entering:
            _enter(writer, node)
        else:
            _leave(writer, node.tag or "")
    writer.end_block()
    writer.end_term()
    return writer.blocks


def _take_cell(writer: _BlockWriter, table: DataTable, node: LexborNode, entering: bool) -> None:
    if node.tag == "-text":
        table.text(node.text_content or "")
    elif entering:
        table.enter(node)
    elif node == table.table:
        writer.blocks.extend(table.blocks())
        writer.table = None
    else:
        table.leave(node)


def _enter(writer: _BlockWriter, node: LexborNode) -> None:
    tag = node.tag or ""
    if tag in _BLOCKS:
        writer.end_block()
    if tag == "table" and holds_data(node):
        writer.end_term()
        writer.table = DataTable(node)
    elif tag == "pre":
        writer.preformatted = True
    elif tag == "br":
        writer.pieces.append("\n")
    elif tag == "li":
        writer.marker = "- "
    elif tag in ("td", "th") and writer.pieces:
        writer.pieces.append(" | ")


def _leave(writer: _BlockWriter, tag: str) -> None:
    if tag == "dt":
        writer.begin_definition()
    elif tag in _BLOCKS:
        writer.end_block(_HEADINGS.get(tag, 0))
    if tag == "dl":
        writer.end_term()
    if tag == "pre":
        writer.preformatted = False
    elif tag == "li":
        writer.marker = ""


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Yield each visible node when it is entered and, if it is an element, when it is left.

    A loop and not a recursion, since a hostile page could exhaust Python's stack.
    """
    stack: list[tuple[LexborNode, bool]] = [(root, True)]
    while stack:
        node, entering = stack.pop()
        yield node, entering
        if not entering or node.tag == "-text":
            continue
        stack.append((node, False))
        children: list[tuple[LexborNode, bool]] = []
        child = node.child
        while child is not None:
            if not _is_unseen(child):
                children.append((child, True))
            child = child.next
        stack.extend(reversed(children))


def _is_unseen(node: LexborNode) -> bool:
    tag = node.tag or ""
    if tag == "-text":
        return False
    if tag in _UNSEEN or tag.startswith("!"):
        return True
    attributes = node.attributes
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return "hidden" in attributes or "display:none" in style
