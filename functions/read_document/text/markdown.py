"""Markdown: its text without the marks, with its headings."""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from chalicelib.documents.pages import Block
from chalicelib.documents.tables import table_blocks
from chalicelib.errors import InvalidInput
from functions.read_document.text import html

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_DEFINITION = re.compile(r"^:[ \t]+", re.MULTILINE)
"""The beginning of a definition below its term, as PHP Markdown Extra and Pandoc write it."""

MAX_DEPTH = 64
"""The deepest nesting of quotations and lists; the parser would drop deeper content."""


@functools.cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"maxNesting": MAX_DEPTH + 1}).enable("table")


@dataclass(slots=True)
class _BlockWriter:
    """Collects blocks from the parser's tokens."""

    blocks: list[Block] = field(default_factory=list)
    level: int = 0
    marker: str = ""
    row: list[str] | None = None
    rows: list[list[str]] = field(default_factory=list)

    def take(self, token: Token) -> None:
        if token.type == "heading_open":
            self.level = int(token.tag[1])
        elif token.type == "heading_close":
            self.level = 0
        elif token.type == "list_item_open":
            self.marker = f"{token.info}{token.markup} " if token.info else "- "
        elif token.type == "tr_open":
            self.row = []
        elif token.type == "tr_close":
            self.rows.append(self.row or [])
            self.row = None
        elif token.type == "table_close":
            self.blocks.extend(table_blocks(self.rows))
            self.rows = []
        elif token.type in ("fence", "code_block"):
            self.blocks.append(Block(textwrap.indent(token.content.rstrip("\n"), html.INDENT)))
        elif token.type == "html_block":
            self.blocks.extend(html.blocks(token.content))
        elif token.type == "inline":
            is_defined = _DEFINITION.search(token.content) is not None
            text = _visible_text(token.children or (), "\n" if is_defined else " ")
            self._inline(_DEFINITION.sub(html.INDENT, text))

    def _inline(self, text: str) -> None:
        if self.row is not None:
            self.row.append(text)
            return
        above = self.blocks[-1] if self.blocks else None
        if text.startswith(html.INDENT) and above and not above.level and "\n" not in above.text:
            self.blocks[-1] = Block(f"{above.text}\n{text}")
            return
        self.blocks.append(Block(self.marker + text, self.level))
        self.marker = ""


def blocks(text: str) -> list[Block]:
    """Return the text of a Markdown document in blocks.

    Raises:
        InvalidInput: its quotations and lists nest too deep.
    """
    writer = _BlockWriter()
    text = text.replace("\r\n", "\n")
    front = _FRONT_MATTER.match(text)
    if front:
        writer.blocks.append(Block(front.group(1)))
        text = text[front.end() :]
    for token in _parser().parse(text):
        if token.level >= MAX_DEPTH:
            raise InvalidInput(
                f"The file nests its quotations and lists more than {MAX_DEPTH} levels deep; a"
                " list and its entry are one each.",
                field="file",
                limit=str(MAX_DEPTH),
            )
        writer.take(token)
    return writer.blocks


def _visible_text(tokens: Sequence[Token], line_end: str = " ") -> str:
    """Return the visible text of inline tokens: no marks, no tags, no addresses."""
    pieces: list[str] = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            pieces.append(token.content)
        elif token.type == "softbreak":
            pieces.append(line_end)
        elif token.type == "hardbreak":
            pieces.append("\n")
        elif token.type == "image":
            pieces.append(_visible_text(token.children or ()))
    return "".join(pieces)
