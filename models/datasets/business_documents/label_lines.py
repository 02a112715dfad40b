"""Placements of labels in lines: before their values, behind them, above them, and in sentences.

Each draws labelled values in an area and returns the top of what follows. Its parameters are drawn
once, so that a design places all its facts alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from models.datasets.business_documents.label_look import LabelledFact, LabelLook, in_one_line
from models.datasets.business_documents.labelled_blocks import Area
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import LEADING, Run, plain

Placement = Callable[[Pen, LabelLook, Sequence[LabelledFact], Area], float]
Side = Literal["L", "R"]


def write_label(
    pen: Pen, look: LabelLook, each: LabelledFact, x: float, y: float, tail: str = ""
) -> float:
    """Write a label at the left end of a line, and return where it ends."""
    pieces = (*each.label, (tail, None)) if tail else each.label
    size = look.label_size * pen.size
    return pen.sheet.write(x, y, pieces, size=size, style=look.label_style, colour=look.colour)


def value_width(pen: Pen, look: LabelLook, pieces: Sequence[Run]) -> float:
    """Return the width of a value in one line."""
    return pen.sheet.measure(plain(pieces), look.value_size * pen.size, look.value_style)


def write_at_side(
    pen: Pen, look: LabelLook, pieces: Sequence[Run], area: Area, side: Side = "L"
) -> float:
    """Write a value, in several lines where it is too wide; return the top of what follows."""
    size = look.value_size * pen.size
    x, y, width = area
    if side == "R" and "\n" not in plain(pieces) and value_width(pen, look, pieces) <= width:
        pen.sheet.write(x + width, y, pieces, size=size, style=look.value_style, align="R")
        return y + LEADING * size
    return pen.sheet.paragraph(x, y, width, pieces, size=size, style=look.value_style)


@dataclass(frozen=True, slots=True)
class LabelsBeside:
    """Write a label and its value a line; without a `column` the value follows at once."""

    column: float | None
    label_side: Side
    value_side: Side
    leader: str
    ruled: bool

    def __call__(
        self, pen: Pen, look: LabelLook, texts: Sequence[LabelledFact], area: Area
    ) -> float:
        """Draw labelled values, and return the top of what follows."""
        x, y, width = area
        size = look.label_size * pen.size
        for each in texts:
            if self.label_side == "R" and self.column is not None:
                edge = x + self.column * width - 4
                pieces = (*each.label, (look.inner, None))
                pen.sheet.write(
                    edge,
                    y,
                    pieces,
                    size=size,
                    align="R",
                    style=look.label_style,
                    colour=look.colour,
                )
                end = edge
            else:
                end = write_label(pen, look, each, x, y, look.inner)
            start = end + 4 if self.column is None else max(x + self.column * width, end + 4)
            wide = value_width(pen, look, each.value)
            if self.leader and each.value:
                stop = x + width - wide - 4 if self.value_side == "R" else start - 3
                count = int((stop - end - 3) / max(0.5, pen.sheet.measure(self.leader, pen.size)))
                pen.sheet.write(end + 2, y, self.leader * max(0, count), size=pen.size)
            bottom = write_at_side(
                pen, look, each.value, Area(start, y, x + width - start), self.value_side
            )
            if self.ruled:
                level = y + 1.2 * pen.size
                pen.sheet.rule(start - 2, level, x + width, level)
            y = max(y + look.pitch * pen.size, bottom)
        return y + 2


@dataclass(frozen=True, slots=True)
class LabelsBehind:
    """Write a value and its label behind it, in a line."""

    column: float | None
    value_side: Side
    opened: str

    def __call__(
        self, pen: Pen, look: LabelLook, texts: Sequence[LabelledFact], area: Area
    ) -> float:
        """Draw labelled values, and return the top of what follows."""
        x, y, width = area
        for each in texts:
            room = (self.column or 0.6) * width - 6
            side: Side = self.value_side if self.column is not None else "L"
            bottom = write_at_side(pen, look, each.value, Area(x, y, room), side)
            start = (
                x + room + 6
                if self.column is not None
                else x + value_width(pen, look, each.value) + 6
            )
            if "\n" in plain(each.value):
                start = x + room + 6
            closed = ")" if self.opened == "(" else ""
            label = LabelledFact(
                ((self.opened, None), *each.label) if self.opened else each.label, ()
            )
            write_label(pen, look, label, start, y, closed)
            y = max(y + look.pitch * pen.size, bottom)
        return y + 2


@dataclass(frozen=True, slots=True)
class LabelPairs:
    """Write several labels with their values in a line."""

    gap: str

    def __call__(
        self, pen: Pen, look: LabelLook, texts: Sequence[LabelledFact], area: Area
    ) -> float:
        """Draw labelled values, and return the top of what follows."""
        x, y, width = area
        size = look.value_size * pen.size
        line: list[Run] = []
        inner = f"{look.inner.rstrip()} "
        for each in texts:
            pieces = (*each.label, (inner, None), *in_one_line(each.value))
            longer = [*line, (self.gap, None), *pieces] if line else list(pieces)
            if line and pen.sheet.measure(plain(longer), size) > width:
                y = pen.sheet.paragraph(x, y, width, line, size=size) + 1
                longer = list(pieces)
            line = longer
        return pen.sheet.paragraph(x, y, width, line, size=size) + 4


@dataclass(frozen=True, slots=True)
class IndentedValues:
    """Write each label in a line of its own, and its value below, indented."""

    indent: float

    def __call__(
        self, pen: Pen, look: LabelLook, texts: Sequence[LabelledFact], area: Area
    ) -> float:
        """Draw labelled values, and return the top of what follows."""
        x, y, width = area
        for each in texts:
            write_label(pen, look, each, x, y, look.inner.strip())
            y += LEADING * look.label_size * pen.size + 1
            bottom = write_at_side(
                pen, look, each.value, Area(x + self.indent, y, width - self.indent)
            )
            y = max(bottom, y + LEADING * pen.size) + 0.6 * (look.pitch - 1) * pen.size
        return y + 2


@dataclass(frozen=True, slots=True)
class RunningLabels:
    """Write labels and values in running lines; `after` has the labels behind, in brackets."""

    between: str
    after: bool

    def __call__(
        self, pen: Pen, look: LabelLook, texts: Sequence[LabelledFact], area: Area
    ) -> float:
        """Draw labelled values, and return the top of what follows."""
        x, y, width = area
        line: list[Run] = []
        for each in texts:
            value = in_one_line(each.value) or (("-", None),)
            label = (*each.label, (" ", None))
            pair = (
                (*value, (" (", None), *each.label, (")", None)) if self.after else (*label, *value)
            )
            line += [*pair, (self.between, None)]
        return pen.sheet.paragraph(x, y, width, line[:-1], size=look.value_size * pen.size) + 4
