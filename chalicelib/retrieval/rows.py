"""Rows of tables in words: alone, a row does not say what its cells are of.

Tables stand in passages as rows of Markdown under their header (`chalicelib/reading/tables.py`).
https://github.github.com/gfm/#tables-extension-
"""

from __future__ import annotations

import re

from chalicelib.retrieval.sentences import Span

_RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
_HEAD = 2
"""Rows that a table has before the first of its values: the header and the rule."""
_BETWEEN = re.compile(r"(?<!\\)\|")


def is_row(text: str) -> bool:
    """Say whether `text` is one row of a table."""
    return len(text) > 1 and text[0] == text[-1] == "|" and "\n" not in text


def is_rule(text: str) -> bool:
    """Say whether `text` is the row that parts a header from what is under it."""
    return _RULE.fullmatch(text) is not None


def header_of(text: str, row: Span) -> Span | None:
    """Return the header of the table whose row stands at `row` of `text`.

    The header is the first row of the table, and the second one a rule: a row of dashes further
    down is a row like the others. None where the row is the header, the rule, or no row; or where
    the table in `text` begins without a header.
    """
    if not is_row(text[row.start : row.end]):
        return None
    above: list[Span] = []
    end = row.start
    while (line := _line_before(text, end)) is not None:
        above.append(line)
        end = line.start
    if len(above) < _HEAD:
        return None
    rule, header = above[-2], above[-1]
    return header if is_rule(text[rule.start : rule.end]) else None


def is_header(text: str, row: Span) -> bool:
    """Say whether the row of `text` at `row` names the columns of the rows that follow."""
    first = is_row(text[row.start : row.end]) and _line_before(text, row.start) is None
    return first and is_rule(text[row.end :].lstrip().partition("\n")[0].rstrip())


def in_words(header: str, row: str) -> str:
    """Return a row with the name of its column before each cell: `Month: March; MWh: 214`.

    Cells that hold nothing are left out, and a cell without a name stands alone.
    """
    names, cells = _cells(header), _cells(row)
    names += [""] * (len(cells) - len(names))
    pairs = zip(names, cells, strict=False)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)


def _line_before(text: str, end: int) -> Span | None:
    """Return the row that ends right before `end`, None where no row does."""
    if not end:
        return None
    stop = len(text[:end].rstrip())
    start = text.rfind("\n", 0, stop) + 1
    while start < stop and text[start].isspace():
        start += 1
    parted = text.count("\n", stop, end) > 1
    return None if parted or not is_row(text[start:stop]) else Span(start, stop)


def _cells(row: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in _BETWEEN.split(row)[1:-1]]
