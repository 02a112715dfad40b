"""Rows that are no table: entries of one or several lines, each with an amount at its edge.

The lines of one entry have the same parts in each: a number before the text, the text, further
numbers such as a count and a price, and the amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.document import Span
from chalicelib.extraction.layout.amount_lines import AmountLine, amount_lines
from chalicelib.extraction.layout.tables import (
    LayoutTable,
    RowKind,
    TableCell,
    TableColumn,
    TableExtent,
    TableRow,
)
from chalicelib.extraction.line_runs import (
    APART,
    MAX_WRAPS,
    LineRun,
    line_runs,
    line_step,
    usual_step,
)

if TYPE_CHECKING:
    from chalicelib.extraction.layout.document_layout import DocumentLayout
    from chalicelib.extraction.layout.lines import LineCell
    from chalicelib.extraction.line_runs import Number

_WORDS = 3
"""Letters of a text that says what an item is; a unit or a sign has fewer."""
_LED = 0.2
"""Share of the rows that begin with a number, from which on it is a column."""
_LEADING = 1.25
"""Distance of two lines of a text, in their heights."""
_MAX_NUMBERS, _PAIR = 3, 2
_TOKEN = re.compile(r"\S+")
_DECIMALS = re.compile(r"\d[.,]\d\d(?!\w|[.,]\d)")
_TIMES = "x*\u00d7 "
_LEAD = re.compile(rf"(?=\d)[\d.,]+(?:\s?[{_TIMES.strip()}])?(?=\s)")


@dataclass(frozen=True, slots=True)
class _LineRow:
    """The lines of a row from the top: the text and, in one of them, the amount."""

    lines: tuple[AmountLine, ...]

    @property
    def amount(self) -> LineCell:
        """Return the amount."""
        return next(line.amount for line in self.lines if line.amount is not None)


def line_tables(layout: DocumentLayout, number: Number) -> list[LayoutTable]:
    """Return what a document's lines with amounts are as tables without titles.

    It is one table if a sum proves which lines it has, else one for each edge of amounts.

    Args:
        layout: The lines of the document.
        number: Reads a number as the document writes it.
    """
    pages = (layout.page_lines(page.number) for page in layout.document.pages)
    return [_table(run) for run in line_runs(amount_lines(pages), number)]


def _rows(run: LineRun) -> list[_LineRow]:
    """Return the lines of each row: those from its amount on, or up to it.

    Where the line of an amount says what it is for, further lines go on with it; where it has
    numbers alone, the lines above it say it.
    """
    lines = run.lines
    anchors = [at for at in range(run.first, run.last + 1) if lines[at].amount is not None]
    named = sum(lines[at].letters >= _WORDS for at in anchors)
    usual = usual_step(lines[run.first : run.last + 1]) or _LEADING * lines[run.first].height
    if 2 * named >= len(anchors):
        last = _reach(lines, anchors[-1], 1, usual)
        bounds = [*anchors, last + 1]
        return [_LineRow(tuple(lines[one:other])) for one, other in pairwise(bounds)]
    first = _reach(lines, anchors[0], -1, usual)
    bounds = [first, *(at + 1 for at in anchors)]
    return [_LineRow(tuple(lines[one:other])) for one, other in pairwise(bounds)]


def _reach(lines: Sequence[AmountLine], at: int, step: int, usual: float) -> int:
    """Return the last line from one on, up or down, that stands near and has no amount."""
    reached = at
    while abs(reached - at) < MAX_WRAPS and 0 <= reached + step < len(lines):
        one, other = sorted((reached, reached + step))
        line = lines[reached + step]
        near = line_step(lines[one], lines[other]) <= APART * usual
        if line.amount is not None or not near or lines[one].page != lines[other].page:
            break
        reached += step
    return reached


def _table(run: LineRun) -> LayoutTable:
    """Return rows as a table: a number before the text, the text, further numbers, the amount."""
    rows = _rows(run)
    leads = sum(bool(_lead(row)) for row in rows)
    led = leads >= _LED * len(rows)
    parts = [_parts(row, led=led) for row in rows]
    inner = max((len(numbers) for _, _, numbers in parts), default=0)
    width = 1 + led + inner + 1
    found = []
    for row, (lead, words, numbers) in zip(rows, parts, strict=True):
        blank: list[TableCell | None] = [None] * (inner - len(numbers))
        amount = TableCell(row.amount.text, (row.amount.span,))
        cells = (*([lead] if led else []), words, *blank, *numbers, amount)
        found.append(TableRow(row.lines[0].page, RowKind.DATA, cells))
    extents: dict[int, tuple[float, float]] = {}
    for line in (line for row in rows for line in row.lines):
        top, bottom = extents.get(line.page, (line.top, line.bottom))
        extents[line.page] = min(top, line.top), max(bottom, line.bottom)
    return LayoutTable(
        tuple(TableColumn(None, float(at), float(at)) for at in range(width)),
        tuple(found),
        tuple(TableExtent(page, *extent) for page, extent in sorted(extents.items())),
        summed=width - 1 if run.total is not None and led == bool(leads) else None,
        leading=0 if led else None,
        is_columned=2 * sum(map(_is_columned, rows)) > len(rows),
    )


def _is_columned(row: _LineRow) -> bool:
    """Return whether a line of a row has words and several numbers apart, as those of tables do."""
    return any(
        line.letters >= _WORDS
        and (
            any(is_number(cell.text) for cell in line.cells[1:])
            or any(_DECIMALS.search(cell.text) for cell in line.cells)
        )
        for line in row.lines
    )


def _lead(row: _LineRow) -> str:
    """Return the number that a row begins with before words, as it is written; "" if it has none.

    It may stand in a cell of its own, or at the beginning of the text.
    """
    cells = [cell for line in row.lines for cell in line.cells]
    if not cells:
        return ""
    first = cells[0].text
    found = _LEAD.match(f"{first} ")
    rest = first[found.end() :] if found else ""
    if found and not rest and len(cells) > 1:
        rest = cells[1].text
    return found.group() if found and any(map(str.isalpha, rest)) else ""


def _parts(
    row: _LineRow, *, led: bool
) -> tuple[TableCell | None, TableCell | None, list[TableCell]]:
    """Return the number before the text of a row, the text, and the numbers of its other line."""
    lead: TableCell | None = None
    words: list[tuple[str, Span]] = []
    numbers: list[TableCell] = []
    for n, line in enumerate(row.lines):
        if _is_of_numbers(line, alone=len(row.lines) > 1):
            numbers += [each for cell in line.cells for each in _numbers(cell.text, cell.span)]
            continue
        for at, cell in enumerate(line.cells):
            text, span = cell.text, cell.span
            found = _lead(row) if led and n == at == 0 else ""
            if found:
                sign = found.rstrip(_TIMES)
                lead = TableCell(sign, (Span(span.page, span.start, span.start + len(sign)),))
                skipped = len(text) - len(text[len(found) :].lstrip())
                text, span = text[skipped:], span._replace(start=span.start + skipped)
            if text:
                words.append((text, span))
    described = TableCell(" ".join(text for text, _ in words), tuple(span for _, span in words))
    return lead, described if words else None, numbers[-_MAX_NUMBERS:]


def _is_of_numbers(line: AmountLine, *, alone: bool) -> bool:
    """Return whether a line has numbers with signs and units between them, and no words.

    One without the amount has two of them at least: `1 kg` ends a text.
    """
    if line.letters >= _WORDS or not alone:
        return False
    count = sum(is_number(token) for cell in line.cells for token in cell.text.split())
    return count >= (1 if line.amount is not None else _PAIR)


def _numbers(text: str, span: Span) -> Iterator[TableCell]:
    for token in _TOKEN.finditer(text):
        if is_number(token.group()):
            place = Span(span.page, span.start + token.start(), span.start + token.end())
            yield TableCell(token.group(), (place,))
