"""Tables that the text itself tells, as rows of Markdown: their titles, headers and continuations.

Ingest writes a long table in blocks that each repeat its first row, and a wide one in groups of
columns that each repeat its first column. The first row may be a title over all columns, or, on
a further page, a row like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.layout.table_lines import TablePart, placed_line

if TYPE_CHECKING:
    from chalicelib.extraction.document import DocumentPage
    from chalicelib.extraction.layout.segments import TableSegment
    from chalicelib.extraction.layout.table_lines import PlacedLine
    from chalicelib.extraction.layout.table_parts import JoinedTable

_MIN_NUMBERS = 2
"""Numbers like those below in the first row of a written table, if it is no header."""
_NEARLY = 0.9
"""Share of the rows whose cells have digits in a column that tells rows from headers."""


def written_part(segment: TableSegment, page: DocumentPage) -> TablePart:
    """Return a written table with its lines in columns; a title over all of them is `above`."""
    lines = [placed_line(segment, line, page) for line in segment.lines]
    width, first = len(segment.bands), 0
    while (
        first + 1 < len(lines)
        and len(lines[first].filled) < 2 < width
        and 2 * len(lines[first + 1].filled) > width
    ):
        first += 1
    body = first if _is_row(lines[first], lines[first + 1 :]) else first + 1
    above, header = tuple(lines[:first]), tuple(lines[first:body])
    return TablePart(segment, (), above, header, tuple(lines[body:]), True)


def continuation(table: JoinedTable, part: TablePart) -> TablePart | None:
    """Return a part as it goes on with a written table, None if it does not.

    Its header is then what it repeats, and its body the further rows.
    """
    if len(table.bands) != len(part.segment.bands):
        same = bool(table.titles) and table.titles == _texts(part.header)
        return part if same else None
    if part.above and _texts(part.above) == table.captions and not _is_header(table, part):
        # Only the title is repeated: what was taken for a header is the first row below it.
        return replace(part, header=(), body=(*part.header, *part.body))
    if part.segment.page == table.last_page and table.opening:
        if _texts(part.header) == table.opening:
            return part
        if not part.header and _texts(part.body[:1]) == table.opening:
            return replace(part, header=part.body[:1], body=part.body[1:])
    if table.titles == _texts(part.header):
        return part
    if part.segment.page == table.last_page + 1 and _goes_on(table, part):
        return replace(part, header=(), body=(*part.header, *part.body))
    return None


def _texts(lines: Sequence[PlacedLine]) -> frozenset[str]:
    return frozenset(plain(line.text) for line in lines)


def plain(text: str) -> str:
    """Return a text as it is compared with others: without case, with single spaces."""
    return " ".join(text.casefold().split())


def _is_header(table: JoinedTable, part: TablePart) -> bool:
    return bool(table.titles) and table.titles == _texts(part.header)


def _goes_on(table: JoinedTable, part: TablePart) -> bool:
    """Return whether a part on the next page begins with a row, and not with a header.

    In columns whose cells nearly all have digits and whose titles have none, it has digits.
    """
    if not table.header or not part.header:
        return False
    titled = {at for line in table.header for at, cell in line.cells if not _has_digit(cell.text)}
    digits = [0] * len(table.bands)
    for line in table.lines:
        for at, cell in line.cells:
            digits[at] += _has_digit(cell.text)
    told = [at for at in titled if digits[at] >= _NEARLY * len(table.lines) > 0]
    first = dict(part.header[0].cells)
    return bool(told) and all(at in first and _has_digit(first[at].text) for at in told)


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _is_row(first: PlacedLine, below: Sequence[PlacedLine]) -> bool:
    """Return whether the first row of a written table is one of its rows, and no header.

    It has numbers of the same form in the same columns, two of them at least.
    """
    forms: dict[int, list[str]] = {}
    for line in below:
        for at, cell in line.cells:
            forms.setdefault(at, []).append(_form(cell.text))
    usual = {at: max(set(each), key=each.count) for at, each in forms.items()}
    own = {at: _form(cell.text) for at, cell in first.cells}
    numbers = [at for at, form in own.items() if form]
    same = sum(usual.get(at) == own[at] for at in numbers)
    return same >= _MIN_NUMBERS and all(bool(usual.get(at)) == bool(own[at]) for at in own)


def _form(text: str) -> str:
    """Return whether a text is a whole number, one with more, or "" if it is none."""
    if not is_number(text):
        return ""
    return "whole" if text.strip().isdecimal() else "parted"
