"""Words of a page with their places on its picture: a line of `words.jsonl` for each page."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from chalicelib.contracts.base import Contract


class WordBox(NamedTuple):
    """Characters `start` to `end` of a page's text, and the box that they fill on the page.

    Edges are in points (1/72 inch), of a picture in pixels, from the top left corner of the page as
    it is displayed.
    `confidence` is that of the line the word was recognised in, 0 to 1; None where the file itself
    has the text.
    """

    start: int
    end: int
    left: float
    top: float
    right: float
    bottom: float
    confidence: float | None = None


class PageWords(Contract):
    """One line of `words.jsonl`, in the order of `pages.jsonl`.

    `words` is None of a page that has too many characters. A word without a letter or a digit has
    no box, and neither has text that does not stand on the page, such as a repeated header of a
    table that was cut.
    """

    page: int = Field(ge=1)
    width: float = Field(gt=0)
    height: float = Field(gt=0)
    words: tuple[WordBox, ...] | None = ()

    @property
    def recognised(self) -> bool:
        """Return whether the words were recognised on a picture of the page."""
        return any(word.confidence is not None for word in self.words or ())
