"""Read one uploaded file: check it, extract its text, write its pages, or plan its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import ReadRequest, ReadResult, spent
from chalicelib.contracts.parts import ReadPartRequest, ReadPartResult
from chalicelib.documents.bounded_work import run_bounded
from chalicelib.documents.pages import characters
from chalicelib.errors import Conflict, HeadraceError, InvalidInput
from chalicelib.retrieval.ids import version_prefix
from functions.read_document import part_reader
from functions.read_document.archive.members import put_members
from functions.read_document.budget import READING, Budget, part_budget, read_budget
from functions.read_document.extraction import load_extractor
from functions.read_document.reader import PictureFile, RecordingFile, WholeFile, detect, read
from functions.read_document.text.language import language_of
from functions.read_document.upload import WHOLE_BYTES, UploadedFile, check_size, download

if TYPE_CHECKING:
    from chalicelib.contracts.objects import LargeObjects
    from chalicelib.documents.bounded_work import WorkBudget
    from functions.read_document.file_types.formats import Identify
    from functions.read_document.part_plan import PartPlan


_PICTURE_FACTS = {"pages": 1, "pages_needing_ocr": 0, "characters": 0, "picture": True}
"""The facts that are reported of an image before it is labelled."""
_RECORDING_FACTS = {"pages": 1, "pages_needing_ocr": 0, "characters": 0, "media": True}
"""The facts that are reported of sound or film before it is decoded."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run` and `run_part`.

    `clock` returns seconds from any start. `budget` returns what reading a file may use.
    """

    objects: LargeObjects
    identify: Identify
    max_bytes: int
    clock: Callable[[], float]
    memory_gb: float
    budget: Budget = read_budget


def run(request: ReadRequest, deps: Deps) -> ReadResult:
    """Read the file, write `pages.jsonl` and `words.jsonl`, and store a copy of the source beside.

    A file that is too large for one step is planned instead: `parts.jsonl` lists the parts to read.
    An image is left to `label_picture`, a recording to `read_media`. The files inside an archive or
    a mail are put into the inbox.

    Raises:
        InvalidInput, Unsupported: the file cannot be read, and the message says why.
        Conflict: the bytes are those of the current version, so there is nothing to do.
        HeadraceError: there are other pages than the file has.
    """
    began = deps.clock()
    if request.refusal:
        raise InvalidInput(request.refusal, field="metadata")
    check_size(request.bytes, deps.max_bytes)
    place = (request.bucket, request.key, request.object_version_id)
    with download(deps.objects, *place, deps.max_bytes) as source:
        if request.ready_sha256 == source.sha256:
            raise Conflict(f"{request.ready_version} holds the same bytes and answers already.")
        with _conflicts_as_failures():
            facts = _read_and_write(request, source, deps)
    facts["reading"] = spent(deps.clock() - began, deps.memory_gb)
    return ReadResult.model_validate(facts)


def _read_and_write(request: ReadRequest, source: UploadedFile, deps: Deps) -> dict[str, object]:
    """Read the file, write its pages or its plan, and return the facts of the result."""
    kind = detect(source, request.path, deps.identify, deps.max_bytes)
    load_extractor(kind)
    contents = run_bounded(
        lambda: read(source, kind, deps.max_bytes),
        deps.budget(source.size, deps.memory_gb),
        READING,
    )
    prefix = version_prefix(request.tenant, request.document_id, request.version)
    place = (request.bucket, request.key, request.object_version_id)
    deps.objects.copy(*place, prefix + "source")
    facts: dict[str, object] = {"sha256": source.sha256, "bytes": source.size}
    if isinstance(contents, PictureFile):
        return facts | _PICTURE_FACTS | {"media_type": contents.media_type}
    if isinstance(contents, RecordingFile):
        return facts | _RECORDING_FACTS | {"media_type": contents.media_type}
    if isinstance(contents, WholeFile):
        facts |= _write_pages(request, contents, deps.objects)
    else:
        facts |= part_reader.write_plan(request, contents, source, deps.objects)
    return facts | _put_members(request, contents, deps)


@contextmanager
def _conflicts_as_failures() -> Iterator[None]:
    """Raise a `Conflict` of the block as `HeadraceError`.

    The state machine takes a conflict to mean that there is nothing to do, but a wrong number of
    pages is our failure.
    """
    try:
        yield
    except Conflict as error:
        raise HeadraceError(error.message, field=error.field) from error


def _write_pages(
    request: ReadRequest, found: WholeFile, objects: LargeObjects
) -> dict[str, object]:
    """Write the pages, and their words where they have places; return the facts about them."""
    pages = found.extract.pages
    part_reader.write_pages(request, None, pages, found.extract.words, objects)
    return {
        "media_type": found.extract.media_type,
        "pages": len(pages),
        "pages_needing_ocr": found.extract.pages_needing_ocr,
        "recognise": found.recognise,
        "characters": characters(pages),
    }


def _put_members(
    request: ReadRequest, found: WholeFile | PartPlan, deps: Deps
) -> dict[str, object]:
    """Put the members of the file into the inbox; return the facts about it and them."""
    if found.extract is None:
        return {}
    max_bytes = min(deps.max_bytes, WHOLE_BYTES)
    members = put_members(found.extract.attachments, request, deps.objects, max_bytes)
    return {
        "language": found.extract.language,
        "members": members.count,
        "notices": (*found.extract.notices, *members.notices),
    }


def run_part(request: ReadPartRequest, deps: Deps) -> ReadPartResult:
    """Read one part of a file that is too large for one step, and write its pages.

    Raises:
        InvalidInput, Unsupported: the part cannot be read, and the message says why.
        Conflict: the part has no pages.
    """
    began = deps.clock()

    def budget(size: int) -> WorkBudget:
        return part_budget(deps.budget(size, deps.memory_gb))

    read = part_reader.read_part(request, deps.objects, deps.max_bytes, budget)
    return ReadPartResult(
        part=request.part.part,
        pages=len(read.pages),
        words=len(read.words),
        times=len(read.times),
        rows=read.rows,
        characters=characters(read.pages),
        recognise=request.part.recognise,
        language=read.language or language_of(read.pages),
        notices=read.notices,
        reading=spent(deps.clock() - began, deps.memory_gb),
    )
