"""Read an upload at once, or plan its parts if it is too large for that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from chalicelib.documents.pages import characters
from functions.read_document.archive.members import unpack
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
from functions.read_document.upload import WHOLE_BYTES

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


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A file of sound or film, whose parts `read_media` plans."""

    media_type: str


def detect(source: UploadedFile, path: str, identify: Identify, max_bytes: int) -> FileType:
    """Return the type of an upload named `path`, by its content.

    Raises:
        Unsupported: it is of a kind that is not read, or too large for its kind.
        InvalidInput: it is a container that is damaged.
    """
    if source.size <= LARGE_TEXT:
        return file_type(as_utf8(source.whole(max_bytes, "")), path, identify)
    head = as_utf8(source.head())
    if is_zip_container(head):
        return file_type(source.whole(max_bytes, _container_name(path)), path, identify)
    kind = file_type(head, path, identify)
    if kind.format is Format.PICTURE:
        source.demand_whole(max_bytes, "picture")
    return kind


def read(
    source: UploadedFile, kind: FileType, max_bytes: int
) -> WholeFile | PartPlan | PictureFile | RecordingFile:
    """Return the pages of an upload of `kind`, a plan of its parts, an image or a recording.

    Its attachments are unpacked beside it, so that they can be read by another process.

    Raises:
        Unsupported: it is in a state that is not read, or too large for its kind.
        InvalidInput: it is damaged or has no text.
    """
    if kind.format is Format.PICTURE:
        return PictureFile(kind.media_type)
    if kind.format is Format.RECORDING:
        return RecordingFile(kind.media_type)
    if kind.format is Format.PDF:
        return _read_pdf(source)
    if source.size > LARGE_TEXT and kind.format in TEXT_FORMATS:
        return plan_text(kind, source.blocks)
    extracted = extract_as(as_utf8(source.whole(max_bytes, kind.format.name)), kind)
    attachments = unpack(extracted.attachments, source.path.parent, min(WHOLE_BYTES, max_bytes))
    return _whole_or_parts(replace(extracted, attachments=attachments))


def _whole_or_parts(extracted: Extract) -> WholeFile | PartPlan:
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
