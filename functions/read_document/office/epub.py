"""EPUB: the chapters of a book in reading order, one page each, read as HTML.

https://www.w3.org/TR/epub-33/. What is left out: the table of contents, pictures, styles, scripts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from chalicelib.documents.pages import Block, pages_of
from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.archive.zip_file import MEBIBYTE, ZipArchive, ZipEntry, open_zip
from functions.read_document.office.opc import LIMITS, MAX_TREE_BYTES, damage_as_input
from functions.read_document.office.safe_xml import local_name, parse_xml
from functions.read_document.pages import Extract
from functions.read_document.text import html
from functions.read_document.text.encodings import decode

if TYPE_CHECKING:
    from lxml.etree import _Element

MEDIA_TYPE = "application/epub+zip"
MAX_CHAPTER_BYTES = 16 * MEBIBYTE

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_MAX_PACKAGE_BYTES = 4 * MEBIBYTE
_CHAPTERS = (
    "application/xhtml+xml",
    "text/html",
    "application/x-dtbook+xml",
    "text/x-oeb1-document",
)
_CLOSED = re.compile(r"<([A-Za-z][\w:.-]*)(\s[^<>]*)?/>")
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VOID = _names("area base br col embed hr img input link meta param source track wbr")


def extract(data: bytes) -> Extract:
    """Return the chapters of an EPUB, each a page.

    Raises:
        Unsupported: it is protected against copying, or too large.
        InvalidInput: it is damaged or not safe to read.
    """
    archive = open_zip(data, LIMITS)
    with damage_as_input("EPUB"):
        chapters, missing = _chapters(archive)
        _check_protection(archive, chapters)
        pages = pages_of(_blocks(archive, chapter) for chapter in chapters)
    if not pages:
        raise InvalidInput("The EPUB holds no chapter.", field="file")
    notices = (f"The book names {missing} chapters that it does not hold.",) if missing else ()
    return Extract(MEDIA_TYPE, pages, notices=notices)


def _chapters(archive: ZipArchive) -> tuple[list[ZipEntry], int]:
    """Return the chapters in reading order, each once, and how many are missing."""
    package = _package_name(archive)
    root = parse_xml(archive.read(package, _MAX_PACKAGE_BYTES), package)
    items = {item.get("id", ""): item for item in _elements(root, "item")}
    folder = posixpath.dirname(package)
    names: dict[str, None] = {}
    for reference in _elements(root, "itemref"):
        item = items.get(reference.get("idref", ""))
        if item is not None and _is_chapter(item):
            href = unquote(item.get("href", "").partition("#")[0])
            names[posixpath.normpath(posixpath.join(folder, href))] = None
    chapters = [archive.entry(name) for name in names if name in archive]
    total = sum(entry.size for entry in chapters)
    if total > MAX_TREE_BYTES:
        raise Unsupported(
            f"The book unpacks to more than {MAX_TREE_BYTES // MEBIBYTE} MiB; split it.",
            field="file",
            limit=str(MAX_TREE_BYTES),
        )
    return chapters, len(names) - len(chapters)


def _package_name(archive: ZipArchive) -> str:
    container = parse_xml(archive.read(_CONTAINER, MEBIBYTE), _CONTAINER)
    return next((str(root.get("full-path", "")) for root in _elements(container, "rootfile")), "")


def _is_chapter(item: _Element) -> bool:
    is_contents = "nav" in item.get("properties", "").split()
    return item.get("media-type", "") in _CHAPTERS and not is_contents


def _check_protection(archive: ZipArchive, chapters: list[ZipEntry]) -> None:
    """Raise if chapters are encrypted; encrypted fonts are common and do no harm."""
    if _ENCRYPTION not in archive:
        return
    root = parse_xml(archive.read(_ENCRYPTION, _MAX_PACKAGE_BYTES), _ENCRYPTION)
    locked = {unquote(reference.get("URI", "")) for reference in _elements(root, "CipherReference")}
    if any(chapter.name in locked for chapter in chapters):
        raise Unsupported(
            "The book is protected against copying (DRM), so that its text cannot be read.",
            field="file",
        )


def _blocks(archive: ZipArchive, chapter: ZipEntry) -> list[Block]:
    text = decode(archive.read(chapter.name, MAX_CHAPTER_BYTES), is_html=True)
    return html.blocks(_CLOSED.sub(_open_tag, text))


def _open_tag(match: re.Match[str]) -> str:
    """Return a self-closed XML element as HTML writes it: `<title/>` would not end there."""
    name = match.group(1)
    if name.lower() in _VOID:
        return match.group()
    return f"<{name}{match.group(2) or ''}></{name}>"


def _elements(root: _Element, name: str) -> Iterator[_Element]:
    return (element for element in root.iter() if local_name(element) == name)
