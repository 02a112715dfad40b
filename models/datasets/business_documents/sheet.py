"""Pages to write on: texts at places, with the boxes of the values among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from fpdf import FPDF

from models.datasets.business_documents.generated_document import Edges, TruePlace

Align = Literal["L", "C", "R"]
Run = tuple[str, str | None]
"""A piece of text, and the value that it shows."""

_MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_ASCENT = 0.8
"""Share of a line's size above its baseline."""
_WIDER_EURO = {
    ("helvetica", False): 0.111,
    ("helvetica", True): 0.166,
    ("times", False): 0.222,
    ("times", True): 0.222,
}
"""By how many sizes the euro sign of PDFium's own fonts, which are not embedded, is wider."""
_TOUCH = 1.5
"""Points that the boxes of two texts may share in both directions: letters do not fill theirs."""
LEADING = 1.25
"""Distance of baselines, in sizes."""


def runs(text: str | Sequence[Run]) -> tuple[Run, ...]:
    """Return a text as pieces."""
    return ((text, None),) if isinstance(text, str) else tuple(text)


def plain(pieces: Sequence[Run]) -> str:
    """Return the text of pieces."""
    return "".join(text for text, _ in pieces)


class Sheet:
    """A PDF that is drawn from the top of each page, in points, and remembers marked values.

    `places` has, for each value, where it stands. Fonts are those that every PDF reader has, in
    the characters of Windows-1252.
    """

    def __init__(self, font: str, size: tuple[float, float] = (595.0, 842.0)) -> None:
        self._pdf = FPDF(unit="pt", format=size)
        self._pdf.core_fonts_encoding = "cp1252"
        self._pdf.set_creation_date(_MADE)
        self._pdf.set_auto_page_break(False)
        self.font = font
        self.width, self.height = size
        self.places: dict[str, list[TruePlace]] = {}
        self._drawn: list[tuple[int, Edges]] = []
        self._on_page: Callable[[Sheet], None] | None = None
        self._set = ("", 0.0)

    @property
    def page(self) -> int:
        """Return the number of the page that is written on."""
        return self._pdf.page

    def on_page(self, draw: Callable[[Sheet], None]) -> None:
        """Have `draw` called on each new page."""
        self._on_page = draw

    def add_page(self) -> None:
        """Begin a page."""
        self._pdf.add_page()
        self._set = ("", 0.0)
        if self._on_page:
            self._on_page(self)

    def measure(self, text: str, size: float, style: str = "") -> float:
        """Return the width of a text."""
        self._use(size, style)
        width = float(self._pdf.get_string_width(text))
        return width + text.count("€") * size * _WIDER_EURO.get((self.font, "B" in style), 0.0)

    def write(
        self,
        x: float,
        y: float,
        text: str | Sequence[Run],
        *,
        size: float = 10,
        style: str = "",
        align: Align = "L",
        colour: int = 0,
    ) -> float:
        """Write one line whose left end, middle or right end is at `x`, its top at `y`.

        Returns:
            Where it ends at the right.
        """
        pieces = runs(text)
        whole = plain(pieces)
        width = self.measure(whole, size, style)
        left = x - {"L": 0.0, "C": width / 2, "R": width}[align]
        self._draw(left, y, whole, size, style, colour)
        for mark, found, box in self._marked(left, y, pieces, size, style):
            self.mark(mark, found, (box,))
        return left + width

    def paragraph(
        self,
        x: float,
        y: float,
        width: float,
        text: str | Sequence[Run],
        *,
        size: float = 10,
        style: str = "",
        leading: float = LEADING,
    ) -> float:
        """Write text in lines of at most `width`; a value may go over several.

        Returns:
            The top of what follows.
        """
        boxes: dict[str, list[tuple[str, Edges]]] = {}
        for line in self.wrap(runs(text), width, size, style):
            self._draw(x, y, plain(line), size, style, 0)
            for mark, found, box in self._marked(x, y, line, size, style):
                boxes.setdefault(mark, []).append((found, box))
            y += leading * size
        for mark, parts in boxes.items():
            raw = " ".join(found for found, _ in parts)
            self.mark(mark, raw, tuple(box for _, box in parts))
        return y

    def mark(self, mark: str, raw: str, boxes: tuple[Edges, ...]) -> None:
        """Remember that a value stands in boxes of this page."""
        self.places.setdefault(mark, []).append(TruePlace(self.page, raw, boxes))

    def wrap(
        self, pieces: Sequence[Run], width: float, size: float, style: str = ""
    ) -> list[list[Run]]:
        """Return pieces in lines; a line break in a text begins a line."""
        lines: list[list[Run]] = [[]]
        for word, mark in _words(pieces):
            if word == "\n":
                lines.append([])
                continue
            line = lines[-1]
            longer = plain(line) + word
            if line and self.measure(longer.rstrip(), size, style) > width:
                lines[-1] = _stripped(line)
                lines.append([(word.lstrip(), mark)])
            elif line and line[-1][1] == mark:
                line[-1] = (line[-1][0] + word, mark)
            else:
                line.append((word, mark))
        return [_stripped(line) for line in lines]

    def rule(self, x0: float, y0: float, x1: float, y1: float, weight: float = 0.5) -> None:
        """Draw a line."""
        self._pdf.set_line_width(weight)
        self._pdf.line(x0, y0, x1, y1)

    def box(
        self, x: float, y: float, width: float, height: float, *, grey: int | None = None
    ) -> None:
        """Draw the frame of a box, or fill it with a grey."""
        if grey is None:
            self._pdf.set_line_width(0.5)
            self._pdf.rect(x, y, width, height)
            return
        self._pdf.set_fill_color(grey)
        self._pdf.rect(x, y, width, height, style="F")

    def output(self) -> bytes:
        """Return the PDF."""
        return bytes(self._pdf.output())

    def _use(self, size: float, style: str) -> None:
        if self._set != (style, size):
            self._pdf.set_font(self.font, style, size)
            self._set = (style, size)

    def _draw(self, x: float, y: float, text: str, size: float, style: str, colour: int) -> None:
        if not text:
            return
        self._use(size, style)
        self._pdf.set_text_color(colour)
        self._pdf.text(x, y + _ASCENT * size, text)
        if text.strip():
            right = x + self.measure(text.rstrip(), size, style)
            self._drawn.append((self.page, (x, y, right, y + size)))

    def is_legible(self) -> bool:
        """Tell whether all texts are on their pages, and none is written over another."""
        for page in range(1, self.page + 1):
            boxes = np.array([box for number, box in self._drawn if number == page]).reshape(-1, 4)
            low, high = boxes[:, :2], boxes[:, 2:]
            outside = (low < 0) | (high > (self.width, self.height))
            shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
            np.einsum("iij->ij", shared)[...] = 0.0
            if outside.any() or (shared > _TOUCH).all(axis=2).any():
                return False
        return True

    def _marked(
        self, x: float, y: float, pieces: Sequence[Run], size: float, style: str
    ) -> Iterator[tuple[str, str, Edges]]:
        """Yield each value of a line with its text and box; neighbouring pieces are one."""
        before = ""
        for text, mark in pieces:
            if mark and text.strip():
                lead = len(text) - len(text.lstrip())
                left = x + self.measure(before + text[:lead], size, style)
                right = left + self.measure(text.strip(), size, style)
                yield mark, text.strip(), (left, y, right, y + size)
            before += text


def _words(pieces: Sequence[Run]) -> Iterator[Run]:
    """Yield words, each with the spaces before it, and line breaks."""
    for text, mark in pieces:
        word = ""
        for character in text:
            if character == "\n":
                if word:
                    yield word, mark
                yield "\n", None
                word = ""
            elif character == " " and word.strip():
                yield word, mark
                word = " "
            else:
                word += character
        if word:
            yield word, mark


def _stripped(line: Sequence[Run]) -> list[Run]:
    if not line:
        return []
    return [*line[:-1], (line[-1][0].rstrip(), line[-1][1])]
