"""Sentences of a text, to the character, and rows of Markdown tables.

Tables are in passages as rows of Markdown under their header.
https://github.github.com/gfm/#tables-extension-
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_SENTENCE = 600
"""The most characters of a sentence; a longer run (a table, a log) is cut at a space."""

_END = re.compile(r"(?<![.!?])[.!?]++[\"'”’)\]]*(?=\s)|[。！？]+")  # noqa: RUF001
_PARAGRAPH = re.compile(r"(?<![ \t])(?:[ \t]*+\r?\n){2,}")
_WORD = re.compile(r"\w")
_LINE = re.compile(r"[^\n]*\n?")
_MARKER = re.compile(r"\s*(?:[-*•–|>#]|\d{1,3}[.)]\s|[A-Za-z][.)]\s)")  # noqa: RUF001
_ROW = re.compile(r"[ \t]*\|[^\n]*\|[ \t]*\n?")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|[A-Za-z]\.[A-Za-z]|mr|mrs|ms|dr|prof|st|no|nos|fig|figs|eq|sec|ch|"
    r"vol|pp|approx|vs|etc|inc|ltd|co|corp|dept|est|min|max|cf|al)\.$",
    re.IGNORECASE,
)
_SHORT_LINE = 0.75


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A range of characters, `end` exclusive."""

    start: int
    end: int


def split_sentences(text: str) -> list[TextSpan]:
    """Return the sentences of `text` in order.

    The spans do not overlap, begin and end with a visible character, and together hold every
    visible character of `text`. Blank lines, list items, headings and lines that end early also end
    a sentence; a line break inside wrapped prose does not. A row of a table is one sentence,
    whatever its cells contain.
    """
    spans: list[TextSpan] = []
    for block in _blocks(text):
        for span in _by_punctuation(text, block):
            spans.extend(_bounded(text, span))
    return spans


def _blocks(text: str) -> Iterator[TextSpan]:
    """Yield the paragraphs of `text`, cut further at each line that stands on its own."""
    start = 0
    for gap in _PARAGRAPH.finditer(text):
        yield from _lines(text, TextSpan(start, gap.start()))
        start = gap.end()
    yield from _lines(text, TextSpan(start, len(text)))


def _lines(text: str, paragraph: TextSpan) -> Iterator[TextSpan]:
    lines = [
        TextSpan(match.start(), match.end())
        for match in _LINE.finditer(text, paragraph.start, paragraph.end)
        if match.group().strip()
    ]
    if not lines:
        return
    widest = max(len(text[line.start : line.end].rstrip()) for line in lines)
    start = lines[0].start
    for line, following in itertools.pairwise(lines):
        if _stands_alone(
            text[line.start : line.end], text[following.start : following.end], widest
        ):
            yield TextSpan(start, line.end)
            start = following.start
    yield TextSpan(start, lines[-1].end)


def _stands_alone(line: str, following: str, widest: int) -> bool:
    """Return whether the writer broke the line after `line`, not the margin."""
    if _MARKER.match(following) or line.lstrip().startswith(("#", "|")):
        return True
    opens_anew = following.lstrip()[0].isupper() or following.lstrip()[0].isdigit()
    return opens_anew and len(line.rstrip()) < _SHORT_LINE * widest


def _by_punctuation(text: str, block: TextSpan) -> Iterator[TextSpan]:
    if _ROW.fullmatch(text, block.start, block.end):
        yield block
        return
    start = scanned = block.start
    has_word = False
    for match in _END.finditer(text, block.start, block.end):
        end = match.end()
        has_word = has_word or _WORD.search(text, scanned, end) is not None
        scanned = end
        if _ends_sentence(text, start, end, has_word):
            yield TextSpan(start, end)
            start, has_word = end, False
    yield TextSpan(start, block.end)


def _ends_sentence(text: str, start: int, end: int, has_word: bool) -> bool:
    if text[end - 1] != ".":
        return True
    if not has_word or _ABBREVIATION.search(text[max(start, end - 12) : end]):
        return False
    rest = text[end : end + 80].lstrip()
    return not (rest and rest[0].islower())


def _bounded(text: str, span: TextSpan) -> Iterator[TextSpan]:
    """Yield `span` without the white space around it, in pieces of a bounded length."""
    start, end = span.start, span.end
    while True:
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if start == end:
            return
        if end - start <= MAX_SENTENCE:
            yield TextSpan(start, end)
            return
        cut = _cut(text, start)
        yield TextSpan(start, cut)
        start = cut


def _cut(text: str, start: int) -> int:
    """Return where to cut an overlong sentence: after a visible character."""
    limit = start + MAX_SENTENCE
    for cut in range(limit, start + MAX_SENTENCE // 2, -1):
        if text[cut].isspace() and not text[cut - 1].isspace():
            return cut
    while text[limit - 1].isspace():
        limit -= 1
    return limit


_RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")


_HEAD = 2
"""Rows of a table before its first values: the header and the rule."""


_BETWEEN = re.compile(r"(?<!\\)\|")


def is_row(text: str) -> bool:
    """Return whether `text` is one row of a table."""
    return len(text) > 1 and text[0] == text[-1] == "|" and "\n" not in text


def is_rule(text: str) -> bool:
    """Return whether `text` is the row of dashes between a header and its rows."""
    return _RULE.fullmatch(text) is not None


def table_header(text: str, row: TextSpan) -> TextSpan | None:
    """Return the header of the table that has a row at `row` of `text`.

    The header is the first row of the table if the second one is a rule: a row of dashes further
    down is a row like the others. None if the row is the header, the rule, or no row; or if the
    table in `text` begins without a header.
    """
    if not is_row(text[row.start : row.end]):
        return None
    above: list[TextSpan] = []
    end = row.start
    while (line := _line_before(text, end)) is not None:
        above.append(line)
        end = line.start
    if len(above) < _HEAD:
        return None
    rule, header = above[-2], above[-1]
    return header if is_rule(text[rule.start : rule.end]) else None


def is_table_header(text: str, row: TextSpan) -> bool:
    """Return whether the row of `text` at `row` names the columns of the rows that follow."""
    first = is_row(text[row.start : row.end]) and _line_before(text, row.start) is None
    return first and is_rule(text[row.end :].lstrip().partition("\n")[0].rstrip())


def describe_row(header: str, row: str) -> str:
    """Return a row with the name of its column before each cell: `Month: March; MWh: 214`.

    Empty cells are left out, and a cell without a column name stands alone.
    """
    names, cells = _cells(header), _cells(row)
    names += [""] * (len(cells) - len(names))
    pairs = zip(names, cells, strict=False)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)


def _line_before(text: str, end: int) -> TextSpan | None:
    """Return the row that ends right before `end`, None if no row does."""
    if not end:
        return None
    stop = len(text[:end].rstrip())
    start = text.rfind("\n", 0, stop) + 1
    while start < stop and text[start].isspace():
        start += 1
    parted = text.count("\n", stop, end) > 1
    return None if parted or not is_row(text[start:stop]) else TextSpan(start, stop)


def _cells(row: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in _BETWEEN.split(row)[1:-1]]
