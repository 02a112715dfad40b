"""HTML: the text that a reader sees, with its headings.

Elements that start a line on the screen start a block here; what is hidden or not text is left
out. `pre` keeps its spaces, and a table that holds data its rows and columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from functions.read_document.html_tables import DataTable, holds_data
from functions.read_document.nesting import check_nesting
from functions.read_document.pages import Block

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
class _Writer:
    """Collects text into blocks."""

    blocks: list[Block] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    preformatted: bool = False
    marker: str = ""
    table: DataTable | None = None

    def text(self, text: str) -> None:
        """Take text as it is shown: a run of white space is one space, except in `pre`."""
        self.pieces.append(text if self.preformatted else _SPACES.sub(" ", text))

    def end_block(self, level: int = 0) -> None:
        text = "".join(self.pieces)
        self.pieces.clear()
        if not self.preformatted:
            text = "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()
        if text.strip():
            self.blocks.append(Block(self.marker + text, level))
            self.marker = ""


def blocks(text: str) -> list[Block]:
    """Return the visible text of an HTML document in blocks.

    Raises `InvalidInput` where it nests too deep to be parsed in time.
    """
    check_nesting(text)
    writer = _Writer()
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
    return writer.blocks


def _take_cell(writer: _Writer, table: DataTable, node: LexborNode, entering: bool) -> None:
    if node.tag == "-text":
        table.text(node.text_content or "")
    elif entering:
        table.enter(node)
    elif node == table.table:
        writer.blocks.extend(table.blocks())
        writer.table = None
    else:
        table.leave(node)


def _enter(writer: _Writer, node: LexborNode) -> None:
    tag = node.tag or ""
    if tag in _BLOCKS:
        writer.end_block()
    if tag == "table" and holds_data(node):
        writer.table = DataTable(node)
    elif tag == "pre":
        writer.preformatted = True
    elif tag == "br":
        writer.pieces.append("\n")
    elif tag == "li":
        writer.marker = "- "
    elif tag in ("td", "th") and writer.pieces:
        writer.pieces.append(" | ")


def _leave(writer: _Writer, tag: str) -> None:
    if tag in _BLOCKS:
        writer.end_block(_HEADINGS.get(tag, 0))
    if tag == "pre":
        writer.preformatted = False
    elif tag == "li":
        writer.marker = ""


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Yield each visible node when it is entered and, if it is an element, when it is left.

    A loop and not a recursion, which a hostile page could take to the end of Python's stack.
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
