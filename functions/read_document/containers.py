"""What lies in a ZIP container: an Office file, a book, or an archive of files."""

from __future__ import annotations

from chalicelib.errors import Unsupported
from functions.read_document.filetype import FileType, Format
from functions.read_document.refusals import READABLE
from functions.read_document.zipped import Zipped, open_zip

_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_BY_FOLDER = (
    ("word/", FileType(Format.DOCX, _OPEN_XML + "wordprocessingml.document")),
    ("ppt/", FileType(Format.PPTX, _OPEN_XML + "presentationml.presentation")),
    ("xl/", FileType(Format.XLSX, _OPEN_XML + "spreadsheetml.sheet")),
)
_ODF = "application/vnd.oasis.opendocument."
_BY_MIMETYPE = {
    _ODF + "text": FileType(Format.ODT, _ODF + "text"),
    "application/epub+zip": FileType(Format.EPUB, "application/epub+zip"),
}
_MIMETYPE_BYTES = 200
_ADVICE = {
    _ODF + "spreadsheet": "an OpenDocument spreadsheet (.ods): save it as .xlsx",
    _ODF + "presentation": "an OpenDocument presentation (.odp): save it as .pptx",
}
_PROGRAMS = (".class", ".dex")
_ZIP = FileType(Format.ZIP, "application/zip")


def container_type(data: bytes) -> FileType:
    """Return what the ZIP container `data` is, by the names in its directory.

    Raises:
        Unsupported: it is locked, too large, or of a kind that is not read.
        InvalidInput: it is damaged or not safe to read.
    """
    archive = open_zip(data)
    names = [entry.name for entry in archive.entries]
    if "[Content_Types].xml" in names:
        return _office(names)
    if "mimetype" in names:
        found = _by_mimetype(archive)
        if found is not None:
            return found
    if any(name.endswith(_PROGRAMS) for name in names):
        raise Unsupported(f"The content is a Java or Android program. {READABLE}", field="file")
    return _ZIP


def _office(names: list[str]) -> FileType:
    for folder, kind in _BY_FOLDER:
        if any(name.startswith(folder) for name in names):
            return kind
    raise Unsupported(
        "The content is an Office file of a kind that is not read. Save it as .docx, .xlsx, .pptx"
        " or PDF and upload that.",
        field="file",
    )


def _by_mimetype(archive: Zipped) -> FileType | None:
    """Return the kind that the container itself names; None if it names none, as an archive."""
    named = archive.read("mimetype", _MIMETYPE_BYTES).decode("ascii", "replace").strip()
    if named in _BY_MIMETYPE:
        return _BY_MIMETYPE[named]
    if named.startswith(_ODF):
        advice = _ADVICE.get(named, f"an OpenDocument file ({named}): export it as PDF")
        raise Unsupported(f"The content is {advice} and upload that.", field="file")
    return None
