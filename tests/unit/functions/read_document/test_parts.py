"""Large files: what the plan says there is, the parts find, and nothing else."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chalicelib.contracts.ingest import Page, ReadRequest, ReadResult
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.contracts.page_words import PageWords
from chalicelib.contracts.parts import MAX_PARTS, Part, ReadPartRequest, ReadPartResult
from chalicelib.documents.bounded_work import WorkBudget
from chalicelib.errors import Conflict, Unsupported
from chalicelib.retrieval.ids import pages_key, version_prefix, words_key
from functions.read_document import core, part_plan, part_reader, upload
from functions.read_document.budget import read_budget
from functions.read_document.file_types.formats import FileType, Format, Identify
from functions.read_document.pages import Extract
from functions.read_document.part_plan import plan_pages, plan_text, plan_written
from tests.unit.functions.read_document.files import pdf, scanned_pdf
from tests.unit.ingest.examples import KEY, work
from tests.unit.ingest.fakes import FakeObjects

CSV = FileType(Format.CSV, "text/csv")
PLAIN = FileType(Format.PLAIN, "text/plain")
PICTURES = Path(__file__).parents[3] / "data" / "pictures"
MACHINE = Path(__file__).parents[4] / "statemachines" / "ingest.asl.json"
MIXED = b"id,town,note\n" + b"".join(
    b'%d,Z\xc3\xbcrich,"two\nlines, and more"\n' % n if n % 7 else b"%d,Bern\n\n" % n
    for n in range(3_000)
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make large what is large in a test."""
    monkeypatch.setattr(part_plan, "PART_BYTES", 8_000)
    monkeypatch.setattr("functions.read_document.reader.LARGE_TEXT", 20_000)
    monkeypatch.setattr("functions.read_document.reader.LARGE_PAGES", 6)
    monkeypatch.setattr(part_plan, "PART_PAGES", 3)


