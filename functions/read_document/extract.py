"""From a file's bytes to its pages, whatever its format."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.decode import as_utf8
from functions.read_document.filetype import Identify, file_type
from functions.read_document.language import language_of
from functions.read_document.pages import Extract, characters
from functions.read_document.readers import read as read_pages

MAX_CHARACTERS = 8_000_000
"""What `embed_chunks` can embed before its function's time ends, with room to spare."""


def extract(data: bytes, path: str, identify: Identify) -> Extract:
    """Return the text of `data` by pages.

    Raises:
        Unsupported: the file is of a kind, or in a state, that is not read.
        InvalidInput: the file is damaged or holds no text.
    """
    data = as_utf8(data)
    read = read_pages(data, file_type(data, path, identify))
    count = characters(read.pages)
    if not any(page.text.strip() for page in read.pages):
        raise InvalidInput("The file holds no text.", field="file")
    if count > MAX_CHARACTERS:
        raise Unsupported(
            f"The file holds {count:,} characters of text; the limit is {MAX_CHARACTERS:,}."
            " Split it into several files.",
            field="file",
            limit=str(MAX_CHARACTERS),
        )
    return replace(read, language=read.language or language_of(read.pages))
