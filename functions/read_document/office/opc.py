"""Office Open XML packages: their format, and a copy that is safe to give to a library.

The container is ECMA-376 part 2 (Open Packaging Conventions): a ZIP with `[Content_Types].xml`.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.errors import HeadraceError, InvalidInput, Unsupported
from functions.read_document.archive.zip_file import MEBIBYTE, ZipArchive, ZipLimits
from functions.read_document.file_types.formats import FileType, Format
from functions.read_document.office.safe_xml import check_tags, checked_xml, local_name, parse_xml

LIMITS = ZipLimits(total_bytes=512 * MEBIBYTE)
MAX_PART_BYTES = 48 * MEBIBYTE
"""The largest part that is parsed to a tree, which takes about ten times its size in memory."""
MAX_TREE_BYTES = 96 * MEBIBYTE
"""The most bytes of all parts together that may become trees."""
CONTENT_TYPES = "[Content_Types].xml"

_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_KINDS = {
    "wordprocessingml": (FileType(Format.DOCX, _OPEN_XML + "wordprocessingml.document"), "docx"),
    "presentationml": (FileType(Format.PPTX, _OPEN_XML + "presentationml.presentation"), "pptx"),
    "spreadsheetml": (FileType(Format.XLSX, _OPEN_XML + "spreadsheetml.sheet"), "xlsx"),
}
_MAIN = {
    f"{_OPEN_XML}{family}.{kind}.main+xml": family
    for family, kinds in (
        ("wordprocessingml", ("document", "template")),
        ("presentationml", ("presentation", "template", "slideshow")),
        ("spreadsheetml", ("sheet", "template")),
    )
    for kind in kinds
}
_LIKE_DOCUMENTS = {
    "wordprocessingml.template.main+xml": "wordprocessingml.document.main+xml",
    "presentationml.template.main+xml": "presentationml.presentation.main+xml",
    "presentationml.slideshow.main+xml": "presentationml.presentation.main+xml",
    "spreadsheetml.template.main+xml": "spreadsheetml.sheet.main+xml",
}
_MACROS = "macroenabled"
_STRICT = b"http://purl.oclc.org/ooxml/"
_XML = (".xml", ".rels")


def office_type(archive: ZipArchive) -> FileType:
    """Return the office format of a package, by the content type of its main part.

    Raises:
        Unsupported: it carries macros, or is of a kind that is not read.
        InvalidInput: its list of content types is damaged.
    """
    types = _content_types(archive)
    if any(".binary." in content_type for content_type in types):
        raise Unsupported(
            "The content is a binary workbook (.xlsb). Save it as .xlsx and upload that.",
            field="file",
        )
    programs = any(name.lower().endswith("vbaproject.bin") for name in _names(archive))
    if programs or any(_MACROS in content_type.lower() for content_type in types):
        raise Unsupported(
            "The file carries macros, which are programs. Save it without them, as .docx, .pptx"
            " or .xlsx, and upload that.",
            field="file",
        )
    family = next((_MAIN[content_type] for content_type in types if content_type in _MAIN), None)
    if family is None:
        raise Unsupported(
            "The content is an Office file of a kind that is not read. Save it as .docx, .xlsx,"
            " .pptx or PDF and upload that.",
            field="file",
        )
    kind, suffix = _KINDS[family]
    if "_rels/.rels" in archive and _STRICT in archive.read("_rels/.rels", MEBIBYTE):
        raise Unsupported(
            f"The file is in the strict variant of Office Open XML. Save it as .{suffix} without"
            " “Strict” and upload that.",
            field="file",
        )
    return kind


def safe_package(archive: ZipArchive) -> io.BytesIO:
    """Return a copy of the package for a library that reads whole parts into memory.

    Its XML is checked. Everything else, such as images, fonts and embedded files, is emptied, so
    that no library can decode it. Relations to parts that do not exist are left out.

    Raises:
        Unsupported: its XML is too large for memory.
        InvalidInput: it is damaged or declares entities.
    """
    copy = io.BytesIO()
    total = tags = 0
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for entry in archive.entries:
            part = b""
            if entry.name.lower().endswith(_XML):
                total += entry.size
                _check_tree_size(entry.name, entry.size, total)
                part = b"".join(checked_xml(archive.stream(entry), entry.name))
                tags += part.count(b"<")
                check_tags(tags)
            target.writestr(entry.name, _mend(entry.name, part, archive))
    copy.seek(0)
    return copy


def relations(archive: ZipArchive, name: str) -> dict[str, tuple[str, str]]:
    """Return the relations of part `name` ("" for the package) within the file.

    By id: the last word of the kind, and the name of the target part.
    """
    folder, base = posixpath.split(name)
    listed = posixpath.join(folder, "_rels", f"{base}.rels")
    if listed not in archive:
        return {}
    targets: dict[str, tuple[str, str]] = {}
    for relation in parse_xml(archive.read(listed, MEBIBYTE), listed):
        if relation.get("TargetMode") != "External":
            kind = relation.get("Type", "").rpartition("/")[2]
            targets[relation.get("Id", "")] = (kind, _part_name(folder, relation.get("Target", "")))
    return targets


@contextmanager
def damage_as_input(what: str, *errors: type[Exception]) -> Iterator[None]:
    """Raise errors of a library at a damaged file as `InvalidInput`.

    `errors` are the library's own, beside those that any code may raise.
    """
    from lxml import etree

    try:
        yield
    except HeadraceError:
        raise
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        OSError,
        RecursionError,
        SyntaxError,
        TypeError,
        ValueError,
        etree.LxmlError,
        zipfile.BadZipFile,
        *errors,
    ) as error:
        raise InvalidInput(
            f"The {what} is damaged; open and save it again, then upload it.", field="file"
        ) from error


def _check_tree_size(name: str, size: int, total: int) -> None:
    for count, limit in ((size, MAX_PART_BYTES), (total, MAX_TREE_BYTES)):
        if count > limit:
            raise Unsupported(
                f"The file is too large to be read: with {name!r} its text unpacks to more than"
                f" {limit // MEBIBYTE} MiB. Split it into several files.",
                field="file",
                limit=str(limit),
            )


def _content_types(archive: ZipArchive) -> list[str]:
    root = parse_xml(archive.read(CONTENT_TYPES, MEBIBYTE), CONTENT_TYPES)
    return [child.get("ContentType", "") for child in root]


def _names(archive: ZipArchive) -> Iterator[str]:
    return (entry.name for entry in archive.entries)


def _mend(name: str, part: bytes, archive: ZipArchive) -> bytes:
    if name == CONTENT_TYPES:
        for template, document in _LIKE_DOCUMENTS.items():
            part = part.replace(template.encode(), document.encode())
        return part
    return _without_dead_relations(name, part, archive) if name.endswith(".rels") else part


def _without_dead_relations(name: str, part: bytes, archive: ZipArchive) -> bytes:
    """Return a relations part without those whose target is missing or outside the file."""
    from lxml import etree

    root = parse_xml(part, name)
    folder = posixpath.dirname(posixpath.dirname(name))
    for relation in list(root):
        if local_name(relation) != "Relationship" or relation.get("TargetMode") == "External":
            continue
        if _part_name(folder, relation.get("Target", "")) not in archive:
            root.remove(relation)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def _part_name(folder: str, target: str) -> str:
    """Return the name of the part to which a relation from `folder` leads."""
    path = posixpath.join("/", folder, target.partition("#")[0])
    return posixpath.normpath(path).lstrip("/")
