"""The rows of a list, read completely or with the places where they are not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.extraction.layout.tables import RowKind
from chalicelib.extraction.leaves import Leaf, LeafKind
from chalicelib.extraction.line_rows import line_tables
from chalicelib.extraction.list_columns import (
    ColumnMatch,
    match_columns,
    number_reader,
)
from chalicelib.extraction.list_count import counted_rows
from chalicelib.extraction.list_sums import SummaryCheck, number_columns
from chalicelib.extraction.list_totals import is_rather, without_totals
from chalicelib.extraction.values.readers import value_reader

if TYPE_CHECKING:
    from decimal import Decimal

    from chalicelib.extraction.document import Span
    from chalicelib.extraction.layout.document_layout import DocumentLayout
    from chalicelib.extraction.layout.tables import LayoutTable, TableRow
    from chalicelib.extraction.leaves import ListField
    from chalicelib.extraction.list_evidence import ColumnSimilarity
    from chalicelib.extraction.values.reading_hints import ReadingHints
    from chalicelib.extraction.values.value_match import ValueReader

_LENGTH = 0.15
"""Gain in a table's match for twice as many rows: more loses short lists to longer tables."""
_LONG, _LESS = 32, 4
"""Rows from which on the gain is a quarter: the titles of two long tables tell which it is."""
MIN_SCORE = 0.1
"""How well the columns of a table match those of a list, at least."""
PROVEN = 1.5
"""By how much likelier lines are the list whose amounts add up to one below them."""
_KEY = 0.9
"""Share of the rows that fill a column which every row is expected to."""
_MAX_BELOW = 8
"""Lines below the total of a table that are no rows, at most."""
SURE_COLUMN, SURE_ABSENT = 0.9, 0.9
"""How likely a column is that of a field, or a field has none, in a list that is complete."""
SHORT = 10
"""Pages of a document that is looked through for entries though titles name a table's columns."""
MIN_PROOF = 3
"""Rows whose sum is not likely to be one by chance."""
_AMOUNT = Leaf((), "", LeafKind.MONEY, "number")
MAX_DIFFERENCES = 100
"""Differences of a list that are reported; further ones are counted in the last."""


@dataclass(frozen=True, slots=True)
class ListCell:
    """The text of a cell of a list, and its pieces in the document: it may be wrapped."""

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class ListDifference:
    """A place where the rows of a list are not certain to be complete, and why."""

    page: int
    reason: str


@dataclass(frozen=True, slots=True)
class ListReading:
    """The rows of a list: a cell or None for each column of the schema, in its order.

    `counted` is the number of rows by a second way, which does not use these rows. A list is
    `complete` if both agree and there are no `differences`. `titles` are those of the columns in
    the document, "" where one has no title or was not found, and `likely` says how likely each is
    right, or rightly not found. `score` is how well these columns match those of the schema, from
    0 to 1. `summed` says that the rows add up to a total.
    """

    rows: tuple[tuple[ListCell | None, ...], ...]
    counted: int
    titles: tuple[str, ...] = ()
    differences: tuple[ListDifference, ...] = ()
    score: float = 0.0
    summed: bool = False
    likely: tuple[float, ...] = ()

    @property
    def complete(self) -> bool:
        """Return whether every row of the list is known to be there."""
        return self.counted == len(self.rows) and not self.differences


