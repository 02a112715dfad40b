"""Detection of the type of a ZIP container: an Office file, a book, or an archive."""

from __future__ import annotations

from chalicelib.errors import Unsupported
from functions.read_document.archive.zip_file import ZipArchive, open_zip
from functions.read_document.file_types.formats import FileType, Format
from functions.read_document.file_types.refusals import READABLE
from functions.read_document.office.opc import CONTENT_TYPES, office_type

_ODF = "application/vnd.oasis.opendocument."
_BY_MIMETYPE = {
    _ODF + "text": FileType(Format.ODT, _ODF + "text"),
    _ODF + "spreadsheet": FileType(Format.ODS, _ODF + "spreadsheet"),
    _ODF + "presentation": FileType(Format.ODP, _ODF + "presentation"),
    _ODF + "text-template": FileType(Format.ODT, _ODF + "text"),
    _ODF + "spreadsheet-template": FileType(Format.ODS, _ODF + "spreadsheet"),
    _ODF + "presentation-template": FileType(Format.ODP, _ODF + "presentation"),
    "application/epub+zip": FileType(Format.EPUB, "application/epub+zip"),
}
_MIMETYPE_BYTES = 200
_PROGRAMS = (".class", ".dex")
_ZIP = FileType(Format.ZIP, "application/zip")


def container_type(data: bytes) -> FileType:
    """Return the type of a ZIP container, by the names in its directory.

    Raises:
        Unsupported: it is locked, too large, or of a kind that is not read.
        InvalidInput: it is damaged or not safe to read.
    """
    archive = open_zip(data)
    names = [entry.name for entry in archive.entries]
    if CONTENT_TYPES in names:
        return office_type(archive)
    if "mimetype" in names:
        file_type = _by_mimetype(archive)
        if file_type is not None:
            return file_type
    if any(name.endswith(_PROGRAMS) for name in names):
        raise Unsupported(f"The content is a Java or Android program. {READABLE}", field="file")
    return _ZIP


def _by_mimetype(archive: ZipArchive) -> FileType | None:
    """Return the type that the member `mimetype` names, None if it names no known one."""
    kind = archive.read("mimetype", _MIMETYPE_BYTES).decode("ascii", "replace").strip()
    if kind in _BY_MIMETYPE:
        return _BY_MIMETYPE[kind]
    if kind.startswith(_ODF):
        raise Unsupported(
            f"The content is an OpenDocument file ({kind}). Export it as PDF and upload that.",
            field="file",
        )
    return None
