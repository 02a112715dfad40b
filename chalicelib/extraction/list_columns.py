"""Matching of a list's columns with those of a table: one assignment for all of them.

Titles, kinds of cells and roles are weighed together, so that a column without a title, or with one
that nobody knows, is found by what stands in it and by what the other columns are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from chalicelib.documents.layout import is_number
from chalicelib.extraction.leaves import NUMERIC_KINDS, Leaf, LeafKind
from chalicelib.extraction.list_assignment import best_assignment
from chalicelib.extraction.list_count import row_number
from chalicelib.extraction.list_evidence import (
    ColumnOdds,
    ColumnSimilarity,
    TableEvidence,
    column_features,
    column_odds,
    named_pairs,
    probability,
    proven_pairs,
)
from chalicelib.extraction.list_roles import ColumnRole, column_roles, numbers_of
from chalicelib.extraction.list_traits import column_traits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chalicelib.extraction.layout.tables import LayoutTable, TableRow
    from chalicelib.extraction.values.reading_hints import ReadingHints
    from chalicelib.extraction.values.value_match import ValueReader

MIN_FIT = 0.3
"""Share of the cells that can be values of a column, at least."""
LENIENCE = 2.0
"""Added to the log odds that a column is that of a field, since most fields have a column."""
UNPROVEN, NAMED = 0.85, 0.95
"""How likely a column is, at most, if nothing but its look and its place speaks for it; and at
least, if its title is a name of the field."""
NUMBERED = 3.0
"""Taken from the log odds that a column which numbers the rows is one of texts."""
_IMPOSSIBLE = -99.0
_SAMPLE = 30
_WORDS = frozenset((LeafKind.TEXT, LeafKind.ADDRESS))
_NAMES = frozenset((LeafKind.IDENTIFIER, LeafKind.ENUM))
"""Kinds whose values may look like any other text."""
_CODE = 0.5
"""How well a text without words fits a column of words, of which it may be one."""
_MIN_NUMBERED = 3


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """The columns of a table that those of a list were found in.

    Attributes:
        columns: For each column of the list the number of one of the table, or None.
        titles: The titles of these, "" of a column that has none or was not found.
        likely: How likely each is right, from 0 to 1; of one that was not found, how likely none of
            the columns that are left is it.
        score: How well they match, from 0 to 1.
    """

    columns: tuple[int | None, ...]
    titles: tuple[str, ...]
    likely: tuple[float, ...]
    score: float


def match_columns(
    leaves: Sequence[Leaf],
    table: LayoutTable,
    readers: Sequence[ValueReader],
    similarity: ColumnSimilarity,
    hints: ReadingHints,
    odds: ColumnOdds | None = None,
) -> ColumnMatch:
    """Return the columns of a table that best match those of a list, each used once.

    Args:
        leaves: The columns of the list.
        table: The table.
        readers: The readers of their values, in the same order.
        similarity: Compares names with titles.
        hints: How the document writes numbers and dates.
        odds: What the evidence is worth; what is shipped unless given.
    """
    evidence = table_evidence(leaves, table, readers, hints)
    features = column_features(leaves, evidence, similarity)
    gains = (odds or column_odds()).of(features)
    gains[evidence.fits < MIN_FIT] = _IMPOSSIBLE
    numbered = _numbered_texts(leaves, evidence)
    gains[numbered] -= NUMBERED
    columns = best_assignment(gains + LENIENCE)
    hidden = _WORDS | _NAMES if _has_stacks(table) else frozenset[LeafKind]()
    least = np.where(named_pairs(features) & ~numbered, NAMED, 0.0)
    most = np.where(proven_pairs(features) & ~numbered, 1.0, UNPROVEN)
    likely = [
        min(_absent(gains[n], columns), UNPROVEN if leaves[n].kind in hidden else 1.0)
        if at is None
        else min(most[n, at], max(least[n, at], probability(gains[n, at])))
        for n, at in enumerate(columns)
    ]
    found = [each for each, at in zip(likely, columns, strict=True) if at is not None]
    return ColumnMatch(
        tuple(columns),
        tuple("" if at is None else evidence.titles[at] for at in columns),
        tuple(likely),
        sum(found) / len(leaves),
    )


def _numbered_texts(leaves: Sequence[Leaf], evidence: TableEvidence) -> NDArray[np.bool_]:
    """Return which columns number the rows, for the fields of texts: “Item” may title either."""
    texts = np.array([leaf.kind in _WORDS for leaf in leaves])
    return texts[:, None] & (evidence.fits <= MIN_FIT)


def _absent(gains: NDArray[np.float64], columns: Sequence[int | None]) -> float:
    """Return how likely none of the columns that are given to no field is that of a field."""
    free = [float(gain) for at, gain in enumerate(gains) if at not in columns]
    return 1.0 - probability(max(free)) if free else 1.0


def _has_stacks(table: LayoutTable) -> bool:
    """Return whether a column's cells mostly have several lines, which may be several values."""
    rows = table.data
    return any(
        2 * sum(len(cell.spans) > 1 for row in rows if (cell := row.cells[at])) > len(rows)
        for at in range(len(table.columns))
    )


