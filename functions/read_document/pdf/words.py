"""The words of a PDF's text layer, with their boxes in points of the page as it is displayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ctypes import byref, c_int
from typing import TYPE_CHECKING

from pypdfium2 import raw

from chalicelib.contracts.page_words import PageWords
from chalicelib.documents.words import StandingWord, placed_words
from functions.read_document.pdf.glyphs import Glyph, text_of, usual_height

if TYPE_CHECKING:
    import pypdfium2

_WORD_GAP = 0.6
"""Share of a character's size that is too wide for a gap within a word."""
_UNITS = 10
"""Steps of a point in which places are counted."""


def page_words(
    page: pypdfium2.PdfPage, number: int, glyphs: Sequence[Glyph] | None, text: str
) -> PageWords:
    """Return the words of a page that are in its `text`; None of them without `glyphs`."""
    width, height = page.get_size()
    width, height = max(1.0, width), max(1.0, height)
    if glyphs is None:
        return PageWords(page=number, width=width, height=height, words=None)
    right, down = _origin(page, width, height)
    standing: list[StandingWord] = []
    for word in _words(glyphs):
        box = (
            _within(min(glyph.left for glyph in word) + right, width),
            _within(min(glyph.top for glyph in word) + down, height),
            _within(max(glyph.right for glyph in word) + right, width),
            _within(max(glyph.bottom for glyph in word) + down, height),
        )
        if box[0] < box[2] and box[1] < box[3]:
            standing.append(StandingWord(text_of(word), box))
    return PageWords(
        page=number,
        width=round(width, 1),
        height=round(height, 1),
        words=placed_words(text, standing),
    )


def _words(glyphs: Sequence[Glyph]) -> Iterator[list[Glyph]]:
    """Yield the characters of each word, in whatever direction they run."""
    usual = usual_height(glyphs)
    word: list[Glyph] = []
    for glyph in glyphs:
        if word and not (glyph.stands and _is_near(word[-1], glyph, usual)):
            yield word
            word = []
        if glyph.stands:
            word.append(glyph)
    if word:
        yield word


def _is_near(before: Glyph, glyph: Glyph, usual: float) -> bool:
    across = max(glyph.left - before.right, before.left - glyph.right)
    down = max(glyph.top - before.bottom, before.top - glyph.bottom)
    size = max(glyph.bottom - glyph.top, glyph.right - glyph.left)
    return max(across, down) < _WORD_GAP * max(size, before.bottom - before.top, usual)


def _origin(page: pypdfium2.PdfPage, width: float, height: float) -> tuple[float, float]:
    """Return where the origin of a page's coordinates is displayed: it may be cropped or turned."""
    x, y = c_int(), c_int()
    size = round(width * _UNITS), round(height * _UNITS)
    raw.FPDF_PageToDevice(page, 0, 0, *size, 0, 0.0, 0.0, byref(x), byref(y))
    return x.value / _UNITS, y.value / _UNITS


def _within(at: float, length: float) -> float:
    return round(min(max(0.0, at), length), 1)
