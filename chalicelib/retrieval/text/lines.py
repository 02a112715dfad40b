"""Lines of a text, with the marks by which they show its structure.

A line is told by its punctuation and indentation alone, so that the words may be of any language.
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_KEY = 60
"""The most characters of the name in a line such as `name: value`."""
_MAX_KEY_WORDS = 6
_LOOKED_AT = 240
"""The characters of a line in which its marks are looked for."""
_TAB = 8

_LINE = re.compile(r"[^\n]*\n?")
_BULLETS = r"-*+•‣◦·–—∙\u25a0-\u25ff\u2700-\u27bf\uf020-\uf0ff"  # noqa: RUF001
"""Marks of list items. The last two ranges are dingbats, and the private characters by which files
of Word and PDF have bullets of the fonts Symbol and Wingdings."""
_MARKER = re.compile(
    rf"(?:[{_BULLETS}]|\(?\d{{1,3}}[.)]|\(?[A-Za-z][)]|\(?[ivxIVX]{{2,5}}[.)])(?:[ \t]+(?=\S)|$)"
)
_FENCE = re.compile(r"(?:`{3,}|~{3,})[^`~]{0,80}")
_RULE = re.compile(r"[-=~^\"'`+*_#:.|][-=~^\"'`+*_#:.| \t]{2,}")
_SECTION = re.compile(r"\[{1,2}[^\[\]]{1,100}\]{1,2}")
_HASH = re.compile(r"#{1,6}(?:[ \t]+\S|$)")
_COMMENT = re.compile(r"(?:;+|//+|--|%+|\.\.|/\*+)[ \t]+\S")
_NAME = r"[^\s:=|<>{}#;,.!?][^:=|<>{};!?]{0,58}?"
_FIELD = re.compile(
    rf"(?::[^:\s][^:]{{0,58}}:[ \t]+(?=\S)"
    rf"|(?P<key>{_NAME})[ \t]*(?::=|:(?=[ \t])|=(?![=~>]))[ \t]*(?=\S))"
)
_KEY = re.compile(rf"(?::[^:\s][^:]{{0,58}}:|(?:{_NAME}|[^\s:]):)")
_COLUMN = re.compile(r"(?<=[^\s])(?: {2,}|\t+)(?=\S)")


class LineForm(enum.Enum):
    """How a line begins or what it consists of."""

    PROSE = enum.auto()
    ROW = enum.auto()
    ITEM = enum.auto()
    FIELD = enum.auto()
    KEY = enum.auto()
    """A name and a colon, with nothing behind it."""
    HASH = enum.auto()
    """Number signs and text: a heading, or a comment."""
    COMMENT = enum.auto()
    SECTION = enum.auto()
    QUOTE = enum.auto()
    RULE = enum.auto()
    """Punctuation only, such as the line below a title."""
    FENCE = enum.auto()


_WHOLE_LINES = (
    (LineForm.FENCE, _FENCE),
    (LineForm.RULE, _RULE),
    (LineForm.SECTION, _SECTION),
    (LineForm.KEY, _KEY),
)
_LINE_STARTS = (
    (LineForm.QUOTE, re.compile(r">(?!>>)")),
    (LineForm.ITEM, _MARKER),
    (LineForm.HASH, _HASH),
    (LineForm.COMMENT, _COMMENT),
    (LineForm.FIELD, _FIELD),
)
"""In the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line without the white space around it.

    `indent` counts columns, `gap` says that a blank line or the beginning is before it.
    """

    start: int
    end: int
    indent: int
    gap: bool
    form: LineForm
    head: str
    """Its first characters, all of them if `is_whole`."""

    @property
    def is_whole(self) -> bool:
        """Return whether `head` is the whole line."""
        return self.end - self.start == len(self.head)

    @property
    def width(self) -> int:
        """Return the column behind the line."""
        return self.indent + self.end - self.start


def text_lines(text: str) -> list[TextLine]:
    """Return the lines of `text` that have a visible character."""
    lines: list[TextLine] = []
    gap = True
    for match in _LINE.finditer(text):
        raw = match.group()
        body = raw.strip()
        if not body:
            gap = True
            continue
        lead = len(raw) - len(raw.lstrip())
        start = match.start() + lead
        head = body[:_LOOKED_AT]
        form = _form(head, body[-1], len(head) == len(body))
        lines.append(TextLine(start, start + len(body), _columns(raw[:lead]), gap, form, head))
        gap = False
    return lines


def paragraphs(lines: Sequence[TextLine]) -> Iterator[range]:
    """Yield the indices of the lines of each paragraph: lines without a blank one between them."""
    start = 0
    for at in range(1, len(lines) + 1):
        if at == len(lines) or lines[at].gap:
            yield range(start, at)
            start = at


def marker_length(head: str) -> int:
    """Return the characters of the bullet or number that a list item begins with, else 0."""
    match = _MARKER.match(head)
    return match.end() if match else 0


def key_length(head: str) -> int:
    """Return the characters of `name:` or `name =` that a line begins with, else 0."""
    match = _FIELD.match(head)
    return match.end() if match else 0


def common_column(lines: Sequence[TextLine]) -> int:
    """Return the column at which the second cell of most lines begins, 0 if there is none."""
    base = min(line.indent for line in lines)
    rows = [line for line in lines if line.indent < base + 2]
    places = Counter(place for line in rows if (place := second_column(line)))
    if not places:
        return 0
    column, count = places.most_common(1)[0]
    if count > 1 and 2 * count >= len(rows):
        return column
    hangs = len(rows) == 1 < len(lines) and all(
        abs(line.indent - column) < 2 for line in lines if line not in rows
    )
    is_option = rows[0].head[0] == "-" and rows[0].form is LineForm.PROSE
    return column if hangs or (len(rows) == 1 and is_option) else 0


def second_column(line: TextLine) -> int:
    """Return the column behind the first gap of two spaces or a tab within a line, else 0."""
    match = _COLUMN.search(line.head)
    return line.indent + match.end() if match and line.head[match.start() - 1] not in ".!?" else 0


def column_starts(line: TextLine) -> list[int]:
    """Return the offsets in `head` at which the cells behind the first begin."""
    return [match.end() for match in _COLUMN.finditer(line.head)]


def _columns(space: str) -> int:
    return len(space.expandtabs(_TAB)) if "\t" in space else len(space)


def _form(head: str, last: str, whole: bool) -> LineForm:
    """Return the form of a line by its first characters, its last, and whether those are all."""
    if head[0] == "|" == last and (len(head) > 1 or not whole):
        return LineForm.ROW
    for form, pattern in _WHOLE_LINES if whole else ():
        if pattern.fullmatch(head) and (form is not LineForm.KEY or _is_name(head)):
            return form
    for form, pattern in _LINE_STARTS:
        if (match := pattern.match(head)) and (
            form is not LineForm.FIELD or _is_name(match["key"] or "")
        ):
            return form
    return LineForm.PROSE


def _is_name(key: str) -> bool:
    return len(key.split()) <= _MAX_KEY_WORDS and ". " not in key
