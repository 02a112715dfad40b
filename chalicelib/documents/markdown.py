"""The text of a page as Markdown: headings, tables and lists are what they are on the page.

Everything else is escaped, so that a file brings along no HTML, no images, and no links that show
another address than theirs.
https://github.github.com/gfm/
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.documents.pages import SEPARATOR, TRAIL

MAX_LEVEL = 6

_SPECIAL = re.compile(r"[\\`*_\[\]<>&~|$]")
_IN_CELL = re.compile(r"\\\||[\\`*_\[\]<>&~$]")
_RULE = re.compile(r"\|(?: - \|)+")
_ITEM = re.compile(r"(?:[-•◦▪‣·*+]|(\d{1,9}[.)]))[ \t]+(?=\S)")
_AT_START = re.compile(r"^(\d{1,9}(?=[.)]$))?(?=[-=#+.)])")
"""The start of a line that would be a heading, a list or a rule."""

Heading = tuple[int, str]
"""The character that a heading begins at, and its title behind those above it."""


def page_markdown(text: str, headings: Sequence[Heading], start: int = 0) -> str:
    """Return the part of a page's text that begins at character `start` as Markdown.

    Args:
        text: The part.
        headings: The headings of the page, by their offset in the whole page.
        start: The offset of the part in the page.
    """
    titles = {at - start: trail for at, trail in headings}
    blocks: list[str] = []
    at = 0
    for block in text.split(SEPARATOR):
        blocks.append(_block(block, at, titles))
        at += len(block) + len(SEPARATOR)
    return SEPARATOR.join(blocks)


def code_markdown(text: str, language: str) -> str:
    """Return source code as a fenced block; the fence is longer than any in the code."""
    longest = max(map(len, re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _block(block: str, at: int, titles: dict[int, str]) -> str:
    lines: list[str] = []
    rows = block.split("\n")
    is_table = len(rows) > 1 and _RULE.fullmatch(rows[1]) is not None
    for row in rows:
        level = _level(row, titles.get(at, ""))
        if level:
            # A blank line ends a heading, and parts it from what stood before it.
            lines += ["", f"{'#' * level} {_escaped(' '.join(row.split()))}", ""]
        else:
            lines.append(_row(row) if is_table else _line(row))
        at += len(row) + 1
    return "\n".join(lines).strip("\n")


def _level(line: str, trail: str) -> int:
    """Return the level of the heading that a line is, 0 if it is none.

    A passage of a table opens under the heading above it, so that not every entry is a title.
    """
    title = " ".join(line.split())
    if not title or not trail.endswith(title):
        return 0
    above = trail.removesuffix(title)
    if above and not above.endswith(TRAIL):
        return 0
    return min(MAX_LEVEL, above.count(TRAIL) + 1)


def _row(line: str) -> str:
    if _RULE.fullmatch(line):
        return line
    cells = line.removeprefix("| ").removesuffix(" |").split(" | ")
    escaped = (_IN_CELL.sub(lambda sign: _sign_in_cell(sign.group()), cell) for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _sign_in_cell(sign: str) -> str:
    return sign if sign == "\\|" else f"\\{sign}"


def _line(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    content = line[len(indent) :]
    if item := _ITEM.match(content):
        # Deeper than a list's own indent, a line would be code.
        return f"{item[1] or '-'} {_escaped(content[item.end() :])}"
    return _AT_START.sub(_escaped_start, _escaped(content)) if content else ""


def _escaped_start(start: re.Match[str]) -> str:
    return f"{start[1] or ''}\\"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda sign: f"\\{sign.group()}", text)
