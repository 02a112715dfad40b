"""Read an upload at once, or plan its parts if it is too large for that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from chalicelib.documents.pages import characters
from functions.read_document.extraction import check_extract, extract_as
from functions.read_document.file_types.detection import file_type, is_zip_container
from functions.read_document.file_types.formats import FileType, Format, Identify
from functions.read_document.pages import Extract
from functions.read_document.part_plan import (
    LARGE_PAGES,
    LARGE_RECOGNISING,
    LARGE_TEXT,
    TEXT_FORMATS,
    PartPlan,
    plan_pages,
    plan_text,
    plan_written,
)
from functions.read_document.text.encodings import as_utf8

if TYPE_CHECKING:
    from functions.read_document.upload import UploadedFile


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file that was read at once; `recognise` has the numbers of its scanned pages."""

    extract: Extract
    recognise: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A file that is an image, which `label_picture` labels."""

    media_type: str


def read(
    source: UploadedFile, path: str, identify: Identify, max_bytes: int
) -> WholeFile | PartPlan | PictureFile:
    """Return the pages of an upload named `path`, a plan of its parts, or an image.

    Raises:
        Unsupported: it is of a kind, or in a state, that is not read, or too large for its kind.
        InvalidInput: it is damaged or has no text.
    """
    if source.size <= LARGE_TEXT:
        data = as_utf8(source.whole(max_bytes, ""))
        kind = file_type(data, path, identify)
        if kind.format is Format.PICTURE:
            return PictureFile(kind.media_type)
        return _read_pdf(source) if kind.format is Format.PDF else _read_whole(data, kind)
    head = as_utf8(source.head())
    if is_zip_container(head):
        data = source.whole(max_bytes, _container_name(path))
        return _read_whole(data, file_type(data, path, identify))
    kind = file_type(head, path, identify)
    if kind.format is Format.PICTURE:
        source.demand_whole(max_bytes, "picture")
        return PictureFile(kind.media_type)
    if kind.format is Format.PDF:
        return _read_pdf(source)
    if kind.format in TEXT_FORMATS:
        return plan_text(kind, source.blocks)
    return _read_whole(as_utf8(source.whole(max_bytes, kind.format.name)), kind)


def _read_whole(data: bytes, kind: FileType) -> WholeFile | PartPlan:
    extracted = extract_as(data, kind)
    if characters(extracted.pages) <= LARGE_TEXT:
        return WholeFile(extracted)
    return plan_written(extracted)


def _read_pdf(source: UploadedFile) -> WholeFile | PartPlan:
    from functions.read_document.pdf import pdf_document

    if pdf_document.count_pages(source.path) <= LARGE_PAGES:
        extract, recognise = pdf_document.read(source.path)
        if len(recognise) <= LARGE_RECOGNISING:
            return WholeFile(check_extract(extract), recognise)
    plan = pdf_document.plan(source.path)
    return plan_pages(pdf_document.MEDIA_TYPE, plan.pages, plan.pages_needing_ocr, plan.notices)


def _container_name(path: str) -> str:
    """Return the name in messages of a container that is too large to be opened."""
    return PurePosixPath(path).suffix[1:].upper() or "ZIP"
