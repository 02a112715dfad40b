"""Write the plan of a large file to S3, and read its parts by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import Page, ReadRequest
from chalicelib.contracts.jsonl import Line, dump_lines, parse_lines
from chalicelib.contracts.parts import NO_SPEECH, Part, ReadPartRequest, TextPlan
from chalicelib.contracts.shots import FilmShot, FrameLabels, FrameText
from chalicelib.contracts.speech import Transcript
from chalicelib.documents.bounded_work import run_bounded
from chalicelib.documents.pages import page_of
from chalicelib.errors import Conflict
from chalicelib.retrieval.ids import (
    pages_key,
    screen_key,
    seen_key,
    shots_key,
    speech_key,
    times_key,
    version_prefix,
    words_key,
)
from functions.read_document.budget import READING
from functions.read_document.part_plan import UTF8, PartPlan, text_row_pages
from functions.read_document.screen import screen_page
from functions.read_document.speech import speech_page
from functions.read_document.text import csv_tables, json_lines, plain_text
from functions.read_document.text.encodings import encoding_of, in_utf8
from functions.read_document.upload import UploadedFile, download

if TYPE_CHECKING:
    from chalicelib.contracts.objects import LargeObjects
    from chalicelib.contracts.page_times import PageTimes
    from chalicelib.contracts.page_words import PageWords
    from chalicelib.documents.bounded_work import WorkBudget
    from functions.read_document.text.rows import RowPage

Budget = Callable[[int], "WorkBudget"]

TEXT_PLAN_FILE = "plan.json"
PARTS_FILE = "parts.jsonl"


@dataclass(frozen=True, slots=True)
class PartPages:
    """The pages of a part, with notices about them, and their words if they have places.

    `rows` counts those of a text. Pages of a recording have `times` and a `language`.
    """

    pages: tuple[Page, ...]
    words: tuple[PageWords, ...] = ()
    rows: int = 0
    notices: tuple[str, ...] = ()
    times: tuple[PageTimes, ...] = ()
    language: str = ""


def write_plan(
    request: ReadRequest, planned: PartPlan, source: UploadedFile, objects: LargeObjects
) -> dict[str, object]:
    """Write the plan, and pages that were read already; return the facts about it."""
    prefix = version_prefix(request.tenant, request.document_id, request.version)
    if planned.extract is not None:
        for part in planned.parts:
            pages = planned.extract.pages[part.first_page - 1 :][: part.pages]
            write_pages(request, part.part, pages, (), objects)
    if planned.text is not None:
        if planned.text.source == UTF8:
            text = in_utf8(source.blocks(), encoding_of(source.blocks))
            objects.upload(request.bucket, prefix + UTF8, text, {})
        body = planned.text.model_dump_json().encode()
        objects.write(request.bucket, prefix + TEXT_PLAN_FILE, body, {})
    lines = {"lines": str(len(planned.parts))}
    objects.write(request.bucket, prefix + PARTS_FILE, dump_lines(planned.parts), lines)
    return {
        "media_type": planned.media_type,
        "pages": planned.pages,
        "pages_needing_ocr": sum(len(part.recognise) for part in planned.parts),
        "characters": 0,
        "parts": len(planned.parts),
        "rows": planned.rows,
        "notices": planned.notices,
    }


def write_pages(
    request: ReadRequest | ReadPartRequest,
    part: int | None,
    pages: Sequence[Page],
    words: Sequence[PageWords],
    objects: LargeObjects,
) -> None:
    """Write the pages of one part, or of the whole, and their words if the format has places.

    Raises:
        Conflict: a page has no words, or words have no page.
    """
    place = (request.tenant, request.document_id, request.version, part)
    if words and [each.page for each in words] != [page.page for page in pages]:
        raise Conflict(f"{len(pages)} pages were read, and the words of {len(words)}.")
    for key, lines in ((pages_key(*place), pages), (words_key(*place), words)):
        if lines:
            objects.write(request.bucket, key, dump_lines(lines), {"lines": str(len(lines))})


def read_part(
    request: ReadPartRequest, objects: LargeObjects, max_bytes: int, budget: Budget
) -> PartPages:
    """Read the pages of one part of the plan, write them, and return them.

    They are read in a child process that may use what `budget` returns for their bytes.

    Raises:
        InvalidInput, Unsupported: they cannot be read.
        Conflict: there are none, or they were written before and are gone.
    """
    part = request.part
    if part.written:
        return PartPages(_written_pages(request, part, objects))
    if part.recorded:
        return _recorded(request, objects)
    if part.end:
        read = _read_text(request, objects, budget)
    else:
        read = _read_pdf(request, objects, max_bytes, budget)
    if not read.pages:
        raise Conflict(f"Part {part.part} should have {part.pages} pages, and has none.")
    write_pages(request, part.part, read.pages, read.words, objects)
    return read


def _written_pages(request: ReadPartRequest, part: Part, objects: LargeObjects) -> tuple[Page, ...]:
    key = pages_key(request.tenant, request.document_id, request.version, part.part)
    return tuple(parse_lines(objects.read(request.bucket, key), Page, part.pages))


def _recorded(request: ReadPartRequest, objects: LargeObjects) -> PartPages:
    """Write the pages of a part of a recording: what was heard in it, and what was on screen."""
    part, bucket = request.part, request.bucket
    place = (request.tenant, request.document_id, request.version, part.part)
    spoken = Transcript()
    if part.sound:
        spoken = Transcript.model_validate_json(objects.read(bucket, speech_key(*place)))
    page, heard = speech_page(part, spoken)
    pages, times = [page], [heard]
    if part.film:
        shots = _lines(objects, bucket, shots_key(*place), FilmShot)
        texts = _lines(objects, bucket, screen_key(*place), FrameText) if shots else ()
        seen = _lines(objects, bucket, seen_key(*place), FrameLabels) if shots else ()
        shown, when = screen_page(part, part.first_page + 1, shots, texts, seen)
        pages.append(shown)
        times.append(when)
    write_pages(request, part.part, pages, (), objects)
    objects.write(bucket, times_key(*place), dump_lines(times), {"lines": str(len(times))})
    notices = () if heard.spans else (NO_SPEECH,)
    return PartPages(tuple(pages), times=tuple(times), language=spoken.language, notices=notices)


def _lines(objects: LargeObjects, bucket: str, key: str, kind: type[Line]) -> tuple[Line, ...]:
    """Return the lines of an object that says how many it has."""
    expected = int(objects.metadata(bucket, key)["lines"])
    return tuple(parse_lines(objects.read(bucket, key), kind, expected))


def _read_text(request: ReadPartRequest, objects: LargeObjects, budget: Budget) -> PartPages:
    prefix = version_prefix(request.tenant, request.document_id, request.version)
    written = objects.read(request.bucket, prefix + TEXT_PLAN_FILE)
    plan, part = TextPlan.model_validate_json(written), request.part
    blocks = list(objects.stream(request.bucket, prefix + plan.source, part.start, part.end))
    size = part.end - part.start
    return run_bounded(lambda: _text_part(blocks, plan, part), budget(size), READING)


def _text_part(blocks: Sequence[bytes], plan: TextPlan, part: Part) -> PartPages:
    row_pages = list(text_row_pages(blocks, plan, part.first_row))
    return PartPages(
        pages=tuple(_text_pages(row_pages, plan, part.first_page)),
        rows=sum(len(page.rows) for page in row_pages),
        notices=json_lines.notices(row_pages) if plan.format == json_lines.FORMAT else (),
    )


def _text_pages(found: Sequence[RowPage], plan: TextPlan, first_page: int) -> Iterator[Page]:
    for number, page in enumerate(found, start=first_page):
        if plan.format == csv_tables.FORMAT:
            yield csv_tables.page(page, number, plan)
        elif plan.format == json_lines.FORMAT:
            yield json_lines.page(page, number)
        else:
            yield page_of(number, plain_text.blocks(page.rows[0].cells[0]))


def _read_pdf(
    request: ReadPartRequest, objects: LargeObjects, max_bytes: int, budget: Budget
) -> PartPages:
    from functions.read_document.pdf import pdf_document

    part = request.part
    key = version_prefix(request.tenant, request.document_id, request.version) + "source"
    with download(objects, request.bucket, key, None, max_bytes) as source:
        last_page = part.first_page + part.pages - 1
        read = run_bounded(
            lambda: pdf_document.read_pages(source.path, part.first_page, last_page),
            budget(source.size),
            READING,
        )
        return PartPages(read.pages, read.words)
