"""The extract that every reader of a format returns: pages, attachments and notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import Page
    from chalicelib.contracts.page_words import PageWords


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a file: a member of an archive, or an attachment of a mail.

    `name` is its path within the container, with `/` between folders. `size` is what it claims,
    in bytes, before `read` returns it.
    """

    name: str
    size: int
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Extract:
    """The pages read from a file, with its attachments and notices.

    `attachments` are read one at a time, on request. `notices` are sentences for the owner about
    content that could not be read as well as the rest. `language` is an ISO 639-1 code, or "" if
    there is too little text to detect it. `words` has an entry for each page of a format whose
    words have places on it.
    """

    media_type: str
    pages: tuple[Page, ...]
    pages_needing_ocr: int = 0
    attachments: Sequence[Attachment] = ()
    notices: tuple[str, ...] = ()
    language: str = ""
    words: tuple[PageWords, ...] = ()


MARGINS = "Headers and footers"


NOTES = "Notes"
