"""Matching of a list's columns with those of a table, by titles and by kinds of cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from chalicelib.documents.layout import is_number
from chalicelib.extraction.leaves import NUMERIC_KINDS, Leaf, LeafKind
from chalicelib.extraction.list_roles import column_roles

if TYPE_CHECKING:
    from chalicelib.extraction.layout.tables import LayoutTable, TableRow
    from chalicelib.extraction.values.reading_hints import ReadingHints
    from chalicelib.extraction.values.value_match import ValueReader

MIN_SIMILARITY = 0.5
"""Similarity from which on a title names a column."""
_WEAK = 0.3
"""Similarity from which on a title names a column if none is nearer and its cells fit it."""
_SURE = 0.8
"""Share of the cells that can be values of a kind by which a column is known."""
_MIN_FIT = 0.3
"""Share of the cells that can be values of a column, at least."""
_FIT_WEIGHT = 0.25
_SAMPLE = 30
_WORDS = frozenset((LeafKind.TEXT, LeafKind.ADDRESS))
_NAMES = frozenset((LeafKind.IDENTIFIER, LeafKind.ENUM))
"""Kinds whose values may look like any other text."""
_CODE = 0.5
"""How well a text without words fits a column of words, of which it may be one."""
_MIN_NUMBERED = 3
_MIN_WORDS = 8
"""Characters of the usual cell of a column that describes what a row is about."""
_POSSIBLE = 0.2
"""Weight of a column that only has cells of the right kind, beside one with a title."""
_BY_KIND = 0.15
"""How well a column matches that only its cells tell."""


class ColumnSimilarity(Protocol):
    """How alike the names of a column and a title in a document are, from 0 to 1."""

    def similarity(self, names: tuple[str, ...], label: str) -> float:
        """Return 1 for names that mean the same as the label, and 0 for unrelated ones."""


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """The columns of a table that those of a list were found in.

    Attributes:
        columns: For each column of the list the number of one of the table, or None.
        titles: The titles of these, "" of a column that has none or was not found.
        score: How well they match, from 0 to 1.
    """

    columns: tuple[int | None, ...]
    titles: tuple[str, ...]
    score: float


def match_columns(
    leaves: Sequence[Leaf],
    table: LayoutTable,
    readers: Sequence[ValueReader],
    similarity: ColumnSimilarity,
    hints: ReadingHints,
) -> ColumnMatch:
    """Return the columns of a table that best match those of a list, each used once.

    Args:
        leaves: The columns of the list.
        table: The table.
        readers: The readers of their values, in the same order.
        similarity: Compares names with titles.
        hints: How the document writes numbers and dates.
    """
    titles = [column.title.text if column.title else "" for column in table.columns]
    cells = [_sample(table.data, at) for at in range(len(titles))]
    fits = [
        [_fit(leaf, reader, texts, hints) for texts in cells]
        for leaf, reader in zip(leaves, readers, strict=True)
    ]
    number = number_reader(leaves, readers, hints)
    roles = column_roles(table.data, len(titles), number)
    likeness = [
        [
            max(
                similarity.similarity(leaf.names, label) if label else 0.0
                for label in (title, *roles.get(at, ()))
            )
            for at, title in enumerate(titles)
        ]
        for leaf in leaves
    ]
    columns: list[int | None] = [None] * len(leaves)
    scores = [0.0] * len(leaves)
    for least, fit in ((MIN_SIMILARITY, _MIN_FIT), (_WEAK, _SURE)):
        while pair := _best_pair(likeness, fits, columns, least, fit):
            score, n, at = pair
            columns[n], scores[n] = at, min(1.0, score / (1.0 + _FIT_WEIGHT))
    _match_by_kind(leaves, fits, cells, columns, scores)
    possible = [max(row, default=0.0) for row in fits]
    return ColumnMatch(
        tuple(columns),
        tuple("" if at is None else titles[at] for at in columns),
        (sum(scores) + _POSSIBLE * sum(possible)) / ((1.0 + _POSSIBLE) * len(leaves)),
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


def _best_pair(
    likeness: Sequence[Sequence[float]],
    fits: Sequence[Sequence[float]],
    columns: Sequence[int | None],
    least: float,
    fit: float,
) -> tuple[float, int, int] | None:
    """Return the likest of the columns and titles that are left, and how well they match."""
    pairs = [
        (likeness[n][at] + _FIT_WEIGHT * fits[n][at], -n, -at)
        for n in range(len(likeness))
        for at in range(len(likeness[n]))
        if columns[n] is None
        and at not in columns
        and likeness[n][at] >= least
        and fits[n][at] >= fit
    ]
    score, n, at = max(pairs, default=(0.0, 0, 0))
    return (score, -n, -at) if pairs else None


def _match_by_kind(
    leaves: Sequence[Leaf],
    fits: Sequence[Sequence[float]],
    cells: Sequence[Sequence[str]],
    columns: list[int | None],
    scores: list[float],
) -> None:
    """Match what is left by the cells, where only one order is possible.

    Columns of dates, numbers and the like are matched from the left if there are as many of a kind
    in the list as in the table. Of columns of words, a single one of the list is the longest.
    """
    for kinds in (frozenset(LeafKind) - NUMERIC_KINDS - _WORDS - _NAMES, NUMERIC_KINDS, _WORDS):
        free = [at for at in range(len(cells)) if at not in columns]
        wanted = [n for n, leaf in enumerate(leaves) if columns[n] is None and leaf.kind in kinds]
        found = [at for at in free if wanted and all(fits[n][at] >= _SURE for n in wanted)]
        if kinds is _WORDS and len(wanted) == 1 and found:
            longest = max(found, key=lambda at: _length(cells[at]))
            found = [longest] if _length(cells[longest]) >= _MIN_WORDS else []
        if len(found) == len(wanted):
            for n, at in zip(wanted, found, strict=True):
                columns[n], scores[n] = at, _BY_KIND


def _length(texts: Sequence[str]) -> float:
    return sum(map(len, texts)) / len(texts) if texts else 0.0


def _sample(rows: Sequence[TableRow], column: int) -> list[str]:
    """Return the texts of some cells of a column, from all over the table."""
    texts = [cell.text for row in rows if (cell := row.cells[column]) is not None]
    return texts[:: max(1, len(texts) // _SAMPLE)][: 2 * _SAMPLE]


def _fit(leaf: Leaf, reader: ValueReader, texts: Sequence[str], hints: ReadingHints) -> float:
    """Return the share of texts that can be a value of a leaf."""
    if not texts:
        return 0.0
    if leaf.kind in _WORDS:
        return sum(1.0 if _is_words(text) else _CODE for text in texts) / len(texts)
    if leaf.kind is not LeafKind.INTEGER and _is_numbering(texts):
        return 0.0
    return sum(_holds(reader, text, hints) for text in texts) / len(texts)


def _is_words(text: str) -> bool:
    return any(map(str.isalpha, text)) and not is_number(text)


def _is_numbering(texts: Sequence[str]) -> bool:
    """Return whether texts, taken from a column in order, number its rows from 1."""
    numbers = [int(digits) for text in texts if (digits := text.rstrip(".)")).isdecimal()]
    steps = {other - one for one, other in pairwise(numbers)}
    even = len(steps) == 1 and steps.pop() == max(1, (numbers[1] - numbers[0]))
    return len(numbers) == len(texts) >= _MIN_NUMBERED and even and numbers[0] == 1


def _holds(reader: ValueReader, text: str, hints: ReadingHints) -> bool:
    """Return whether a text is a value, or has one that is most of it."""
    if reader.read(text, hints) is not None:
        return True
    visible = len("".join(text.split()))
    return any(2 * (match.end - match.start) >= visible for match in reader.find(text, hints))
