"""Detection of the type of a file by its content, whatever its name or sender claims."""

from __future__ import annotations

import codecs
import functools
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from chalicelib.media.containers import media_type_of
from functions.read_document.file_types.formats import ContentGuess, FileType, Format, Identify

if TYPE_CHECKING:
    from magika import Magika

    from chalicelib.contracts.picture_labels import PictureType


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
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"II+\0": "image/tiff",
    b"MM\0+": "image/tiff",
}
_WEBP_MARK = re.compile(rb"RIFF.{4}WEBP", re.DOTALL)
_HEIC_MARK = re.compile(rb".{4}ftyp(?:he[iv][cmsx]|mif1|msf1)", re.DOTALL)
"""Brands of HEIF whose images are coded by HEVC, as phones write them.

https://nokiatech.github.io/heif/technical.html
"""

_TEXT_HEAD = 64 * 1024
_LONG_TEXT = 512
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""Control characters but white space, and the escape of coloured logs."""

_TEXTUAL_LABELS = frozenset({"ai", "pdf", "postscript", "unknown", "empty"})
"""Labels that are no kind of text to magika and may be all text."""

_PLAIN_TEXT = ContentGuess("txt", "text/plain", "Generic text document", is_text=True, group="text")


def is_zip_container(head: bytes) -> bool:
    """Return whether a file that begins with `head` is a ZIP container."""
    return head.startswith(_ZIP_MARKS)


def file_type(data: bytes, path: str, identify: Identify) -> FileType:
    """Return the type of `data`; `path` decides only between kinds of text.

    `identify` is not called for a file with a signature of its own. The beginning of a file is
    enough for `data`, except for a ZIP container: its directory, at the end, decides its type.

    Raises:
        Unsupported: the content is of a kind that is not read.
        InvalidInput: it is a container that is damaged.
    """
    if data.startswith(_ZIP_MARKS):
        from functions.read_document.file_types.containers import container_type

        return container_type(data)
    picture = _picture_type(data)
    if picture is not None:
        return FileType(Format.PICTURE, picture)
    sound_or_film = media_type_of(data)
    if sound_or_film:
        return FileType(Format.RECORDING, sound_or_film)
    stripped = data[:_PDF_MARK_WITHIN].lstrip(b"\xef\xbb\xbf \t\r\n")
    if stripped.startswith(_PDF_MARK):
        return PDF
    if stripped.startswith(_RTF_MARK):
        return RTF
    guess = _correct(identify(data.removeprefix(codecs.BOM_UTF8)), data)
    if guess.label == "pdf" or (_PDF_MARK in data[:_PDF_MARK_WITHIN] and not guess.is_text):
        return PDF
    return _text_type(data, PurePosixPath(path).suffix.lower(), guess)


def _correct(guess: ContentGuess, data: bytes) -> ContentGuess:
    """Return `guess`, or that of plain text where a binary format is guessed for mere text.

    magika takes what repeats one word or sign, as a log or a table may, for a disk image or a
    bitmap. Such files have NULs within their first bytes, and text has none.
    """
    if guess.is_text or guess.label in _TEXTUAL_LABELS or not is_plain_text(data):
        return guess
    return _PLAIN_TEXT


def is_plain_text(data: bytes) -> bool:
    """Return whether the beginning of `data` is UTF-8, or UTF-16 with its mark, and no control.

    Text of another encoding counts from 512 bytes on: by then bytes that mean no text have some.
    """
    head = data[:_TEXT_HEAD]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = codecs.getincrementaldecoder("utf-16")("replace").decode(head)
        return "\ufffd" not in text and not _CONTROL.search(text)
    if _CONTROL.search(head.decode("latin-1")):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return len(head) >= _LONG_TEXT
    return bool(head)


def _picture_type(data: bytes) -> PictureType | None:
    if _WEBP_MARK.match(data):
        return "image/webp"
    if _HEIC_MARK.match(data):
        return "image/heic"
    return next((kind for mark, kind in _PICTURE_MARKS.items() if data.startswith(mark)), None)


def _text_type(data: bytes, suffix: str, guess: ContentGuess) -> FileType:
    from functions.read_document.file_types.refusals import refuse_unreadable
    from functions.read_document.file_types.text_kinds import text_type

    refuse_unreadable(data, guess)
    return text_type(data, suffix, guess)


def identify_by_magika(data: bytes) -> ContentGuess:
    """Return magika's guess of the type of `data`; the model is loaded at the first call."""
    output = _magika().identify_bytes(data).output
    return ContentGuess(
        output.label, output.mime_type, output.description, output.is_text, output.group
    )


@functools.cache
def _magika() -> Magika:
    from magika import Magika

    return Magika()
