"""Entries of labelled lines, one below the other, as rows: `Name: …`, `Start: …`, and again.

Labels that stand several times in a document are the titles of columns. An entry ends where one of
its labels comes again, or where a gap is wider than within it. They are counted a second time by
the label that most of them begin with, in the text of the pages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.document import Span
from chalicelib.extraction.layout.labels import plain_label
from chalicelib.extraction.layout.tables import (
    LayoutTable,
    RowKind,
    TableCell,
    TableColumn,
    TableExtent,
    TableRow,
)

if TYPE_CHECKING:
    from chalicelib.extraction.document import DocumentPage
    from chalicelib.extraction.layout.lines import LayoutLine, PageLines

MAX_LABELS = 40
"""Different labels of the entries of a document, at most."""
_MIN_ENTRIES, _MIN_LABELS = 2, 2
_MAX_LABEL = 60
_WIDER = 1.6
"""Times the usual distance of the lines of an entry from which on the next one begins."""
_COLON = re.compile(r"^([^:\uff1a]{2,60})[:\uff1a](?:\s+|$)")


@dataclass(frozen=True, slots=True)
class _LabelledLine:
    """A line with a label, which is `key` in small letters, and its value."""

    page: int
    key: str
    label: TableCell
    value: TableCell | None
    top: float
    bottom: float


def entry_tables(pages: Iterable[PageLines]) -> list[LayoutTable]:
    """Return the entries of a document as a table, none if fewer than two labels come again."""
    lines: list[_LabelledLine] = []
    shown: list[DocumentPage] = []
    headers: set[str] = set()
    again: Counter[tuple[int, str]] = Counter()
    for read in pages:
        for line, text in _labelled(read):
            if text in headers:
                again[line.page, line.key] += 1
                continue
            headers.update([text] if text else [])
            lines.append(line)
        shown.append(read.page)
    counts = Counter(line.key for line in lines)
    repeated = {key for key, count in counts.items() if count >= _MIN_ENTRIES}
    if not _MIN_LABELS <= len(repeated) <= MAX_LABELS:
        return []
    entries = _without_others(list(_entries(_kept(lines, repeated))))
    if len(entries) < _MIN_ENTRIES:
        return []
    return [_table(entries, shown, again)]


def _labelled(read: PageLines) -> Iterator[tuple[_LabelledLine, str]]:
    """Yield the lines that have a label before a value: in one cell, or in two.

    With each comes its text if it is the first row of a table of the text, else "": where such a
    table goes on, its first row is repeated.
    """
    seen, blanks = 0, 0
    for line in read.lines:
        start = line.cells[0].span.start
        blanks += read.page.text.count("\n\n", seen, start)
        seen = max(seen, start)
        if any(cell.table >= 0 and cell.column > 1 for cell in line.cells):
            continue
        found = _parts(line)
        if found is not None:
            key = plain_label(found[0].text).casefold()
            if key:
                _, top, _, bottom = line.place
                if not read.has_boxes:
                    # Lines of a text are 1 high, and so are the empty ones between them.
                    top, bottom = top + blanks, bottom + blanks
                is_header = line.cells[0].table >= 0 and line.cells[0].row == 0
                text = line.text if is_header else ""
                yield _LabelledLine(line.page, key, *found, top, bottom), text


def _parts(line: LayoutLine) -> tuple[TableCell, TableCell | None] | None:
    """Return the label and the value of a line, None if it has none."""
    first, *others = line.cells
    found = _COLON.match(first.text)
    if found is not None:
        label = TableCell(found[1], (first.span._replace(end=first.span.start + found.end(1)),))
        rest = first.text[found.end() :]
        pieces = [(rest, first.span._replace(start=first.span.start + found.end()))] if rest else []
        pieces += [(cell.text, cell.span) for cell in others]
        return label, _joined(pieces)
    if len(others) != 1 or is_number(first.text) or len(first.text) > _MAX_LABEL:
        return None
    return TableCell(first.text, (first.span,)), _joined([(others[0].text, others[0].span)])


def _joined(pieces: Sequence[tuple[str, Span]]) -> TableCell | None:
    if not pieces:
        return None
    return TableCell(" ".join(text for text, _ in pieces), tuple(span for _, span in pieces))


def _kept(lines: Sequence[_LabelledLine], repeated: Set[str]) -> list[_LabelledLine]:
    """Return the lines whose labels come again, and those that go on with such an entry."""
    usual = _usual_step([line for line in lines if line.key in repeated])
    kept: list[_LabelledLine] = []
    for line in lines:
        goes_on = bool(kept) and kept[-1].page == line.page
        if line.key in repeated or (goes_on and line.top - kept[-1].top <= _WIDER * usual):
            kept.append(line)
    return kept


def _entries(lines: Sequence[_LabelledLine]) -> Iterator[list[_LabelledLine]]:
    """Yield the lines of each entry: it ends before a label that it has, or at a wide gap."""
    usual = _usual_step(lines)
    entry: list[_LabelledLine] = []
    for line in lines:
        known = any(line.key == other.key for other in entry)
        apart = bool(entry) and (
            entry[-1].page == line.page and line.top - entry[-1].top > _WIDER * usual
        )
        if entry and (known or apart):
            yield entry
            entry = []
        entry.append(line)
    if entry:
        yield entry


def _without_others(entries: list[list[_LabelledLine]]) -> list[list[_LabelledLine]]:
    """Return entries without the lines above and below them that share one of their labels.

    Most entries begin with the same label; what does not, has few others, and is the first or last,
    is none.
    """
    first, count = Counter(entry[0].key for entry in entries).most_common(1)[0]
    usual = median(map(len, entries))
    if 2 * count <= len(entries):
        return entries

    def is_other(entry: Sequence[_LabelledLine]) -> bool:
        return entry[0].key != first and 2 * len(entry) <= usual

    while entries and is_other(entries[0]):
        entries = entries[1:]
    while entries and is_other(entries[-1]):
        entries = entries[:-1]
    return entries


def _usual_step(lines: Sequence[_LabelledLine]) -> float:
    steps = [
        below.top - above.top
        for above, below in pairwise(lines)
        if above.page == below.page and above.key != below.key
    ]
    return median(steps) if steps else 1.0


def _table(
    entries: Sequence[Sequence[_LabelledLine]],
    pages: Sequence[DocumentPage],
    again: Counter[tuple[int, str]],
) -> LayoutTable:
    keys = list(dict.fromkeys(line.key for entry in entries for line in entry))
    titles = {line.key: line.label for entry in reversed(entries) for line in entry}
    rows = []
    extents: dict[int, tuple[float, float]] = {}
    for entry in entries:
        values = {line.key: line.value for line in entry}
        cells = tuple(values.get(key) for key in keys)
        rows.append(TableRow(entry[0].page, RowKind.DATA, cells))
        for line in entry:
            top, bottom = extents.get(line.page, (line.top, line.bottom))
            extents[line.page] = min(top, line.top), max(bottom, line.bottom)
    commonest = Counter(entry[0].key for entry in entries).most_common(1)[0][0]
    shown = titles[commonest].text
    counts = {page.number: _count(page, shown) - again[page.number, commonest] for page in pages}
    return LayoutTable(
        tuple(TableColumn(titles[key], float(at), float(at)) for at, key in enumerate(keys)),
        tuple(rows),
        tuple(TableExtent(page, *extent) for page, extent in sorted(extents.items())),
        counts=tuple((page, count) for page, count in sorted(counts.items()) if count),
    )


def _count(page: DocumentPage, label: str) -> int:
    """Return how often a label begins a line or a cell of a page's text."""
    start = rf"(?:^|\n|\t| {{2}}|\| ){re.escape(label)}(?=\W)"
    return len(re.findall(start, page.text, re.IGNORECASE))