def read_list(
    of: ListField,
    layout: DocumentLayout,
    readers: Sequence[ValueReader],
    similarity: ColumnSimilarity,
    hints: ReadingHints,
) -> ListReading:
    """Return the rows of a list in a document, in the order in which they stand.

    Args:
        of: The list of the schema.
        layout: What stands where in the document.
        readers: The readers of the values of its columns, in their order.
        similarity: Compares the names of a column with a title.
        hints: How the document writes numbers and dates.
    """
    amount = number_reader((_AMOUNT,), (value_reader(_AMOUNT),), hints)
    lines = line_tables(layout, amount)
    found = _tables_of(of, layout, readers, similarity, hints, lines)
    if len(found) == 1:
        found = [(without_totals(found[0], lines, readers, hints), found[0][1])]
    rows: list[tuple[ListCell | None, ...]] = []
    differences: list[ListDifference] = []
    counted = 0
    if found:
        differences += _column_doubts(of, *found[0])
    for table, match in found:
        kept = _TableReading(table, match, number_reader(of.columns, readers, hints))
        rows += [_list_row(row, match) for row in kept.rows]
        differences += kept.differences
        count = counted_rows(layout, table, kept.rows, kept.excluded)
        counted += count.rows
        differences += [ListDifference(page, reason) for page, reason in count.differences]
    width = len(of.columns)
    best = found[0][1] if found else ColumnMatch((None,) * width, ("",) * width, (0.0,) * width, 0)
    summed = len(rows) >= MIN_PROOF and any(table.summed is not None for table, _ in found)
    told = bounded_differences(differences)
    return ListReading(tuple(rows), counted, best.titles, told, best.score, summed, best.likely)


def _tables_of(
    of: ListField,
    layout: DocumentLayout,
    readers: Sequence[ValueReader],
    similarity: ColumnSimilarity,
    hints: ReadingHints,
    lines: Sequence[LayoutTable],
) -> list[tuple[LayoutTable, ColumnMatch]]:
    """Return the table that matches a list best, and those that go on under the same titles.

    `lines` are rows that are no table, which may be the list, too.
    """
    matches = [
        (table, match_columns(of.columns, table, readers, similarity, hints))
        for table in layout.tables()
        if table.data
    ]
    if len(layout.document.pages) <= SHORT or not any(_is_clear(match) for _, match in matches):
        matches += [
            (table, match_columns(of.columns, table, readers, similarity, hints))
            for table in layout.entries()
        ]
    if not any(_is_clear(match) for _, match in matches):
        tables = list(matches)
        for table in (each for each in lines if not each.is_columned):
            match = match_columns(of.columns, table, readers, similarity, hints)
            if not any(is_rather(each, (table, match)) for each in tables):
                matches.append((table, match))
    if not matches:
        return []
    best = max(matches, key=_suitability)[1]
    if best.score < MIN_SCORE:
        return []
    return [
        (table, match)
        for table, match in matches
        if match is best or (any(best.titles) and match.titles == best.titles)
    ]


def _is_clear(match: ColumnMatch) -> bool:
    """Return whether titles say surely of half of the columns which fields they are."""
    pairs = zip(match.titles, match.likely, strict=True)
    return 2 * sum(bool(t) and likely >= SURE_COLUMN for t, likely in pairs) >= len(match.titles)


def _column_doubts(
    of: ListField, table: LayoutTable, match: ColumnMatch
) -> Iterator[ListDifference]:
    """Yield which columns are not surely those of the list."""
    page = table.data[0].page
    for leaf, at, title, likely in zip(
        of.columns, match.columns, match.titles, match.likely, strict=True
    ):
        name = leaf.pointer or of.pointer
        if at is None and leaf.required:
            yield ListDifference(page, f"No column was found for {name}, which is required.")
        elif at is None and likely < SURE_ABSENT:
            yield ListDifference(page, f"No column is surely {name}, and one that is left may be.")
        elif at is not None and likely < SURE_COLUMN:
            called = f"“{title}”" if title else f"number {at + 1}, which has no title,"
            yield ListDifference(page, f"The column {called} is not surely {name}.")


def _suitability(found: tuple[LayoutTable, ColumnMatch]) -> float:
    """Return how likely a table is the list: by its columns, and a little by its length."""
    table, match = found
    proof = PROVEN if table.summed is not None and len(table.data) >= MIN_PROOF else 1.0
    doublings = math.log2(min(len(table.data), _LONG))
    further = math.log2(max(1.0, len(table.data) / _LONG))
    return proof * match.score * (1.0 + _LENGTH * (doublings + further / _LESS))


