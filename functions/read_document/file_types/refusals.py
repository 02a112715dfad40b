"""Refusals of content that cannot be read, with a hint at what its owner can do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.errors import Unsupported
from chalicelib.media.containers import READABLE as MEDIA
from chalicelib.media.containers import unread_kind

if TYPE_CHECKING:
    from functions.read_document.file_types.formats import ContentGuess

READABLE = (
    "Headrace reads PDF, Word (.docx), PowerPoint (.pptx), Excel (.xlsx), OpenDocument (.odt, .ods,"
    " .odp), RTF, EPUB, HTML, Markdown, plain text, CSV, TSV, JSON, JSON Lines, XML, mail (.eml),"
    " source code, pictures (PNG, JPEG, WebP, GIF, TIFF, HEIC), sound and films"
    f" ({MEDIA}), and ZIP archives of these."
)

_OLE_MARK = bytes.fromhex("d0cf11e0a1b11ae1")
_OLE_STREAMS = (
    ("EncryptedPackage", "an Office file with a password", "remove the password and upload again"),
    ("WordDocument", "a Word 97-2003 document (.doc)", "save it as .docx and upload that"),
    ("Workbook", "an Excel 97-2003 workbook (.xls)", "save it as .xlsx and upload that"),
    ("PowerPoint Document", "a PowerPoint 97-2003 file (.ppt)", "save it as .pptx and upload that"),
    ("__properties_version1.0", "an Outlook message (.msg)", "save it as .eml and upload that"),
    ("VisioDocument", "a Visio drawing", "export it as PDF and upload that"),
)
"""By a stream that only such a file has; the directory has its name in UTF-16."""

_MARKS = (
    (b"\x7fELF", "a Linux program"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"%!PS", "a PostScript file"),
)
_ADVICE = {
    "image": "Save it as PNG, JPEG, WebP, GIF or TIFF, or as a PDF.",
    "audio": f"Save it as one of {MEDIA}.",
    "video": f"Save it as one of {MEDIA}.",
    "archive": "Unpack it and upload its files, or pack them as ZIP.",
}
_ADVICE_BY_LABEL = {
    "a 7-Zip archive": "archive",
    "a PostScript file": "print",
    "postscript": "print",
    "ai": "print",
    "hwp": "office",
    "one": "office",
    "xlsb": "office",
    "visio": "office",
}
_MORE_ADVICE = {
    "print": "Export it as PDF and upload that.",
    "office": "Save it as .docx, .xlsx, .pptx or PDF and upload that.",
}
_MAILBOX = b"From "
_SEPARATOR = re.compile(rb"\n\n(?=From )")


def refuse_unreadable(data: bytes, guess: ContentGuess) -> None:
    """Raise `Unsupported` if the content of `data` is of a known kind that is not read."""
    if data.startswith(_OLE_MARK):
        raise _legacy_office(data)
    for mark, description in _MARKS:
        if data.startswith(mark):
            raise _refusal(f"{description}.", _ADVICE_BY_LABEL.get(description, ""))
    if data.startswith(_MAILBOX) and guess.label in ("eml", "txt") and _is_mailbox(data):
        raise Unsupported(
            "The content is a mailbox that joins many mails (mbox). Save the mails as .eml files"
            " and upload those, or a ZIP archive of them.",
            field="file",
        )
    recording = "" if guess.is_text else unread_kind(data)
    if recording:
        raise _refusal(f"{recording}.", "audio")
    is_picture = guess.group == "image" or guess.label in ("svg", "postscript")
    if is_picture or not (guess.is_text or guess.label in ("unknown", "empty")):
        description = f"{guess.description} ({guess.media_type})."
        kind = "image" if guess.label == "svg" else _ADVICE_BY_LABEL.get(guess.label, guess.group)
        raise _refusal(description, kind)


def _legacy_office(data: bytes) -> Unsupported:
    """Return the refusal of a compound file, which Office wrote until 2007."""
    for stream, description, advice in _OLE_STREAMS:
        if stream.encode("utf-16-le") in data:
            return Unsupported(f"The content is {description}: {advice}.", field="file")
    return Unsupported(
        "The content is a file of an old Office program: save it as .docx, .xlsx, .pptx or PDF"
        " and upload that.",
        field="file",
    )


def _refusal(what: str, kind: str) -> Unsupported:
    advice = _ADVICE.get(kind) or _MORE_ADVICE.get(kind, READABLE)
    return Unsupported(f"The content is {what} {advice}", field="file")


def _is_mailbox(data: bytes) -> bool:
    """Return whether mails are joined: each begins with a line that is followed by a header.

    One mail that still has the first line of the mailbox it was taken from is a mail.
    """
    _, *later = _SEPARATOR.split(data.replace(b"\r\n", b"\n"))
    return any(_begins_with_header(part) for part in later)


def _begins_with_header(part: bytes) -> bool:
    second = part[:4096].split(b"\n", 2)[1:2]
    name, colon, _ = (second[0] if second else b"").partition(b":")
    return bool(colon) and name.replace(b"-", b"").isalpha()
