"""What every reader of a format returns, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.reading.pages import (
    Block,
    characters,
    clean,
    page_of,
    pages_of,
    trail_text,
)

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import Page

__all__ = [
    "Attachment",
    "Block",
    "Extract",
    "characters",
    "clean",
    "page_of",
    "pages_of",
    "trail_text",
]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a file: a member of an archive, what a mail brings along.

    `name` is its path within the container, with `/` between folders. `size` is what it claims,
    in bytes, before `read` returns it.
    """

    name: str
    size: int
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Extract:
    """What was read from a file.

    `attachments` are read one at a time, when they are asked for. `notices` are sentences for the
    owner on what could not be read as well as the rest. `language` is an ISO 639-1 code, or ""
    where there is too little text to tell.
    """

    media_type: str
    pages: tuple[Page, ...]
    pages_needing_ocr: int = 0
    attachments: Sequence[Attachment] = ()
    notices: tuple[str, ...] = ()
    language: str = ""