class Reading:
    """`read_document` on a file, and then on each of its parts."""

    def __init__(self, content: bytes, path: str, identify: Identify, max_bytes: int = 2**30):
        self.objects = FakeObjects({KEY: content}, block=777)
        self.request = ReadRequest.model_validate(
            {**work().model_dump(), "path": path, "bytes": len(content)}
        )
        place = self.request
        self.place = (place.tenant, place.document_id, place.version)
        self.deps = core.Deps(self.objects, identify, max_bytes, lambda: 0.0, 1.0)

    def plan(self) -> tuple[ReadResult, list[Part]]:
        result = core.run(self.request, self.deps)
        body = self.objects.bodies[version_prefix(*self.place) + "parts.jsonl"]
        return result, parse_lines(body, Part, result.parts)

    def part(self, part: Part) -> tuple[ReadPartResult, list[Page]]:
        asked = ReadPartRequest.model_validate({**self.request.model_dump(), "part": part})
        result = core.run_part(asked, self.deps)
        body = self.objects.bodies[pages_key(*self.place, part.part)]
        return result, parse_lines(body, Page, result.pages)

    def whole(self) -> Iterator[Page]:
        result, planned = self.plan()
        rows = 0
        for part in planned:
            read, pages = self.part(part)
            assert (read.pages, read.rows) == (part.pages, part.rows)
            rows += read.rows
            yield from pages
        assert rows == result.rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_parts_of_a_table_have_the_pages_of_the_whole(
    identify: Identify, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = MIXED.decode().encode(encoding)
    found = list(Reading(content, "a.csv", identify).whole())
    monkeypatch.setattr("functions.read_document.reader.LARGE_TEXT", 10**9)
    at_once = Reading(content, "a.csv", identify)
    result = core.run(at_once.request, at_once.deps)
    body = at_once.objects.bodies[pages_key(*at_once.place)]
    assert found == parse_lines(body, Page, result.pages)
    assert len(found) == 30
    assert "Zürich" in found[-1].text


def test_the_parts_of_json_lines_have_all_lines(identify: Identify) -> None:
    content = b"".join(b'{"id": %d, "name": "bolt %d"}\n' % (n, n) for n in range(1_500))
    found = list(Reading(content, "a.jsonl", identify).whole())
    assert len(found) == 15
    assert all(f"| {n} | bolt {n} |" in found[n // 100].text for n in range(0, 1_500, 33))


@pytest.mark.parametrize("line", [b"The gate opens at nine. ", b"The gate opens at nine.\n"])
def test_the_parts_of_a_text_have_all_of_it(identify: Identify, line: bytes) -> None:
    content = line * 9_000
    found = list(Reading(content, "a.txt", identify).whole())
    assert [page.page for page in found] == list(range(1, len(found) + 1))
    words = " ".join(page.text for page in found).split()
    assert words == content.decode().split()


def test_a_table_with_a_bad_encoding_at_its_end_is_read_in_another(identify: Identify) -> None:
    content = b"name,town\n" + b"bolt,Bern\n" * 20_000 + b"nut,Z\xfcrich und Gen\xe8ve\n" * 9
    found = list(Reading(content, "a.csv", identify).whole())
    assert "rich und Gen" in found[-1].text


def test_the_plan_keeps_the_source_and_its_sha256(identify: Identify) -> None:
    reading = Reading(MIXED, "a.csv", identify)
    result, _ = reading.plan()
    assert result.sha256 == hashlib.sha256(MIXED).hexdigest()
    assert reading.objects.bodies[version_prefix(*reading.place) + "source"] == MIXED
    assert (result.needs_more_steps, result.media_type) == (True, "text/csv")


def test_a_long_pdf_is_read_by_its_pages(identify: Identify) -> None:
    texts = [f"This is page number {n}." for n in range(1, 9)]
    reading = Reading(pdf(*texts), "a.pdf", identify)
    _, planned = reading.plan()
    assert [(part.first_page, part.pages) for part in planned] == [(1, 3), (4, 3), (7, 2)]
    assert [page.text for page in reading.whole()] == texts
    body = reading.objects.bodies[words_key(*reading.place, 3)]
    assert [each.page for each in parse_lines(body, PageWords, 2)] == [7, 8]
    assert reading.part(planned[2])[0].words == 2


def test_pages_that_are_pictures_are_told_with_their_part(
    identify: Identify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_plan, "PART_RECOGNISING", 2)
    reading = Reading(scanned_pdf(8, text_on_first="Only this is text."), "a.pdf", identify)
    result, planned = reading.plan()
    assert result.pages_needing_ocr == 7
    assert [part.recognise for part in planned] == [(2, 3), (4, 5), (6, 7), (8,)]
    read, _ = reading.part(planned[0])
    assert read.recognise == (2, 3)


def test_a_short_pdf_with_pictures_is_read_at_once(identify: Identify) -> None:
    reading = Reading(scanned_pdf(3, text_on_first="Only this is text."), "a.pdf", identify)
    result = core.run(reading.request, reading.deps)
    assert (result.parts, result.pages, result.recognise) == (0, 3, (2, 3))
    assert result.needs_more_steps


def test_what_was_read_at_once_and_is_long_is_chunked_in_parts(identify: Identify) -> None:
    content = "".join(f"# Part {n}\n\nThe gate opens at nine.\n\n" for n in range(2_000)).encode()
    reading = Reading(content, "a.md", identify)
    result, (part,) = reading.plan()
    assert (result.pages, part.pages, part.written) == (1, 1, True)
    read, pages = reading.part(part)
    assert read.characters == len(pages[0].text) > 50_000


def test_a_part_whose_pages_are_gone_is_a_conflict(identify: Identify) -> None:
    reading = Reading(MIXED, "a.csv", identify)
    _, planned = reading.plan()
    reading.objects.bodies[version_prefix(*reading.place) + "source"] = b"\n" * len(MIXED)
    with pytest.raises(Conflict, match="Part 2 should have"):
        reading.part(planned[1])


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.html", b"<html><body>" + b"<p>Gate</p>" * 4_000, "A HTML file"),
        ("a.docx", b"PK\x03\x04" + bytes(30_000), "A DOCX file"),
    ],
)
def test_a_format_that_is_read_whole_has_a_limit_of_its_own(
    identify: Identify, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, what: str
) -> None:
    monkeypatch.setattr(upload, "WHOLE_BYTES", 25_000)
    reading = Reading(content, name, identify)
    with pytest.raises(Unsupported, match=f"{what} may have at most 0.0 MiB.*CSV.*1024.0 MiB"):
        core.run(reading.request, reading.deps)


def test_a_row_that_cannot_be_read_refuses_the_file_by_its_number(identify: Identify) -> None:
    reading = Reading(MIXED + b'"' + b"x\n" * 600_000, "a.csv", identify)
    with pytest.raises(Unsupported, match="Row 3,001 has more than 1 MiB"):
        core.run(reading.request, reading.deps)


def test_nothing_stays_on_the_disk(
    identify: Identify, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("tmp")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    reading = Reading(MIXED, "a.csv", identify)
    reading.plan()
    broken = Reading(MIXED + b'"' + b"x\n" * 600_000, "a.csv", identify)
    with pytest.raises(Unsupported):
        core.run(broken.request, broken.deps)
    assert list(folder.iterdir()) == []


def test_parts_grow_with_the_file_and_never_exceed_their_number() -> None:
    pages = plan_pages("application/pdf", 5_000, range(1, 5_001))
    assert pages.pages == 5_000
    assert len(pages.parts) <= MAX_PARTS
    content = b"x" * 60 + b"\n"

    def blocks() -> Iterator[bytes]:
        for _ in range(3_000):
            yield content * 60

    text = plan_text(PLAIN, blocks)
    assert len(text.parts) <= MAX_PARTS
    assert text.parts[-1].end == 3_000 * 60 * len(content)
    many = Extract("x/y", tuple(Page(page=n + 1, text="x" * 99) for n in range(9_000)))
    written = plan_written(many)
    assert len(written.parts) <= MAX_PARTS
    assert written.pages == 9_000


@pytest.mark.parametrize("name", ["chelsea.png", "rocket.jpg", "coffee.webp", "horse.gif"])
@pytest.mark.parametrize("large", [False, True])
def test_a_picture_is_kept_to_be_looked_at_whatever_it_is_called(
    name: str, large: bool, identify: Identify
) -> None:
    content = (PICTURES / name).read_bytes() + bytes(30_000 if large else 0)
    reading = Reading(content, "notes.txt", identify)
    result = core.run(reading.request, reading.deps)
    assert result.picture
    assert result.needs_more_steps
    suffix = name.rpartition(".")[2]
    assert result.media_type == f"image/{'jpeg' if suffix == 'jpg' else suffix}"
    assert reading.objects.bodies[version_prefix(*reading.place) + "source"] == content
    assert pages_key(*reading.place) not in reading.objects.bodies


def test_a_picture_beyond_what_is_looked_at_is_refused(
    identify: Identify, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading((PICTURES / "rocket.jpg").read_bytes() + bytes(30_000), "a.jpg", identify)
    monkeypatch.setattr(upload, "WHOLE_BYTES", 25_000)
    with pytest.raises(Unsupported, match=r"A picture file may have at most 0\.0 MiB"):
        core.run(reading.request, reading.deps)


def test_a_part_should_use_up_its_budget_before_its_state_ends(
    identify: Identify, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ended state is a failure of ours, which a retry may help; a costly file is neither."""
    budgets: list[WorkBudget] = []

    def run_here(work: Callable[[], object], budget: WorkBudget, name: str) -> object:
        budgets.append(budget)
        return work()

    monkeypatch.setattr(part_reader, "run_bounded", run_here)
    reading = Reading(MIXED, "a.csv", identify)
    reading.deps = dataclasses.replace(
        reading.deps, budget=lambda size, memory_gb: read_budget(2**30, memory_gb)
    )
    list(reading.whole())
    states = json.loads(MACHINE.read_text())["States"]
    state = states["ReadParts"]["ItemProcessor"]["States"]["ReadPart"]
    assert max(budget.cpu_seconds for budget in budgets) <= state["TimeoutSeconds"] - 20
