"""Text of a page, in reading order, from the lines recognised on a picture."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from chalicelib.documents.boxes import Piece, Row, line_height
from chalicelib.documents.layout import Grid, Prose, regions
from chalicelib.documents.pages import Block, headed, page_of
from chalicelib.documents.tables import table_blocks
from chalicelib.documents.words import StandingWord, placed_words

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import Page
    from chalicelib.contracts.page_words import WordBox

MIN_SCORE = 0.5
"""Score below which an apparent text is mostly a stain or a drawing."""

MIN_CERTAIN, MIN_LETTERS = 0.75, 3
"""Score and letters of a line that shows that there is text in a photograph at all."""

_GAP = 1.0
"""The smallest gap between cells of a table, in line heights."""
LETTERS = 0.6
"""Share of the height of a box by which the model extends it on every side."""
_WIDE = 4.0
_PARAGRAPH = 1.5
_HYPHENATED = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_A-Z])")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class RecognisedLine:
    """Text between four corners, from the upper left one clockwise, in pixels.

    `score` is how certain the model is of its letters, 0 to 1. `words` are those of the line with
    their boxes on the page as it lies in the file, which may be turned and in another unit.
    """

    corners: tuple[Point, Point, Point, Point]
    text: str
    score: float
    words: tuple[StandingWord, ...] = ()


def text_page(page: Page, lines: Sequence[RecognisedLine]) -> Page:
    """Return `page` with the text of `lines` instead of its own, below the headings it has.

    Signs alone, without a letter or a digit, are not text.
    """
    page_regions = regions(_straight(_usable(lines)), _GAP)
    blocks = [block for region in page_regions for block in _blocks(region)]
    return headed(page_of(page.page, blocks), [(0, trail) for _, trail in page.headings])


def words_of(page: Page, lines: Sequence[RecognisedLine]) -> tuple[WordBox, ...]:
    """Return the words of `lines` that are in the text of `page`, which was made of them."""
    return placed_words(page.text, [word for line in _usable(lines) for word in line.words])


def _usable(lines: Sequence[RecognisedLine]) -> list[RecognisedLine]:
    usable = [line for line in lines if line.score >= MIN_SCORE and line.text.strip()]
    has_letters = any(character.isalnum() for line in usable for character in line.text)
    return usable if has_letters else []


def shows_text(lines: Sequence[RecognisedLine]) -> bool:
    """Return whether lines that were recognised in a photograph are text rather than shapes.

    Round things pass for an `O`, and folds for a `T`: a line of text has more letters than that.
    """
    return any(
        line.score >= MIN_CERTAIN and sum(map(str.isalnum, line.text)) >= MIN_LETTERS
        for line in lines
    )


def confidence(lines: Sequence[RecognisedLine]) -> float:
    """Return the confidence of the letters of a page, including those that were left out."""
    letters = sum(len(line.text) for line in lines)
    return sum(line.score * len(line.text) for line in lines) / letters if letters else 0.0


def _straight(lines: Sequence[RecognisedLine]) -> list[Piece]:
    """Return `lines` rotated as on a page that was scanned straight."""
    sides = [_side(line.corners[0], line.corners[1]) for line in lines]
    heights = [math.hypot(*_side(line.corners[0], line.corners[3])) for line in lines]
    wide = [
        math.atan2(side[1], side[0])
        for side, height in zip(sides, heights, strict=True)
        if math.hypot(*side) > _WIDE * height
    ]
    turn = -median(wide) if wide else 0.0
    return [
        _piece(line, math.hypot(*side), height, turn)
        for line, side, height in zip(lines, sides, heights, strict=True)
    ]


def _side(start: Point, end: Point) -> Point:
    return end[0] - start[0], end[1] - start[1]


def _piece(line: RecognisedLine, width: float, height: float, turn: float) -> Piece:
    x = sum(corner[0] for corner in line.corners) / 4
    y = sum(corner[1] for corner in line.corners) / 4
    across = x * math.cos(turn) - y * math.sin(turn)
    down = x * math.sin(turn) + y * math.cos(turn)
    letters = LETTERS * height
    reach = max(letters, width - height + letters) / 2
    return Piece(
        left=across - reach,
        top=down - letters / 2,
        right=across + reach,
        bottom=down + letters / 2,
        text=line.text.strip(),
    )


def _blocks(region: Prose | Grid) -> Iterator[Block]:
    if isinstance(region, Grid):
        yield from table_blocks(region.cells)
        return
    for paragraph in _paragraphs(region.rows):
        text = "\n".join(" ".join(cell.text for cell in row) for row in paragraph)
        yield Block(_HYPHENATED.sub("", text))


def _paragraphs(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the rows of each paragraph; a gap wider than a line separates paragraphs."""
    pitch = _PARAGRAPH * _pitch(rows)
    paragraph = [rows[0]]
    for above, below in pairwise(rows):
        if below[0].middle - above[0].middle > pitch:
            yield paragraph
            paragraph = []
        paragraph.append(below)
    yield paragraph


def _pitch(rows: Sequence[Row]) -> float:
    """Return the typical distance between lines."""
    steps = [b[0].middle - a[0].middle for a, b in pairwise(rows)]
    return median(steps) if steps else line_height(rows)
