"""The characters of a PDF page with their boxes on the page as it is displayed."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pypdfium2 import raw

from chalicelib.documents.boxes import Piece
from functions.read_document.pdf.frames import rotated_box

if TYPE_CHECKING:
    import pypdfium2

MAX_CHARACTERS = 50_000
"""A page with more characters is not searched for tables and words, which would take too long."""

_HYPHEN_AT_LINE_END = re.compile("[\ufffe\x02](?:\r?\n)?")
_WORD_GAP = 0.6


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character and its box; a space or a line end that the library inserted has none."""

    text: str
    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    @property
    def stands(self) -> bool:
        """Return whether the character is visible."""
        return self.bottom > self.top and not self.text.isspace()


def glyphs_of(page: pypdfium2.PdfPage, layer: pypdfium2.PdfTextPage) -> list[Glyph]:
    """Return the characters of a page in the order of its content."""
    rotation = raw.FPDFPage_GetRotation(page)
    edges = [ctypes.c_double() for _ in range(4)]
    left, right, bottom, top = edges
    places = [ctypes.byref(edge) for edge in edges]
    glyphs: list[Glyph] = []
    for index in range(raw.FPDFText_CountChars(layer)):
        code = raw.FPDFText_GetUnicode(layer, index)
        if not code or not raw.FPDFText_GetCharBox(layer, index, *places):
            glyphs.append(Glyph(chr(code) if code else ""))
            continue
        box = rotated_box(rotation, left.value, bottom.value, right.value, top.value)
        glyphs.append(Glyph(chr(code), *box))
    return glyphs


def text_of(glyphs: Iterable[Glyph]) -> str:
    """Return the text of characters, some of which may be halves of a surrogate pair."""
    text = "".join(glyph.text for glyph in glyphs)
    return join_hyphens(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore"))


def join_hyphens(text: str) -> str:
    """Return text with words joined that are hyphenated at a line end."""
    return _HYPHEN_AT_LINE_END.sub("", text)


def words_of(glyphs: Sequence[Glyph], taken: set[int]) -> Iterator[Piece]:
    """Yield the words of a page, except those of the characters `taken`.

    The `at` of a piece lists the numbers of its characters.
    """
    height = usual_height(glyphs)
    word: list[int] = []
    for at, glyph in enumerate(glyphs):
        stands = glyph.stands and at not in taken
        if word and (not stands or not _follows(glyphs[word[-1]], glyph, height)):
            yield _piece(glyphs, word)
            word = []
        if stands:
            word.append(at)
    if word:
        yield _piece(glyphs, word)


def usual_height(glyphs: Sequence[Glyph]) -> float:
    """Return the height that half of the characters of a page do not reach, 0 if none stands."""
    heights = sorted(glyph.bottom - glyph.top for glyph in glyphs if glyph.stands)
    return heights[len(heights) // 2] if heights else 0.0


def _follows(before: Glyph, glyph: Glyph, usual: float) -> bool:
    """Return whether two characters are in one word.

    A full stop is low and, in a font whose letters are all as wide, far from the next letter: the
    usual height of the page's characters tells how wide their gaps may be.
    """
    height = max(before.bottom - before.top, glyph.bottom - glyph.top, usual)
    level = glyph.top < before.bottom and glyph.bottom > before.top
    return level and abs(glyph.left - before.right) < _WORD_GAP * height


def _piece(glyphs: Sequence[Glyph], word: Sequence[int]) -> Piece:
    characters = [glyphs[at] for at in word]
    return Piece(
        left=min(glyph.left for glyph in characters),
        top=min(glyph.top for glyph in characters),
        right=max(glyph.right for glyph in characters),
        bottom=max(glyph.bottom for glyph in characters),
        text=text_of(characters),
        at=tuple(word),
    )
