"""Placements of labels in cells: above and below their values, in rows, and in tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.datasets.business_documents.label_lines import Side, write_at_side, write_label
from models.datasets.business_documents.label_look import LabelledFact, LabelLook
from models.datasets.business_documents.labelled_blocks import Area
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import LEADING

_LEAST_CELL = 62.0
"""Width of a cell in points, at least."""


def _cells(width: float, columns: int) -> int:
    return max(1, min(columns, int(width / _LEAST_CELL)))


@dataclass(frozen=True, slots=True)
class StackedLabels:
    """Write labels above their values or below them, in columns, in boxes or not."""

    columns: int
    side: Side
    skip: float
    boxed: bool = False
    grey: bool = False
    below: bool = False
    ruled: bool = False

    def __call__(
        self, pen: Pen, look: LabelLook, texts: Sequence[LabelledFact], area: Area
    ) -> float:
        """Draw labelled values, and return the top of what follows."""
        x, y, width = area
        columns = _cells(width, self.columns)
        step, small = width / columns, look.label_size * pen.size
        size = look.value_size * pen.size
        for at in range(0, len(texts), columns):
            row = texts[at : at + columns]
            lines = [
                len(pen.sheet.wrap(each.value, step - 10, size, look.value_style))
                if each.value
                else 1
                for each in row
            ]
            high = max(lines) * LEADING * size
            of_value = y + 2 if self.below else y + 3 + LEADING * small
            of_label = y + 2 + high + 1 if self.below else y + 2
            for number, each in enumerate(row):
                left = x + number * step + 4
                if self.grey:
                    pen.sheet.box(left - 4, of_label - 1, step, small + 3, grey=225)
                if self.below and self.ruled:
                    pen.sheet.rule(left, of_label - 1, left + step - 12, of_label - 1)
                if self.side == "R":
                    pen.sheet.write(
                        left + step - 10,
                        of_label,
                        each.label,
                        size=small,
                        align="R",
                        style=look.label_style,
                        colour=look.colour,
                    )
                else:
                    write_label(pen, look, each, left, of_label, "")
                write_at_side(pen, look, each.value, Area(left, of_value, step - 10), self.side)
            bottom = y + 5 + high + LEADING * small
            if self.boxed:
                for number in range(len(row)):
                    pen.sheet.box(x + number * step, y, step, bottom - y)
            y = bottom + (0 if self.boxed else self.skip)
        return y + 3


@dataclass(frozen=True, slots=True)
class FactRows:
    """Write a row of labels over a row of values, or below it."""

    most: int
    lined: bool
    grey: bool
    below: bool

    def __call__(
        self, pen: Pen, look: LabelLook, texts: Sequence[LabelledFact], area: Area
    ) -> float:
        """Draw labelled values, and return the top of what follows."""
        x, y, width = area
        most = _cells(width, self.most)
        for at in range(0, len(texts), most):
            row = texts[at : at + most]
            step = width / len(row)
            sizes = (look.label_size * pen.size, look.value_size * pen.size)
            pieces = [each.value for each in row], [each.label for each in row]
            first, second = pieces if self.below else pieces[::-1]
            top = y
            for line, of_labels in ((first, not self.below), (second, self.below)):
                size = sizes[0] if of_labels else sizes[1]
                style = look.label_style if of_labels else look.value_style
                if self.grey and of_labels:
                    pen.sheet.box(x, y, width, LEADING * size + 3, grey=220)
                bottom = y + LEADING * size
                for number, each in enumerate(line):
                    left = x + number * step + 3
                    end = pen.sheet.paragraph(left, y + 2, step - 6, each, size=size, style=style)
                    bottom = max(bottom, end)
                y = bottom + 2
                if self.lined:
                    pen.sheet.rule(x, y, x + width, y)
            if self.lined:
                for number in range(len(row) + 1):
                    pen.sheet.rule(x + number * step, top, x + number * step, y)
            y += 4
        return y + 2


@dataclass(frozen=True, slots=True)
class FactTable:
    """Write a table of two columns: labels and values, or `turned` values and labels."""

    share: float
    lined: str
    value_side: Side
    turned: bool

    def __call__(
        self, pen: Pen, look: LabelLook, texts: Sequence[LabelledFact], area: Area
    ) -> float:
        """Draw labelled values, and return the top of what follows."""
        x, y, width = area
        sizes = look.label_size * pen.size, look.value_size * pen.size
        middle = x + (1 - self.share if self.turned else self.share) * width
        for each in texts:
            left, right = Area(x + 3, y + 3, middle - x - 6), Area(middle + 3, y + 3, 0)
            right = right._replace(width=x + width - middle - 6)
            of_label, of_value = (right, left) if self.turned else (left, right)
            end = pen.sheet.paragraph(*of_label, each.label, size=sizes[0], style=look.label_style)
            bottom = max(end, y + 3 + LEADING * sizes[1])
            if each.value:
                bottom = max(
                    bottom, write_at_side(pen, look, each.value, of_value, self.value_side)
                )
            bottom += 1
            if self.lined == "all":
                pen.sheet.box(x, y, middle - x, bottom - y)
                pen.sheet.box(middle, y, x + width - middle, bottom - y)
            elif self.lined == "rows":
                pen.sheet.rule(x, bottom, x + width, bottom, 0.3)
            y = bottom
        return y + 4
