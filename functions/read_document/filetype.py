"""The type of a file by its content: what its name or sender claims counts for little."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.pictures import PictureType


@dataclass(frozen=True, slots=True)
class Guess:
    """What the content looks like, in magika's words."""

    label: str
    media_type: str
    description: str
    is_text: bool
    group: str = ""


Identify = Callable[[bytes], Guess]


class Format(Enum):
    """The formats that can be read."""

    PLAIN = auto()
    MARKDOWN = auto()
    HTML = auto()
    PDF = auto()
    CSV = auto()
    TSV = auto()
    JSON = auto()
    JSONL = auto()
    XML = auto()
    CODE = auto()
    EML = auto()
    RTF = auto()
    DOCX = auto()
    PPTX = auto()
    XLSX = auto()
    ODT = auto()
    ODS = auto()
    ODP = auto()
    EPUB = auto()
    ZIP = auto()
    PICTURE = auto()


@dataclass(frozen=True, slots=True)
class FileType:
    """How to read a file, and what to tell of it."""

    format: Format
    media_type: str


PDF = FileType(Format.PDF, "application/pdf")
RTF = FileType(Format.RTF, "application/rtf")

_PDF_MARK = b"%PDF-"
_PDF_MARK_WITHIN = 1024
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_RTF_MARK = b"{\\rtf"
_PICTURE_MARKS: Mapping[bytes, PictureType] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_WEBP_MARK = re.compile(rb"RIFF.{4}WEBP", re.DOTALL)


def is_container(head: bytes) -> bool:
    """Tell whether a file that begins so is a ZIP container, whose type its end tells."""
    return head.startswith(_ZIP_MARKS)


def file_type(data: bytes, path: str, identify: Identify) -> FileType:
    """Return the type of `data`; `path` decides only between kinds of text.

    `identify` is not asked about a file that bears a mark of its own. The beginning of a file is
    enough for `data`, except for what lies in a ZIP container: that is told from its directory,
    at the end.

    Raises:
        Unsupported: the content is of a kind that is not read.
        InvalidInput: it is a container that is damaged.
    """
    if data.startswith(_ZIP_MARKS):
        from functions.read_document import containers

        return containers.container_type(data)
    picture = _picture_type(data)
    if picture is not None:
        return FileType(Format.PICTURE, picture)
    stripped = data[:_PDF_MARK_WITHIN].lstrip(b"\xef\xbb\xbf \t\r\n")
    if stripped.startswith(_PDF_MARK):
        return PDF
    if stripped.startswith(_RTF_MARK):
        return RTF
    guess = identify(data.removeprefix(codecs.BOM_UTF8))
    if guess.label == "pdf" or (_PDF_MARK in data[:_PDF_MARK_WITHIN] and not guess.is_text):
        return PDF
    return _text_or_refusal(data, PurePosixPath(path).suffix.lower(), guess)


def _picture_type(data: bytes) -> PictureType | None:
    if _WEBP_MARK.match(data):
        return "image/webp"
    return next((kind for mark, kind in _PICTURE_MARKS.items() if data.startswith(mark)), None)


def _text_or_refusal(data: bytes, suffix: str, guess: Guess) -> FileType:
    from functions.read_document import refusals, textkinds

    refusals.check(data, guess)
    return textkinds.kind_of(data, suffix, guess)
