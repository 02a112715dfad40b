"""DOCX: the text that Word shows, by explicit page breaks, with headings and tables.

Tracked deletions, hidden text and comments are no part of the text; notes are at the end of their
page, headers and footers once at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.documents.pages import Block, pages_of
from functions.read_document.archive.zip_file import open_zip
from functions.read_document.office.docx_body import DocxWalker
from functions.read_document.office.docx_styles import ListNumbering, ParagraphStyles, W
from functions.read_document.office.opc import LIMITS, damage_as_input, safe_package
from functions.read_document.office.safe_xml import parse_xml
from functions.read_document.pages import MARGINS, Extract

if TYPE_CHECKING:
    from docx.parts.document import DocumentPart
    from lxml.etree import _Element

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def extract(data: bytes) -> Extract:
    """Return the pages of a DOCX.

    Raises:
        Unsupported: it is too large.
        InvalidInput: it is damaged or not safe to read.
    """
    copy = safe_package(open_zip(data, LIMITS))
    from docx.exceptions import PythonDocxError
    from docx.opc.exceptions import OpcError
    from docx.package import Package

    with damage_as_input("DOCX", PythonDocxError, OpcError):
        part = Package.open(copy).main_document_part
        walker = _walker(part)
        walker.walk(part.element.body)
        margins = list(_margins(part, walker))
    if margins:
        walker.pages[-1] += [Block(MARGINS, 1), *margins]
    while len(walker.pages) > 1 and not walker.pages[-1]:
        walker.pages.pop()
    return Extract(MEDIA_TYPE, pages_of(walker.pages), notices=tuple(_notices(walker)))


def _walker(part: DocumentPart) -> DocxWalker:
    walker = DocxWalker(
        ParagraphStyles.of(_root(part, "styles")), ListNumbering.of(_root(part, "numbering"))
    )
    for kind in ("footnote", "endnote"):
        root = _root(part, f"{kind}s")
        notes = () if root is None else root.iterfind(f"{W}{kind}")
        for note in notes:
            if note.get(f"{W}type", "normal") == "normal":
                text = " ".join(block.text for block in walker.blocks(note))
                walker.notes[kind, note.get(f"{W}id", "")] = text.strip()
    return walker


def _root(part: DocumentPart, relation: str) -> _Element | None:
    """Return the root of the part to which the document has a relation of this kind, if any."""
    for reference in part.rels.values():
        if not reference.is_external and reference.reltype.endswith(f"/{relation}"):
            target = reference.target_part
            known = getattr(target, "element", None)
            return parse_xml(target.blob, str(target.partname)) if known is None else known
    return None


def _margins(part: DocumentPart, walker: DocxWalker) -> Iterator[Block]:
    """Yield the headers and footers, each text once: they repeat from page to page."""
    known_texts: set[str] = set()
    for relation in part.rels.values():
        if relation.is_external or not relation.reltype.endswith(("/header", "/footer")):
            continue
        for block in walker.blocks(relation.target_part.element):
            text = " ".join(block.text.split())
            if text and text not in known_texts:
                known_texts.add(text)
                yield Block(text)


def _notices(walker: DocxWalker) -> Iterator[str]:
    if walker.comments:
        yield f"Comments are not read; the document has {walker.comments}."
    if walker.deletions:
        yield f"Text that is marked as deleted is not read; places: {walker.deletions}."
    if walker.embedded:
        yield f"Embedded documents are not read; the document has {walker.embedded}."
