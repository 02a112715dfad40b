"""Runs of lines whose amounts are those of a list that is no table.

It is the longest run of amounts that add up to one below them, as the items of a receipt do to its
total, with or without a tax whose rate stands there. Where none does, it is told by the distances
of the lines. No word tells, in any language.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number

if TYPE_CHECKING:
    from chalicelib.extraction.layout.amount_lines import AmountLine

MAX_WRAPS = 4
"""Lines of a text that go on below or above its amount, at most."""
APART = 1.3
"""Times the usual distance of lines from which on lines belong to different parts of a page."""
_BELOW = 10
"""Numbers below the last row among which its total may be."""
_CENT = Decimal("0.01")
_MIN_RATE, _MAX_RATE = Decimal(2), Decimal(30)
"""Taxes in percent."""
_MIN_DIGITS = 3
"""Digits of an amount that is no total by chance, and of the amount of a list with one row."""
_MAX_DIGITS = 18
"""Digits of an amount that may be a total: a tax is taken off it in 28."""
_PERCENT = re.compile(r"\b(\d{1,2}(?:[.,]\d{1,2})?)\s?%")
_SIGNS = re.compile(r"^[^\d+\-]+|[^\d%]+$")

Number = Callable[[str], Decimal | None]


@dataclass(frozen=True, slots=True)
class LineRun:
    """The lines `first` to `last`, whose amounts are those of the rows.

    `total` is the amount that they add up to, which proves it; None where none does.
    """

    lines: Sequence[AmountLine]
    first: int
    last: int
    rows: int
    total: Decimal | None = None


def line_runs(edges: Sequence[Sequence[AmountLine]], number: Number) -> list[LineRun]:
    """Return the run that a sum proves to be a list, or else the longest even run of each edge.

    Args:
        edges: The lines of a document, with the amounts of one edge each.
        number: Reads a number as the document writes it.
    """
    proven = [run for lines in edges for run in _proven_runs(lines, number)]
    if proven:
        return [_best_proven(proven)]
    even = [_even_run(lines, number) for lines in edges]
    return [run for run in even if run is not None]


def _best_proven(runs: Sequence[LineRun]) -> LineRun:
    """Return the longest run, or the one above it with the same total.

    Of an invoice with taxes, the net sum and the taxes add up to what the items do, too. Of runs
    that begin together the shorter one is without the line of the tax.
    """
    best = max(runs, key=lambda run: (run.rows, -run.first))
    same = [run for run in runs if run.total == best.total]
    above = [run for run in same if run.last < best.first]
    best = max(above, key=lambda run: (run.rows, -run.first), default=best)
    untaxed = [run for run in same if run.first == best.first and run.last < best.last]
    return max(untaxed, key=lambda run: run.rows, default=best)


def _anchors(lines: Sequence[AmountLine], number: Number) -> list[tuple[int, Decimal]]:
    """Return the numbers of the lines with a number at the edge, and their amounts."""
    return [
        (at, value)
        for at, line in enumerate(lines)
        if line.amount is not None and (value := _value(line.amount.text, number)) is not None
    ]


def _proven_runs(lines: Sequence[AmountLine], number: Number) -> Iterator[LineRun]:
    """Yield the runs of amounts that add up to a number below, from the top.

    None begins with an amount that is itself the sum of those above it, or goes over a line whose
    amount stands elsewhere, as in a table of several columns.
    """
    anchors = _anchors(lines, number)
    others = _values(lines, number)
    places = _places([value for _, value in anchors])
    elsewhere = [at for at, value in others if lines[at].amount is None and _has(value, places)]
    sums = [Decimal(0)]
    for _, value in anchors:
        sums.append(sums[-1] + value)
    begins: dict[Decimal, int] = {}
    totals: set[int] = set()
    for last, (at, value) in enumerate(anchors):
        begins.setdefault(sums[last], last)
        for place, total, sum_of_rows in _sums_below(lines, others, at):
            first = _first(begins, sums[last + 1] - sum_of_rows)
            if first is None or anchors[first][0] in totals:
                continue
            rows, start = last - first + 1, anchors[first][0]
            crossed = any(start < other < at for other in elsewhere)
            if not crossed and (rows > 1 or len(value.as_tuple().digits) >= _MIN_DIGITS):
                totals.add(place)
                yield LineRun(lines, start, at, rows, total)


def _first(begins: Mapping[Decimal, int], wanted: Decimal) -> int | None:
    for near in (Decimal(0), _CENT, -_CENT):
        if (first := begins.get(wanted - near)) is not None:
            return first
    return None


def _sums_below(
    lines: Sequence[AmountLine], values: Sequence[tuple[int, Decimal]], at: int
) -> Iterator[tuple[int, Decimal, Decimal]]:
    """Yield the amounts below a line, and what rows add up to if each is their total.

    It is the amount, or the amount without a tax whose rate stands below, too.
    """
    below = [value for value in values if value[0] > at][:_BELOW]
    rates = {
        rate
        for place in dict.fromkeys(place for place, _ in below)
        for cell in (*lines[place].cells, lines[place].amount)
        for found in _PERCENT.findall(cell.text if cell else "")
        if _MIN_RATE <= (rate := Decimal(found.replace(",", "."))) < _MAX_RATE
    }
    for place, total in below:
        if _MIN_DIGITS <= len(total.as_tuple().digits) <= _MAX_DIGITS:
            yield place, total, total
            for rate in rates:
                yield place, total, (total / (1 + rate / 100)).quantize(_CENT)


def _values(lines: Sequence[AmountLine], number: Number) -> list[tuple[int, Decimal]]:
    """Return all numbers, each with the number of its line."""
    return [
        (at, value)
        for at, line in enumerate(lines)
        for cell in (*line.cells, line.amount)
        if cell is not None and (value := _value(cell.text, number)) is not None
    ]


def _places(values: Sequence[Decimal]) -> int:
    """Return the digits behind the mark of most amounts."""
    return Counter(map(_exponent, values)).most_common(1)[0][0] if values else 0


def _has(value: Decimal, places: int) -> bool:
    return 0 < places == _exponent(value)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _even_run(lines: Sequence[AmountLine], number: Number) -> LineRun | None:
    """Return the longest run of lines with amounts between which no line stands apart."""
    anchors = [at for at, _ in _anchors(lines, number)]
    best = (0, 0, 0)
    usual = usual_step(lines)
    start = 0
    for n, at in enumerate(anchors):
        if n and _is_apart(lines[anchors[n - 1] : at + 1], usual):
            start = n
        best = max(best, (n - start + 1, -start, n))
    rows, first, last = best
    return LineRun(lines, anchors[-first], anchors[last], rows) if rows > 1 else None


def usual_step(lines: Sequence[AmountLine]) -> float:
    """Return the usual distance of a line and the next on its page, 0 of a single line."""
    steps = [line_step(one, other) for one, other in pairwise(lines) if one.page == other.page]
    return median(steps) if steps else 0.0


def _is_apart(between: Sequence[AmountLine], usual: float) -> bool:
    if len(between) > 2 + MAX_WRAPS:
        return True
    return any(
        one.page == other.page and line_step(one, other) > APART * usual
        for one, other in pairwise(between)
    )


def line_step(above: AmountLine, below: AmountLine) -> float:
    """Return the distance of two lines of one page."""
    return below.top - above.top


def _value(text: str, number: Number) -> Decimal | None:
    """Return the number of a text, without signs and letters around it."""
    return number(text) or number(_SIGNS.sub("", text)) if is_number(text) else None
