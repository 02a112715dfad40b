"""Where the characters of a page's text stand on a page of a PDF.

The text that is cited was cleaned, and its tables and columns were put in order, so it is not the
text of the PDF character by character. Letters and digits are what both have in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ctypes import byref, c_int
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, pairwise

import pypdfium2
from pypdfium2 import raw

from chalicelib.documents.words import Edges

MIN_SHARED = 4
"""Letters and digits in a row that a piece of a range must have to be marked by itself."""
MAX_ALIGNED = 20_000
"""Letters and digits of a page beyond which a range is looked for as a whole only."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels, from the top left corner of the picture."""


@dataclass(frozen=True, slots=True)
class PlacedLetters:
    """The letters and digits of a page in the order of its file, each with its box."""

    text: str
    boxes: Sequence[Box]


@dataclass(frozen=True, slots=True)
class CitedText:
    """A range of a page's text, and the text of the page before it.

    `words` are the boxes of its words if they were recognised on the page, as shares of the page's
    width and height; the file has no letters then.
    """

    text: str
    before: str = ""
    words: tuple[Edges, ...] = ()


def placed_letters(page: pypdfium2.PdfPage, width: int, height: int) -> PlacedLetters:
    """Return the letters and digits of a page with their boxes on its picture of that size."""
    layer = page.get_textpage()
    letters: list[str] = []
    boxes: list[Box] = []
    try:
        for n in range(layer.count_chars()):
            left, bottom, right, top = layer.get_charbox(n)
            corners = [_pixel(page, width, height, *at) for at in ((left, top), (right, bottom))]
            (one, other) = zip(*corners, strict=True)
            box = (min(one), min(other), max(one), max(other))
            for letter in _plain(layer.get_text_range(n, 1)):
                letters.append(letter)
                boxes.append(box)
    finally:
        layer.close()
    return PlacedLetters("".join(letters), boxes)


def _pixel(page: pypdfium2.PdfPage, width: int, height: int, x: float, y: float) -> tuple[int, int]:
    """Return the pixel of a point of the page, which may be turned or cropped."""
    at_x, at_y = c_int(), c_int()
    raw.FPDF_PageToDevice(page, 0, 0, width, height, 0, x, y, byref(at_x), byref(at_y))
    return at_x.value, at_y.value


def boxes_of(cited: CitedText, placed: PlacedLetters) -> list[Box]:
    """Return the boxes, one a line, that cover the cited text; none if it is not there.

    Of text that stands there several times, the occurrence is marked that the page's text has at
    that place. Text that does not stand there as a whole is marked by its pieces, such as the cells
    of a row of a table.
    """
    wanted = "".join(_plain(cited.text))
    if not wanted:
        return []
    at = _found(wanted, placed.text, "".join(_plain(cited.before)).count(wanted))
    if at >= 0:
        return _lines(placed.boxes[at : at + len(wanted)])
    if len(placed.text) > MAX_ALIGNED:
        return []
    return [box for piece in _pieces(wanted, placed.text) for box in _lines(placed.boxes[piece])]


def word_boxes(cited: CitedText, width: int, height: int) -> list[Box]:
    """Return the boxes that cover the words of the cited text on a picture.

    Words that are close to each other on a line share one: a line of a scan is seldom quite level.
    """
    runs: list[list[Box]] = []
    for left, top, right, bottom in cited.words:
        box = round(left * width), round(top * height), round(right * width), round(bottom * height)
        before = runs[-1][-1] if runs else box
        if not runs or box[0] - before[2] > before[3] - before[1]:
            runs.append([])
        runs[-1].append(box)
    return [line for run in runs for line in _lines(run)]


def _found(wanted: str, text: str, earlier: int) -> int:
    """Return where `wanted` is in `text` behind `earlier` others, or the last of fewer, or -1."""
    at = text.find(wanted)
    for _ in range(earlier):
        following = text.find(wanted, at + len(wanted)) if at >= 0 else -1
        if following < 0:
            return at
        at = following
    return at


def _plain(text: str) -> Iterator[str]:
    return (each for each in text.casefold() if each.isalnum())


def _pieces(wanted: str, text: str) -> list[slice]:
    """Return the pieces of `text` that are also in `wanted`, in the same order.

    They are looked for where most of `wanted` stands together.
    """
    longest = SequenceMatcher(None, text, wanted, autojunk=False).find_longest_match()
    if longest.size < min(MIN_SHARED, len(wanted)):
        return []
    first = max(0, longest.a - 2 * longest.b - 200)
    last = longest.a + 2 * (len(wanted) - longest.b) + 200
    blocks = SequenceMatcher(None, text[first:last], wanted, autojunk=False).get_matching_blocks()
    return [
        slice(first + block.a, first + block.a + block.size)
        for block in blocks
        if block.size >= min(MIN_SHARED, len(wanted))
    ]


def _lines(boxes: Sequence[Box]) -> list[Box]:
    """Return one box for each run of characters that stand on one line."""
    numbered = [(0, box) for box in boxes[:1]]
    for before, box in pairwise(boxes):
        line = numbered[-1][0]
        middle = (box[1] + box[3]) / 2
        same = before[1] - 1 <= middle <= before[3] + 1 and box[2] >= before[0]
        numbered.append((line if same else line + 1, box))
    return [
        (
            min(box[0] for box in line),
            min(box[1] for box in line),
            max(box[2] for box in line),
            max(box[3] for box in line),
        )
        for line in ([box for _, box in each] for _, each in groupby(numbered, lambda it: it[0]))
    ]
