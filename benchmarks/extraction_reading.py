"""Files read as ingest reads them, into documents for extraction, with the CPU time that took."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.folder_objects import FolderObjects
from chalicelib.contracts.ingest import Page, ReadRequest, RecogniseRequest
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.contracts.page_words import PageWords
from chalicelib.contracts.parts import Part, ReadPartRequest
from chalicelib.errors import NotFound
from chalicelib.extraction.document import SourceDocument, source_document
from chalicelib.inference.image_pages import page_sizes
from chalicelib.retrieval.ids import pages_key, version_prefix, words_key
from functions.read_document import core as reading
from functions.read_document.file_types.detection import identify_by_magika
from functions.recognise_pages import core as recognising
from functions.recognise_pages.engine import recognise
from functions.recognise_pages.pictures import opened

_BUCKET, _KEY, _TENANT, _VERSION = "files", "inbox/bench/default/file", "bench", "v_1"
_PLACE = (_TENANT, "doc_000000000000000000000001", _VERSION)
_LIMIT, _MEMORY_GB = 1024**3, 1769 / 1024


@dataclass(frozen=True, slots=True)
class FileReading:
    """A file as extraction gets it. Seconds are of one CPU; `recognising` is that of scans."""

    document: SourceDocument
    reading: float
    recognising: float


def cpu_seconds() -> float:
    """Return the CPU time of this process and of those that it waited for, which read the files."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def read_file(name: str, body: bytes) -> FileReading:
    """Read a file, and recognise its scanned pages, as the functions behind ingest do.

    Raises:
        HeadraceError: ingest would reject it.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _Reader(Path(folder)).read(name, body)


class _Reader:
    """The functions' cores on objects of a folder."""

    def __init__(self, folder: Path) -> None:
        self._objects = FolderObjects(folder)
        clock = cpu_seconds
        self._read = reading.Deps(self._objects, identify_by_magika, _LIMIT, clock, _MEMORY_GB)
        self._recognise = recognising.Deps(
            objects=self._objects,
            open=functools.partial(opened, self._objects, recognise),
            model="",
            clock=clock,
            memory_gb=_MEMORY_GB,
        )
        self._spent = 0.0

    def read(self, name: str, body: bytes) -> FileReading:
        self._objects.write(_BUCKET, _KEY, body, {})
        request = ReadRequest.model_validate(
            {
                **self._about(),
                "collection": "default",
                "path": name,
                "order": "1",
                "key": _KEY,
                "object_version_id": "1",
                "bytes": len(body),
            }
        )
        began = cpu_seconds()
        found = reading.run(request, self._read)
        numbers: Sequence[int | None] = (None,)
        if found.parts:
            numbers = self._read_parts(request)
        spent = cpu_seconds() - began
        began = cpu_seconds()
        if found.picture:
            self._picture(body)
        elif found.recognise:
            self._recognised(None, found.pages, found.recognise)
        recognised = cpu_seconds() - began + self._spent
        pages = tuple(line for number in numbers for line in self._pages(number))
        words = tuple(line for number in numbers for line in self._words(number))
        document = source_document(
            pages, words or None, media_type=found.media_type, language=found.language
        )
        return FileReading(document, spent - self._spent, recognised)

    def _about(self) -> dict[str, object]:
        return {
            "tenant": _TENANT,
            "document_id": _PLACE[1],
            "version": _VERSION,
            "bucket": _BUCKET,
            "correlation_id": "bench",
        }

    def _read_parts(self, request: ReadRequest) -> list[int]:
        """Read the parts of a large file, and recognise their scanned pages."""
        key = version_prefix(*_PLACE) + "parts.jsonl"
        parts = [
            Part.model_validate_json(line)
            for line in self._objects.read(_BUCKET, key).splitlines()
            if line.strip()
        ]
        for part in parts:
            asked = ReadPartRequest.model_validate({**request.model_dump(), "part": part})
            done = reading.run_part(asked, self._read)
            if done.recognise:
                began = cpu_seconds()
                self._recognised(part.part, done.pages, done.recognise)
                self._spent += cpu_seconds() - began
        return [part.part for part in parts]

    def _recognised(self, part: int | None, pages: int, numbers: tuple[int, ...]) -> None:
        while numbers:
            request = RecogniseRequest.model_validate(
                {**self._about(), "part": part, "pages": pages, "recognise": numbers}
            )
            numbers = recognising.run(request, self._recognise).remaining

    def _picture(self, body: bytes) -> None:
        """Read a picture as what follows its labels does: one empty page of its size is filled."""
        width, height = page_sizes(body)[0]
        self._objects.write(_BUCKET, pages_key(*_PLACE), b'{"page":1,"text":""}\n', {})
        empty = PageWords(page=1, width=width, height=height).model_dump_json()
        self._objects.write(_BUCKET, words_key(*_PLACE), f"{empty}\n".encode(), {})
        request = RecogniseRequest.model_validate(
            {**self._about(), "pages": 1, "recognise": (1,), "picture": True}
        )
        recognising.run(request, self._recognise)

    def _pages(self, part: int | None) -> tuple[Page, ...]:
        body = self._objects.read(_BUCKET, pages_key(*_PLACE, part))
        return tuple(parse_lines(body, Page, body.count(b"\n")))

    def _words(self, part: int | None) -> tuple[PageWords, ...]:
        try:
            body = self._objects.read(_BUCKET, words_key(*_PLACE, part))
        except NotFound:
            return ()
        return tuple(parse_lines(body, PageWords, body.count(b"\n")))
