"""Blocks of labelled values that no training sees: labels below, after, in lines and at a margin.

Each draws concepts in an area and returns the top of what follows.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.datasets.business_documents.labelled_blocks import Area, write_value
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import LEADING, Run, plain


def labels_below(pen: Pen, names: Sequence[str], area: Area, *, columns: int = 2) -> float:
    """Write values over lines, with small labels under the lines."""
    x, y, width = area
    known, step = pen.known(names), width / columns
    for at in range(0, len(known), columns):
        row = known[at : at + columns]
        ends = [
            write_value(pen, x + column * step, y, step - 14, name)
            for column, name in enumerate(row)
        ]
        line = max(ends) + 1
        for column, name in enumerate(row):
            left = x + column * step
            pen.sheet.rule(left, line, left + step - 14, line, 0.3)
            pen.sheet.write(left, line + 2, pen.label(name), size=pen.size - 2)
        y = line + 2.2 * pen.size
    return y


def facts_in_lines(pen: Pen, names: Sequence[str], area: Area, *, between: str = "  |  ") -> float:
    """Write labels and values one after the other in running lines, parted by a sign."""
    x, y, width = area
    pieces: list[Run] = []
    for name in pen.known(names):
        if "\n" in plain(pen.value(name)):
            continue
        if pieces:
            pieces.append((between, None))
        pieces += [(f"{pen.label(name)} ", None), *pen.value(name)]
    return pen.sheet.paragraph(x, y, width, pieces, size=pen.size) + 2


def sidebar(pen: Pen, names: Sequence[str], area: Area) -> float:
    """Write values against the right edge of a column, their labels above them in bold."""
    x, y, width = area
    right = x + width
    for name in pen.known(names):
        pen.sheet.write(right, y, pen.label(name), size=pen.size - 1, style="B", align="R")
        y += LEADING * (pen.size - 1)
        value = pen.value(name)
        if "\n" in plain(value) or pen.sheet.measure(plain(value), pen.size) > width:
            y = write_value(pen, x, y, width, name)
        else:
            pen.sheet.write(right, y, value, size=pen.size, align="R")
            y += LEADING * pen.size
        y += 5
    return y


def labels_after(pen: Pen, names: Sequence[str], area: Area) -> float:
    """Write values with their labels in brackets behind them, in running text."""
    x, y, width = area
    pieces: list[Run] = []
    for name in pen.known(names):
        pieces += [*pen.value(name), (f" ({pen.label(name)}), ", None)]
    return pen.sheet.paragraph(x, y, width, pieces, size=pen.size, leading=1.6)


def four_cells(pen: Pen, names: Sequence[str], area: Area) -> float:
    """Write a table of label, value, label, value, with lines below its rows."""
    x, y, width = area
    known = pen.known(names)
    for at in range(0, len(known), 2):
        ends = []
        for column, name in enumerate(known[at : at + 2]):
            left = x + column * width / 2
            room = width * 0.22
            ends.append(
                pen.sheet.paragraph(
                    left, y + 3, room - 4, pen.label(name), size=pen.size, style="I"
                )
            )
            ends.append(write_value(pen, left + room, y + 3, width / 2 - room - 6, name))
        y = max(ends) + 2
        pen.sheet.rule(x, y, x + width, y, 0.3)
    return y + 4


def sums_in_a_row(pen: Pen, names: Sequence[str], area: Area) -> float:
    """Write sums side by side, each above its label, the last one large."""
    x, y, width = area
    known = pen.known(names)
    if not known:
        return y
    step = width / len(known)
    for at, name in enumerate(known):
        right = x + (at + 1) * step
        size = pen.size + (2 if at == len(known) - 1 else 0)
        pen.sheet.write(right, y, pen.value(name), size=size, align="R")
        pen.sheet.write(right, y + 1.6 * pen.size, pen.label(name), size=pen.size - 2, align="R")
    return y + 3.2 * pen.size
