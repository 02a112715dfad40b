"""PPTX: one page per slide, with its title as heading, its tables and speaker notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.documents.pages import Block, page_of
from chalicelib.errors import Unsupported
from functions.read_document.archive.zip_file import open_zip
from functions.read_document.office.drawingml import (
    A,
    chart_blocks,
    diagram_blocks,
    paragraph_text,
    table_of,
    text_blocks,
)
from functions.read_document.office.opc import LIMITS, damage_as_input, safe_package
from functions.read_document.office.safe_xml import parse_xml
from functions.read_document.pages import NOTES, Extract

if TYPE_CHECKING:
    from lxml.etree import _Element
    from pptx.opc.package import Part
    from pptx.slide import Slide

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
MAX_SLIDES = 5_000

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}chart"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_TITLES = ("title", "ctrTitle")
_EVERY_SLIDE = ("dt", "ftr", "sldNum", "hdr")
_LISTS = ("body", "obj", "")


@dataclass(slots=True)
class _SlideReader:
    """Reads slides, and records which are hidden or have images only."""

    hidden: list[int] = field(default_factory=list)
    pictures_only: list[int] = field(default_factory=list)

    def slide(self, number: int, slide: Slide) -> list[Block]:
        """Return the blocks of a slide: title, other content, notes."""
        if slide.element.get("show") in ("0", "false"):
            self.hidden.append(number)
        tree = slide.element.find(f"{_P}cSld/{_P}spTree")
        shapes = [] if tree is None else list(_shapes(tree))
        titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
        blocks = [block for shape in titles for block in _title(shape)]
        for shape in shapes:
            if shape not in titles:
                blocks.extend(_shape(shape, slide.part))
        if not blocks and any(shape.tag == f"{_P}pic" for shape in shapes):
            self.pictures_only.append(number)
        return [*blocks, *_notes(slide)]

    def notices(self) -> Iterator[str]:
        if self.hidden:
            yield f"Hidden slides are read as well: {_listed(self.hidden)}."
        if self.pictures_only:
            numbers = _listed(self.pictures_only)
            yield f"Nothing is read of slides that show pictures only: {numbers}."


def extract(data: bytes) -> Extract:
    """Return the slides of a PPTX, one page each.

    Raises:
        Unsupported: it is too large.
        InvalidInput: it is damaged or not safe to read.
    """
    copy = safe_package(open_zip(data, LIMITS))
    reader = _SlideReader()
    from pptx import Presentation
    from pptx.exc import PythonPptxError

    with damage_as_input("PPTX", PythonPptxError):
        slides = Presentation(copy).slides
        if len(slides) > MAX_SLIDES:
            raise Unsupported(
                f"The file has {len(slides)} slides; split it into files of at most {MAX_SLIDES}.",
                field="file",
                limit=str(MAX_SLIDES),
            )
        pages = tuple(
            page_of(number, reader.slide(number, slide)) for number, slide in enumerate(slides, 1)
        )
    return Extract(MEDIA_TYPE, pages, notices=tuple(reader.notices()))


def _shapes(tree: _Element) -> Iterator[_Element]:
    """Yield the shapes of a slide in reading order, those of a group in its place."""
    for child in tree:
        if child.tag == f"{_P}grpSp":
            yield from _shapes(child)
        elif child.tag == f"{_MC}AlternateContent":
            yield from _shapes(child[0]) if len(child) else ()
        else:
            yield child


def _placeholder(shape: _Element) -> str | None:
    """Return the type of the placeholder that a shape fills ("" for any content), or None."""
    placeholder = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return None if placeholder is None else placeholder.get("type", "")


def _title(shape: _Element) -> Iterator[Block]:
    text = " ".join(paragraph_text(paragraph) for paragraph in shape.iter(f"{A}p"))
    if text.strip():
        yield Block(" ".join(text.split()), 1)


def _shape(shape: _Element, part: Part) -> Iterator[Block]:
    kind = _placeholder(shape)
    body = shape.find(f"{_P}txBody")
    if kind in _EVERY_SLIDE:
        return
    if body is not None:
        yield from text_blocks(body, bulleted=kind in _LISTS)
        return
    for table in shape.iter(f"{A}tbl"):
        yield from table_of(table)
    for chart in shape.iter(_CHART):
        yield from chart_blocks(_related(part, chart.get(f"{_R}id", "")))
    for diagram in shape.iter(_DIAGRAM):
        yield from diagram_blocks(_related(part, diagram.get(f"{_R}dm", "")))


def _related(part: Part, relation: str) -> _Element:
    related = part.related_part(relation)
    return parse_xml(related.blob, str(related.partname))


def _notes(slide: Slide) -> Iterator[Block]:
    if not slide.has_notes_slide:
        return
    tree = slide.notes_slide.element.find(f"{_P}cSld/{_P}spTree")
    shapes = [] if tree is None else list(_shapes(tree))
    bodies = [shape.find(f"{_P}txBody") for shape in shapes if _placeholder(shape) == "body"]
    blocks = [
        block for body in bodies if body is not None for block in text_blocks(body, bulleted=False)
    ]
    if blocks:
        yield Block(NOTES, 2)
        yield from blocks


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return shown if len(numbers) <= 10 else f"{shown} and {len(numbers) - 10} more"
