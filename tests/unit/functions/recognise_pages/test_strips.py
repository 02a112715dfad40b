"""Long pictures, read strip by strip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chalicelib.documents.words import StandingWord
from functions.recognise_pages.strips import recognise_long
from functions.recognise_pages.text import RecognisedLine

WIDTH, LINE, GAP = 100, 6, 14


def dark_rows(pixels: NDArray[np.uint8]) -> Sequence[RecognisedLine]:
    """Return a line for each run of dark rows, named by its darkness, as a recogniser would."""
    rows = pixels[:, 0, 0]
    lines = []
    for value in sorted(set(rows.tolist()) - {255}):
        (at,) = np.nonzero(rows == value)
        top, bottom = float(at[0]), float(at[-1] + 1)
        corners = ((0.0, top), (WIDTH, top), (WIDTH, bottom), (0.0, bottom))
        word = StandingWord(str(value), (0.0, top, WIDTH, bottom), 0.9)
        lines.append(RecognisedLine(corners, str(value), 0.9, (word,)))
    return lines


def page(lines: int) -> NDArray[np.uint8]:
    pixels = np.full((lines * (LINE + GAP), WIDTH, 3), 255, np.uint8)
    for number in range(lines):
        top = number * (LINE + GAP)
        pixels[top : top + LINE] = number
    return pixels


def test_each_line_of_a_long_picture_should_be_read_once_and_whole() -> None:
    shown: list[tuple[int, ...]] = []

    def recognise(pixels: NDArray[np.uint8]) -> Sequence[RecognisedLine]:
        shown.append(pixels.shape)
        return dark_rows(pixels)

    lines = recognise_long(page(50), recognise)
    assert [line.text for line in lines] == [str(number) for number in range(50)]
    for number, line in enumerate(lines):
        top = number * (LINE + GAP)
        assert [corner[1] for corner in line.corners] == [top, top, top + LINE, top + LINE]
        assert line.words[0].box == (0.0, top, WIDTH, top + LINE)
    assert len(shown) == 8
    assert max(height for height, *_ in shown) <= 1.5 * WIDTH


def test_a_page_should_be_read_at_once() -> None:
    shown: list[tuple[int, ...]] = []

    def recognise(pixels: NDArray[np.uint8]) -> Sequence[RecognisedLine]:
        shown.append(pixels.shape)
        return ()

    recognise_long(page(10), recognise)
    assert shown == [(200, WIDTH, 3)]