class _TableReading:
    """The rows of a table that are rows of the list, and those that are not."""

    def __init__(
        self, table: LayoutTable, match: ColumnMatch, number: Callable[[str], Decimal | None]
    ) -> None:
        self.rows: list[TableRow] = []
        self.excluded: list[TableRow] = []
        self.differences: list[ListDifference] = []
        # Lines without a row behind them on their page are the totals of the table.
        self._doubts: list[ListDifference] = []
        self._total: tuple[TableRow, int] | None = None
        self._match = match
        self._read_number = number
        data = table.data
        width = len(table.columns)
        fills = [sum(row.cells[at] is not None for row in data) for at in range(width)]
        key = frozenset(at for at, count in enumerate(fills) if count >= _KEY * len(data) > 0)
        self._mapped = frozenset(at for at in match.columns if at is not None)
        self._key = key & self._mapped
        check = SummaryCheck(self._number, number_columns(data[:200], width), key)
        body = [row for row in table.rows if row.kind is not RowKind.HEADER]
        padded = [None, *body, None]
        for before, row, following in zip(padded, body, padded[2:], strict=False):
            at_edge = any(
                beside is None or beside.page != row.page for beside in (before, following)
            )
            self._take(row, check.is_summary(row, following, at_edge=at_edge))
        self._drop_rows_below_total()
        self.excluded += [row for row in table.rows if row.kind is RowKind.HEADER]

    def _take(self, row: TableRow, is_summary: bool) -> None:
        filled = {at for at in self._mapped if row.cells[at] is not None}
        is_row = row.kind is RowKind.DATA and bool(filled)
        if row.kind is RowKind.SUMMARY and not is_summary:
            most = 2 * len(filled) > len(self._mapped) or len(self._key) > 1
            is_row = bool(self._key) and self._key <= filled and most
        if is_row and not is_summary:
            self.differences += [each for each in self._doubts if each.page == row.page]
            self._doubts = []
            self.rows.append(row)
            if row.across:
                text = " ".join(cell.text for cell in row.across)[:60]
                reason = f"The words “{text}” of a row stand in none of its columns."
                self.differences.append(ListDifference(row.page, reason))
            return
        self.excluded.append(row)
        if is_summary and row.kind is RowKind.DATA:
            self._total = row, len(self.rows)
        text = _row_text(row)
        if row.kind is RowKind.SUMMARY and not is_summary and filled:
            reason = f"The line “{text}” fills too few columns for a row, and adds up to nothing."
            self._doubts.append(ListDifference(row.page, reason))
        elif row.kind is RowKind.NOTE and filled and 2 * len(filled) >= len(self._mapped):
            reason = f"The line “{text}” may be a row whose other cells are empty."
            self._doubts.append(ListDifference(row.page, reason))

    def _drop_rows_below_total(self) -> None:
        """Exclude the few lines that stand below the total of the table, such as its tax."""
        if self._total is None:
            return
        row, above = self._total
        below = self.rows[above:]
        if 0 < len(below) <= _MAX_BELOW and all(each.page == row.page for each in below):
            del self.rows[above:]
            self.excluded += below

    def _number(self, row: TableRow, column: int) -> Decimal | None:
        cell = row.cells[column]
        return self._read_number(cell.text) if cell else None


def _row_text(row: TableRow) -> str:
    texts = [cell.text for cell in (*row.cells, *row.across) if cell]
    return " ".join(texts)[:60]


def _list_row(row: TableRow, match: ColumnMatch) -> tuple[ListCell | None, ...]:
    cells = (row.cells[at] if at is not None else None for at in match.columns)
    return tuple(ListCell(cell.text, cell.spans) if cell else None for cell in cells)


def bounded_differences(differences: Sequence[ListDifference]) -> tuple[ListDifference, ...]:
    """Return the first differences, and how many more there are."""
    if len(differences) <= MAX_DIFFERENCES:
        return tuple(differences)
    rest = len(differences) - MAX_DIFFERENCES + 1
    last = differences[MAX_DIFFERENCES - 1]
    more = ListDifference(last.page, f"There are {rest} more differences from this page on.")
    return (*differences[: MAX_DIFFERENCES - 1], more)
