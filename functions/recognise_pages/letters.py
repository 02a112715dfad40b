"""Boxes of the words of a recognised line, from the places where the model saw its letters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.documents.words import Edges, StandingWord

if TYPE_CHECKING:
    from functions.recognise_pages.text import Point

_WORD = re.compile(r"\S+")

Corners = tuple["Point", "Point", "Point", "Point"]
"""Corners of a box, from the upper left one clockwise, in pixels."""


def words_of_line(
    text: str, corners: Corners, letters: Sequence[Corners], *, score: float, height: float
) -> tuple[StandingWord, ...]:
    """Return the words of a line with their boxes.

    Args:
        text: The line as it was recognised.
        corners: The box of the line.
        letters: The boxes of the letters, without spaces. If there are others than the text has,
            the line is divided evenly.
        score: The model's confidence of the line, which each of its words gets.
        height: The share of the line's box that its letters fill; the rest is a margin.
    """
    visible = len("".join(text.split()))
    exact = len(letters) == visible
    words: list[StandingWord] = []
    seen = 0
    for match in _WORD.finditer(text):
        size = len(match.group())
        boxes = letters[seen : seen + size] if exact else [_share(corners, text, *match.span())]
        seen += size
        words.append(StandingWord(match.group(), _edges(boxes, height), score))
    return tuple(words)


def _share(corners: Corners, text: str, start: int, end: int) -> Corners:
    """Return the box of characters of a line as if all were equally wide."""
    upper_left, upper_right, lower_right, lower_left = corners
    first, last = start / len(text), end / len(text)
    return (
        _between(upper_left, upper_right, first),
        _between(upper_left, upper_right, last),
        _between(lower_left, lower_right, last),
        _between(lower_left, lower_right, first),
    )


def _between(one: Point, other: Point, share: float) -> Point:
    return one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])


def _edges(boxes: Sequence[Corners], height: float) -> Edges:
    """Return the edges around boxes, each without the margins above and below its letters."""
    margin = (1 - height) / 2
    points = [
        _between(*side, share)
        for box in boxes
        for side in ((box[0], box[3]), (box[1], box[2]))
        for share in (margin, 1 - margin)
    ]
    across, down = [point[0] for point in points], [point[1] for point in points]
    return min(across), min(down), max(across), max(down)


def scaled(word: StandingWord, scale: float) -> StandingWord:
    """Return a word on a picture that is `scale` times as large."""
    left, top, right, bottom = (scale * edge for edge in word.box)
    return StandingWord(word.text, (left, top, right, bottom), word.confidence)


def turned_back(word: StandingWord, turns: int, width: float, height: float) -> StandingWord:
    """Return a word of a picture as it was before `turns` quarter turns to the left.

    `width` and `height` are those of the picture before.
    """
    left, top, right, bottom = word.box
    match turns % 4:
        case 1:
            box = (width - bottom, left, width - top, right)
        case 2:
            box = (width - right, height - bottom, width - left, height - top)
        case 3:
            box = (top, height - right, bottom, height - left)
        case _:
            box = word.box
    return StandingWord(word.text, box, word.confidence)