def table_evidence(
    leaves: Sequence[Leaf],
    table: LayoutTable,
    readers: Sequence[ValueReader],
    hints: ReadingHints,
) -> TableEvidence:
    """Return what a table shows of its columns; arguments are those of `match_columns`."""
    data = table.data
    width = len(table.columns)
    titles = [column.title.text if column.title else "" for column in table.columns]
    cells = [_sample(data, at) for at in range(width)]
    fits = np.array(
        [
            [_fit(leaf, reader, texts, hints) for texts in cells]
            for leaf, reader in zip(leaves, readers, strict=True)
        ]
    ).reshape(-1, width)
    numeric = numbers_of(data, width, number_reader(leaves, readers, hints))
    days = _days(leaves, readers, cells, hints)
    numeric = {at: numbers for at, numbers in numeric.items() if at not in days}
    roles = {**column_roles(numeric)}
    if table.summed is not None:
        roles.setdefault(table.summed, ColumnRole.PRODUCT)
    traits = {**column_traits(cells, numeric, days)}
    if table.leading is not None:
        traits[table.leading] = ColumnRole.QUANTITY
    return TableEvidence(
        titles, fits, roles, {at: r for at, r in traits.items() if at not in roles}
    )


def number_reader(
    leaves: Sequence[Leaf], readers: Sequence[ValueReader], hints: ReadingHints
) -> Callable[[str], Decimal | None]:
    """Return a function that reads a number by the readers of the numeric columns of a list."""
    numeric = [
        reader for leaf, reader in zip(leaves, readers, strict=True) if leaf.kind in NUMERIC_KINDS
    ]

    def number(text: str) -> Decimal | None:
        for reader in numeric:
            match = reader.read(text, hints)
            if match is not None and isinstance(match.value, Decimal | int):
                return Decimal(match.value)
        return None

    return number


def _days(
    leaves: Sequence[Leaf],
    readers: Sequence[ValueReader],
    cells: Sequence[Sequence[str]],
    hints: ReadingHints,
) -> dict[int, list[str]]:
    """Return the days in the columns that have little else, in ISO 8601."""
    reader = next(
        (r for leaf, r in zip(leaves, readers, strict=True) if leaf.kind is LeafKind.DATE), None
    )
    found: dict[int, list[str]] = {}
    if reader is None:
        return found
    for at, texts in enumerate(cells):
        days = [str(match.value) for text in texts if (match := reader.read(text, hints))]
        if days and 2 * len(days) > len(texts):
            found[at] = days
    return found


def _sample(rows: Sequence[TableRow], column: int) -> list[str]:
    """Return the texts of some cells of a column, from all over the table."""
    texts = [cell.text for row in rows if (cell := row.cells[column]) is not None]
    return texts[:: max(1, len(texts) // _SAMPLE)][: 2 * _SAMPLE]


def _fit(leaf: Leaf, reader: ValueReader, texts: Sequence[str], hints: ReadingHints) -> float:
    """Return the share of texts that can be a value of a leaf."""
    if not texts:
        return 0.0
    if leaf.kind is not LeafKind.INTEGER and _is_numbering(texts):
        return MIN_FIT
    if leaf.kind in _WORDS:
        return sum(1.0 if _is_words(text) else _CODE for text in texts) / len(texts)
    return sum(_holds(reader, text, hints) for text in texts) / len(texts)


def _is_words(text: str) -> bool:
    return any(map(str.isalpha, text)) and not is_number(text)


def _is_numbering(texts: Sequence[str]) -> bool:
    """Return whether texts, taken from a column in order, number its rows from 1."""
    numbers = [number for text in texts if (number := row_number(text)) is not None]
    steps = {other - one for one, other in pairwise(numbers)}
    even = len(steps) == 1 and steps.pop() == max(1, (numbers[1] - numbers[0]))
    return len(numbers) == len(texts) >= _MIN_NUMBERED and even and numbers[0] == 1


def _holds(reader: ValueReader, text: str, hints: ReadingHints) -> bool:
    """Return whether a text is a value, or has one that is most of it."""
    if reader.read(text, hints) is not None:
        return True
    visible = len("".join(text.split()))
    return any(2 * (match.end - match.start) >= visible for match in reader.find(text, hints))
