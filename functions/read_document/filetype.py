"""The type of a file by its content: what its name or sender claims counts for little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePosixPath

from chalicelib.errors import Unsupported

READABLE = "Headrace reads plain text, Markdown, HTML and PDF."

_PDF_MARK = b"%PDF-"
_PDF_MARK_WITHIN = 1024
_NOT_PLAIN = frozenset({"rtf", "svg", "postscript"})
"""Text to a detector, but its bytes are not what a reader of the document sees."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What the content looks like, in magika's words."""

    label: str
    media_type: str
    description: str
    is_text: bool


Identify = Callable[[bytes], Guess]


class Format(Enum):
    """The formats that can be read."""

    PLAIN = auto()
    MARKDOWN = auto()
    HTML = auto()
    PDF = auto()


@dataclass(frozen=True, slots=True)
class FileType:
    """How to read a file, and what to tell of it."""

    format: Format
    media_type: str


_PDF = FileType(Format.PDF, "application/pdf")


def file_type(data: bytes, path: str, identify: Identify) -> FileType:
    """Return the type of `data`; `path` decides only between kinds of text.

    `identify` is not asked about a file that bears PDF's own mark.

    Raises:
        Unsupported: the content is of a kind that is not read.
    """
    if _PDF_MARK in data[:_PDF_MARK_WITHIN]:
        return _PDF
    guess = identify(data)
    if guess.label == "pdf":
        return _PDF
    if guess.label in _NOT_PLAIN or not (guess.is_text or guess.label == "unknown"):
        raise Unsupported(
            f"The content is {guess.description} ({guess.media_type}). {READABLE}", field="file"
        )
    suffix = PurePosixPath(path).suffix.lower()
    if guess.label == "html" or (suffix in (".html", ".htm", ".xhtml") and b"<" in data):
        return FileType(Format.HTML, "text/html")
    if guess.label == "markdown" or suffix in (".md", ".markdown"):
        return FileType(Format.MARKDOWN, "text/markdown")
    media_type = guess.media_type if guess.media_type.startswith("text/") else "text/plain"
    return FileType(Format.PLAIN, media_type)
