"""Blocks of labelled values, as designs set them: labels left, above, in rows and in boxes.

Each draws concepts in an area and returns the top of what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import LEADING, plain

Leader = Literal["", ":", " ."]


class Area(NamedTuple):
    """Position of a block: its left edge, its top, and its greatest width."""

    x: float
    y: float
    width: float


def write_value(
    pen: Pen, x: float, y: float, width: float, concept: str, *, style: str = "", size: float = 0
) -> float:
    """Write a value, wrapped where it is too wide; one value whatever its lines."""
    size = size or pen.size
    return pen.sheet.paragraph(x, y, width, pen.value(concept), size=size, style=style)


def labels_left(
    pen: Pen,
    names: Sequence[str],
    area: Area,
    *,
    leader: Leader = ":",
    gap: float | None = None,
    value_right: bool = False,
) -> float:
    """Write a label and its value a line; without a `gap` the value follows its label at once."""
    x, y, width = area
    size = pen.size
    for name in pen.known(names):
        label = pen.label(name) + (":" if leader == ":" else "")
        end = pen.sheet.write(x, y, label, size=size)
        value = pen.value(name)
        start = end + 4 if gap is None else max(x + gap, end + 4)
        if value_right and "\n" not in plain(value):
            total = pen.sheet.measure(plain(value), size)
            if leader == " .":
                dot = pen.sheet.measure(" .", size)
                room = x + width - total - 6 - end
                pen.sheet.write(end + 2, y, " ." * max(0, int(room / dot) - 1), size=size)
            pen.sheet.write(x + width, y, value, size=size, align="R")
            y += LEADING * size
            continue
        y = max(y + LEADING * size, write_value(pen, start, y, x + width - start, name))
    return y


def labels_above(
    pen: Pen,
    names: Sequence[str],
    area: Area,
    *,
    columns: int = 1,
    boxed: bool = False,
    grey: bool = False,
) -> float:
    """Write small labels with values below them, in columns, in boxes or not."""
    x, y, width = area
    known = pen.known(names)
    small, step = pen.size - 1.5, width / columns
    for at in range(0, len(known), columns):
        row, ends = known[at : at + columns], []
        for column, name in enumerate(row):
            left = x + column * step + 4
            if grey:
                pen.sheet.box(left - 4, y, step, small + 4, grey=225)
            pen.sheet.write(left, y + 2, pen.label(name), size=small, colour=90)
            ends.append(write_value(pen, left, y + 5 + small, step - 8, name))
        bottom = max(ends) + 3
        if boxed:
            for column in range(len(row)):
                pen.sheet.box(x + column * step, y, step, bottom - y)
        y = bottom + (0 if boxed else 4)
    return y


def label_row(pen: Pen, names: Sequence[str], area: Area, *, lined: bool = True) -> float:
    """Write a table of two rows: labels, and values below."""
    x, y, width = area
    known = pen.known(names)
    if not known:
        return y
    step, high = width / len(known), LEADING * pen.size + 4
    ends = []
    for column, name in enumerate(known):
        left = x + column * step + 3
        top = pen.sheet.paragraph(
            left, y + 3, step - 6, pen.label(name), size=pen.size - 1, style="B"
        )
        ends.append(top)
    below = max(ends) + 2
    bottoms = [
        write_value(pen, x + column * step + 3, below + 2, step - 6, name)
        for column, name in enumerate(known)
    ]
    bottom = max(*bottoms, below + high)
    if lined:
        pen.sheet.box(x, y, width, bottom - y)
        pen.sheet.rule(x, below, x + width, below)
        for column in range(1, len(known)):
            pen.sheet.rule(x + column * step, y, x + column * step, bottom)
    return bottom + 6


def label_table(
    pen: Pen,
    names: Sequence[str],
    area: Area,
    *,
    share: float = 0.5,
    right: bool = False,
    strong: str = "",
) -> float:
    """Write a table of two columns with lines around each cell; `strong` is set bold."""
    x, y, width = area
    for name in pen.known(names):
        style = "B" if name == strong else ""
        middle = x + share * width
        top = pen.sheet.paragraph(
            x + 3, y + 3, share * width - 6, pen.label(name), size=pen.size, style=style
        )
        if right and "\n" not in plain(pen.value(name)):
            pen.sheet.write(
                x + width - 3, y + 3, pen.value(name), size=pen.size, style=style, align="R"
            )
            end = y + 3 + LEADING * pen.size
        else:
            end = write_value(pen, middle + 3, y + 3, (1 - share) * width - 6, name, style=style)
        bottom = max(top, end) + 1
        pen.sheet.box(x, y, share * width, bottom - y)
        pen.sheet.box(middle, y, (1 - share) * width, bottom - y)
        y = bottom
    return y + 6


def party(
    pen: Pen,
    name: str,
    address: str,
    area: Area,
    *,
    labelled: bool = True,
    bold: bool = True,
) -> float:
    """Write the name and the address of a party below its label, or without one."""
    x, y, width = area
    if labelled:
        pen.sheet.write(x, y, pen.label(name), size=pen.size - 1, colour=90)
        y += LEADING * pen.size
    if pen.has(name):
        y = write_value(pen, x, y, width, name, style="B" if bold else "")
    if pen.has(address):
        y = write_value(pen, x, y, width, address)
    return y
