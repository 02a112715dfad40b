"""Checks of a list after its cells were read: values that are missing, and what the schema demands.

A row is never dropped for one of them: each is a difference, and the list is incomplete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.extraction.lists import ListDifference, ListReading, bounded_differences

if TYPE_CHECKING:
    from chalicelib.extraction.leaves import ListField
    from chalicelib.extraction.lists import ListCell
    from chalicelib.extraction.values.value_match import ScalarValue

Values = Sequence[Sequence["ScalarValue | None"]]


def checked_list(of: ListField, reading: ListReading, values: Values) -> ListReading:
    """Return a reading with the differences that its values show.

    Args:
        of: The list of the schema.
        reading: Its rows.
        values: The value of each cell, row by row, None where none could be read.
    """
    found = [*_unread(of, reading, values), *_items(of, reading, values)]
    if not found:
        return reading
    return replace(reading, differences=bounded_differences([*reading.differences, *found]))


def _unread(of: ListField, reading: ListReading, values: Values) -> Iterator[ListDifference]:
    """Yield the pages on which a column has texts that are no values, or lacks required ones."""
    for at, leaf in enumerate(of.columns):
        name = leaf.pointer or of.pointer
        unread: Counter[int] = Counter()
        blank: Counter[int] = Counter()
        for row, read in zip(reading.rows, values, strict=True):
            cell = row[at]
            if read[at] is not None:
                continue
            if cell is not None and any(map(str.isalnum, cell.text)):
                unread[cell.spans[0].page] += 1
            elif leaf.required:
                blank[_page(row)] += 1
        for page, count in unread.items():
            yield ListDifference(page, f"{_cells(count)} of {name} has a text of another kind.")
        for page, count in blank.items():
            yield ListDifference(page, f"{_cells(count)} of {name} is required and empty.")


def _items(of: ListField, reading: ListReading, values: Values) -> Iterator[ListDifference]:
    """Yield what `minItems`, `maxItems` and `uniqueItems` of the schema demand and is not so."""
    rows = reading.rows
    page = _page(rows[-1]) if rows else 1
    if len(rows) < of.min_items:
        yield ListDifference(page, f"The schema demands at least {of.min_items} rows.")
    if of.max_items is not None and len(rows) > of.max_items:
        yield ListDifference(page, f"The schema demands at most {of.max_items} rows.")
    if not of.unique_items:
        return
    seen: dict[tuple[ScalarValue | None, ...], int] = {}
    for number, (row, read) in enumerate(zip(rows, values, strict=True)):
        first = seen.setdefault(tuple(read), number)
        if first != number:
            reason = f"Rows {first} and {number} are equal, and the schema demands unique ones."
            yield ListDifference(_page(row), reason)


def _page(row: Sequence[ListCell | None]) -> int:
    return next((cell.spans[0].page for cell in row if cell), 1)


def _cells(count: int) -> str:
    return "A cell" if count == 1 else f"Each of {count} cells"
