"""From a file's bytes to its pages, whatever its format."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.decode import as_utf8
from functions.read_document.filetype import FileType, Identify, file_type
from functions.read_document.language import language_of
from functions.read_document.pages import Extract, characters
from functions.read_document.readers import read as read_pages

MAX_CHARACTERS = 40_000_000
MAX_PAGE_CHARACTERS = 8_000_000
"""What `chunk_document` can cut before its function's time ends, with room to spare."""


def extract(data: bytes, path: str, identify: Identify) -> Extract:
    """Return the text of `data` by pages.

    Raises:
        Unsupported: the file is of a kind, or in a state, that is not read.
        InvalidInput: the file is damaged or holds no text.
    """
    data = as_utf8(data)
    return extract_as(data, file_type(data, path, identify))


def extract_as(data: bytes, kind: FileType) -> Extract:
    """Return the text of `data`, which is of `kind`, by pages; raise as `extract` does."""
    return checked(read_pages(data, kind))


def checked(read: Extract) -> Extract:
    """Return what was read with its language.

    Raises:
        InvalidInput: it holds no text, and no picture of any.
        Unsupported: it holds too much.
    """
    if not (read.pages_needing_ocr or any(page.text.strip() for page in read.pages)):
        raise InvalidInput("The file holds no text.", field="file")
    _check("The file", characters(read.pages), MAX_CHARACTERS)
    for page in read.pages:
        _check(f"Page {page.page}", len(page.text), MAX_PAGE_CHARACTERS)
    return replace(read, language=read.language or language_of(read.pages))


def _check(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise Unsupported(
            f"{what} holds {count:,} characters of text; the limit is {limit:,}."
            " Split it into several files.",
            field="file",
            limit=str(limit),
        )
