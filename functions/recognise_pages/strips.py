"""Recognition of long pictures, such as a screenshot of a whole web page, strip by strip.

Text is detected on a picture of bounded size, on which the letters of a long one would be too
small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.documents.words import StandingWord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from functions.recognise_pages.text import RecognisedLine

LONG = 2.0
"""Height of a picture in widths from which on it is read in strips."""
_STRIP = 1.25
"""Height of a strip in widths, without what it shares with its neighbours."""
_SHARED = 0.1
"""What a strip shows of its neighbours on each side, in widths: more than a line of text."""


def recognise_long(
    pixels: NDArray[np.uint8], recognise: Callable[[NDArray[np.uint8]], Sequence[RecognisedLine]]
) -> Sequence[RecognisedLine]:
    """Return the lines recognised on a picture, in strips if it is much higher than wide.

    A line on the border of two strips is in both, and is taken from the one that has its middle.
    """
    height, width = pixels.shape[:2]
    if height <= LONG * width:
        return recognise(pixels)
    return [
        line
        for first, last, top, bottom in _strips(height, width)
        for line in (_lowered(each, top) for each in recognise(pixels[top:bottom].copy()))
        if first <= _middle(line) < last
    ]


def _strips(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the first and last row of each strip, and the first and last that it shows."""
    count = max(1, round(height / (_STRIP * width)))
    edges = [round(number * height / count) for number in range(count + 1)]
    shared = round(_SHARED * width)
    for first, last in pairwise(edges):
        yield first, last, max(0, first - shared), min(height, last + shared)


def _middle(line: RecognisedLine) -> float:
    return sum(corner[1] for corner in line.corners) / len(line.corners)


def _lowered(line: RecognisedLine, rows: int) -> RecognisedLine:
    """Return a line of a strip that begins `rows` rows below the top, as it is on the picture."""
    first, second, third, fourth = ((x, y + rows) for x, y in line.corners)
    return replace(
        line,
        corners=(first, second, third, fourth),
        words=tuple(_lowered_word(word, rows) for word in line.words),
    )


def _lowered_word(word: StandingWord, rows: int) -> StandingWord:
    left, top, right, bottom = word.box
    return replace(word, box=(left, top + rows, right, bottom + rows))
