"""How an upload is read: at once, or in parts where it is too large for that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from functions.read_document.decode import as_utf8
from functions.read_document.extract import checked, extract_as
from functions.read_document.filetype import FileType, Format, Identify, file_type, is_container
from functions.read_document.pages import Extract, characters
from functions.read_document.parts import (
    LARGE_PAGES,
    LARGE_RECOGNISING,
    LARGE_TEXT,
    TEXT,
    Planned,
    plan_pages,
    plan_text,
    plan_written,
)

if TYPE_CHECKING:
    from functions.read_document.source import Source


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that was read at once; `recognise` numbers the pages that are pictures of text."""

    extract: Extract
    recognise: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that is a picture, which `label_picture` looks at."""

    media_type: str


def read(
    source: Source, path: str, identify: Identify, max_bytes: int
) -> Whole | Planned | Picture:
    """Return what is in `source`, whose name is `path`; of a picture only that it is one.

    Raises:
        Unsupported: it is of a kind, or in a state, that is not read, or too large for its kind.
        InvalidInput: it is damaged or holds no text.
    """
    if source.size <= LARGE_TEXT:
        data = as_utf8(source.whole(max_bytes, ""))
        kind = file_type(data, path, identify)
        if kind.format is Format.PICTURE:
            return Picture(kind.media_type)
        return _pdf(source) if kind.format is Format.PDF else _whole(data, kind)
    head = as_utf8(source.head())
    if is_container(head):
        data = source.whole(max_bytes, _name(path))
        return _whole(data, file_type(data, path, identify))
    kind = file_type(head, path, identify)
    if kind.format is Format.PICTURE:
        source.demand_whole(max_bytes, "picture")
        return Picture(kind.media_type)
    if kind.format is Format.PDF:
        return _pdf(source)
    if kind.format in TEXT:
        return plan_text(kind, source.blocks)
    return _whole(as_utf8(source.whole(max_bytes, kind.format.name)), kind)


def _whole(data: bytes, kind: FileType) -> Whole | Planned:
    found = extract_as(data, kind)
    if characters(found.pages) <= LARGE_TEXT:
        return Whole(found)
    return plan_written(found)


def _pdf(source: Source) -> Whole | Planned:
    from functions.read_document import pdf

    if pdf.count_pages(source.path) <= LARGE_PAGES:
        extract, recognise = pdf.read(source.path)
        if len(recognise) <= LARGE_RECOGNISING:
            return Whole(checked(extract), recognise)
    plan = pdf.plan(source.path)
    return plan_pages(pdf.MEDIA_TYPE, plan.pages, plan.pages_needing_ocr, plan.notices)


def _name(path: str) -> str:
    """Return what to call a container that is too large to be looked into."""
    return PurePosixPath(path).suffix[1:].upper() or "ZIP"
