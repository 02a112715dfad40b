"""Parameters of the routes of a page: which range, what is marked, and how it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, get_args

from chalice.app import Request

from chalicelib.api.http import query_value
from chalicelib.contracts.document_content import (
    MAX_PAGE_CHARACTERS,
    MAX_WORD_CHARACTERS,
    CaptionForm,
    PageFormat,
)
from chalicelib.contracts.functions.render_page import MAX_HIGHLIGHTS, CharacterRange
from chalicelib.contracts.operations import Parameter
from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Version
    from chalicelib.contracts.ingest import Page

_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})", re.ASCII)
VERSION = Parameter(
    "version",
    "The version to open; left out, the one that answers queries.",
    {"type": "string", "minLength": 1, "maxLength": 64},
)
CAPTION_FORM = Parameter(
    "format",
    "`vtt` for WebVTT, `srt` for SubRip, `chapters` for chapters as WebVTT, `txt` for the"
    " transcript with times and speakers.",
    {"type": "string", "enum": list(get_args(CaptionForm)), "default": "vtt"},
)
HIGHLIGHT = Parameter(
    "highlight",
    f"Of a picture: ranges of characters to mark, such as `391-464,500-512`; {MAX_HIGHLIGHTS} at"
    " most.",
    {"type": "string", "pattern": r"^\d{1,9}-\d{1,9}(,\d{1,9}-\d{1,9})*$", "maxLength": 400},
)
REDIRECT = Parameter(
    "redirect",
    "Of a picture: `false` answers 200 with its address, as pages need that show it in a browser.",
    {"type": "string", "enum": ["true", "false"], "default": "true"},
)
START = Parameter(
    "start", "The first character to return.", {"type": "integer", "minimum": 0, "default": 0}
)
END = Parameter(
    "end",
    f"The character to end before; at most {MAX_PAGE_CHARACTERS} are returned at once.",
    {"type": "integer", "minimum": 1},
)
WORDS = Parameter(
    "words",
    "Whether to return the places of the words on the page, of a recording their times; at most"
    f" {MAX_WORD_CHARACTERS} characters of the page are returned at once then.",
    {"type": "string", "enum": ["true", "false"], "default": "false"},
)
FORMAT = Parameter(
    "format",
    "How `text` is written; as Markdown it has tables, headings and lists.",
    {"type": "string", "enum": list(get_args(PageFormat)), "default": "text"},
)


def highlights(text: str | None) -> tuple[CharacterRange, ...]:
    if text is None:
        return ()
    ranges = [_RANGE.fullmatch(each) for each in text.split(",")]
    spans = [(int(each[1]), int(each[2])) for each in ranges if each]
    if len(spans) < len(ranges) or any(start >= end for start, end in spans):
        raise InvalidInput(
            "highlight is ranges of characters, such as 391-464,500-512.", field="highlight"
        )
    if len(spans) > MAX_HIGHLIGHTS:
        raise InvalidInput(
            f"At most {MAX_HIGHLIGHTS} ranges are highlighted on a page.",
            field="highlight",
            limit=str(MAX_HIGHLIGHTS),
        )
    return tuple(CharacterRange(start=start, end=end) for start, end in spans)


def choice(request: Request, name: str, choices: tuple[str, ...]) -> str:
    """Return one of the `choices`, the first if the request names none."""
    given = query_value(request, name)
    if given is None:
        return choices[0]
    if given not in choices:
        allowed = " or ".join(choices)
        raise InvalidInput(f"{name} is {allowed}.", field=name, limit=allowed)
    return given


def caption_form(request: Request) -> CaptionForm:
    """Return the form of captions that the request names."""
    return cast("CaptionForm", choice(request, "format", get_args(CaptionForm)))


@dataclass(frozen=True, slots=True)
class RequestedRange:
    """A range of the characters of a page, with its text, of a version of a tenant's document."""

    tenant: str
    version: Version
    page: Page
    characters: range


def character_range(request: Request, characters: int, limit: int) -> tuple[int, int]:
    """Return the range that the request names, within the page, of at most `limit` characters."""
    start = _offset(request, "start", 0)
    end = min(_offset(request, "end", characters), start + limit, characters)
    if start > characters or end < start:
        raise InvalidInput(
            f"The range must lie within the {characters} characters of the page.",
            field="start",
            limit=str(characters),
        )
    return start, end


def _offset(request: Request, name: str, default: int) -> int:
    text = query_value(request, name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInput(f"{name} is a number of characters, from 0.", field=name)
    return int(text)
