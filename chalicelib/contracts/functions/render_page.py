"""Input and output of the function `render_page`."""

from __future__ import annotations

from pydantic import Field

from chalicelib.contracts.base import Contract

MAX_HIGHLIGHTS = 20
PDF = "application/pdf"


class CharacterRange(Contract):
    """Characters `start` to `end` of a page's text, as citations count them."""

    start: int = Field(ge=0)
    end: int = Field(ge=1)


class RenderPageRequest(Contract):
    """A page of a version, whose `source` is a PDF or a picture, and what is highlighted on it."""

    tenant: str
    document_id: str
    version: str
    media_type: str
    page: int = Field(ge=1)
    highlights: tuple[CharacterRange, ...] = Field(default=(), max_length=MAX_HIGHLIGHTS)
    bucket: str
    correlation_id: str


class RenderPageResult(Contract):
    """The picture at `key`: PNG, `width` by `height` pixels.

    `highlighted` counts the ranges that were found on the page. Of a scanned page they are where
    its words were recognised; a version that was read before those were kept has none.
    """

    key: str
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    highlighted: int = Field(ge=0)
