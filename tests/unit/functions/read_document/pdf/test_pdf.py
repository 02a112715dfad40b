from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalicelib.errors import Conflict, HeadraceError, InvalidInput, Unsupported
from functions.read_document.pdf import pdf_document
from functions.read_document.pdf.frames import RulingLine, RulingLines, frames_of, rotated_box
from tests.data.formats import golden, make_pdfs
from tests.unit.functions.read_document import files


@pytest.mark.parametrize("name", sorted(make_pdfs.SAMPLES))
def test_a_sample_is_read_as_it_was_written_down(name: str) -> None:
    kept = json.loads((golden.GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert golden.read(name) == kept


def in_file(folder: Path, content: bytes) -> Path:
    path = folder / "source"
    path.write_bytes(content)
    return path


def test_a_table_with_lines_stands_in_its_place_as_rows() -> None:
    page = pdf_document.extract(make_pdfs.tables()).pages[0]
    before, table = page.text.split("these:\n\n")
    assert before.startswith("Readings")
    assert table.startswith(
        "| Month | Inflow m3/s | Generation MWh | Downtime h |\n| - | - | - | - |\n"
        "| January | 3.9 | 171 | 4 |\n| February | 3.4 | 148 | 11 |\n| March | 4.6 | 196 | 0 |\n"
        "| April | 4.1 | 187 | 2 |\n\nApril was cut short by the inspection.\n"
    )


def test_a_table_without_lines_is_told_by_the_white_between_its_columns() -> None:
    first, second = pdf_document.extract(make_pdfs.tables()).pages
    assert "| Bearing seal | Cabinet 4, lower shelf, beside the | 3 |" in first.text
    assert "| Inspection of the spiral | 1 | 1,840.00 | 1,840.00 |" in second.text
    assert second.text.endswith(
        "| Travel, kilometres | 212 | 0.45 | 95.40 |\n\nIt was paid in May."
    )


def test_a_table_opens_a_passage_below_the_heading_in_force() -> None:
    page = pdf_document.extract(make_pdfs.tables()).pages[0]
    starts = {page.text[at : at + 7]: heading for at, heading in page.headings}
    assert starts == {"Reading": "Readings", "| Month": "Readings", "| Part ": "Readings"}


def test_a_heading_of_the_page_above_a_table_stays_above_it() -> None:
    page = pdf_document.extract(make_pdfs.invoice()).pages[0]
    assert page.text.startswith("Voss Hydro\nInvoice 2026-0417\n")
    assert "| Description | Quantity | Unit price | Amount |\n" in page.text
    assert page.text.endswith("Payable within 30 days.")


@pytest.mark.parametrize("make", [make_pdfs.columns, make_pdfs.letter])
def test_running_text_is_no_table(make: object) -> None:
    assert callable(make)
    page = pdf_document.extract(make()).pages[0]
    assert "|" not in page.text
    assert page.text.index("fish") < page.text.index("held back by") < page.text.index("turbine")


def test_cells_that_no_line_parts_are_one() -> None:
    across = tuple(RulingLine(y, 0, 90) for y in (0, 20, 40))
    down = (
        RulingLine(0, 0, 40),
        RulingLine(30, 20, 40),
        RulingLine(60, 0, 40),
        RulingLine(90, 0, 40),
    )
    (frame,) = frames_of(RulingLines(across, down))
    assert frame.size == (2, 3)
    assert [frame.cell(x, 10) for x in (10, 40, 70)] == [(0, 0), (0, 0), (0, 2)]
    assert [frame.cell(x, 30) for x in (10, 40, 70)] == [(1, 0), (1, 1), (1, 2)]
    assert frame.cell(200, 10) is None


def test_lines_that_do_not_meet_frame_nothing() -> None:
    assert (
        frames_of(
            RulingLines((RulingLine(0, 0, 90), RulingLine(50, 0, 90)), (RulingLine(200, 0, 40),))
        )
        == []
    )


@pytest.mark.parametrize(
    ("turns", "box"),
    [
        (0, (1, -7, 3, -5)),
        (1, (5, 1, 7, 3)),
        (2, (-3, 5, -1, 7)),
        (3, (-7, -3, -5, -1)),
    ],
)
def test_a_box_is_turned_with_its_page(turns: int, box: tuple[float, ...]) -> None:
    assert rotated_box(turns, 1, 5, 3, 7) == box


def test_a_table_on_a_page_that_is_turned_is_a_table() -> None:
    turned_page = make_pdfs.tables().replace(b"/Type /Page\n", b"/Type /Page\n/Rotate 180\n", 1)
    assert b"/Rotate 180" in turned_page
    page = pdf_document.extract(turned_page).pages[0]
    assert "| Month | Inflow m3/s" in page.text or "| 4 | 171 |" in page.text


def test_pages_of_pictures_are_told_and_have_no_text(tmp_path: Path) -> None:
    path = in_file(tmp_path, make_pdfs.mixed())
    plan = pdf_document.plan(path)
    assert (plan.pages, plan.pages_needing_ocr) == (4, (2, 4))
    assert pdf_document.read(path) == (pdf_document.extract(path), (2, 4))
    assert pdf_document.count_pages(path) == 4
    assert [page.text for page in pdf_document.read_pages(path, 1, 4).pages] == [
        "The first page is text.",
        "",
        "The third page is text, too.",
        "",
    ]


@pytest.mark.parametrize(
    ("content", "pictures"),
    [
        (make_pdfs.of_scans(*make_pdfs.scanned(make_pdfs.letter()), stamp="Scanned 2026"), 1),
        (make_pdfs.unmapped(), 1),
        (files.pdf("Text."), 0),
        (files.pdf("", ""), 0),
        (files.scanned_pdf(1, text_on_first="A box stands below this line."), 0),
    ],
    ids=["a stamp on a picture", "codes without characters", "text", "empty", "an illustration"],
)
def test_what_needs_recognising_is_told(content: bytes, pictures: int) -> None:
    assert pdf_document.extract(content).pages_needing_ocr == pictures


def test_any_range_of_pages_is_read_as_the_whole_is(tmp_path: Path) -> None:
    path = in_file(tmp_path, files.pdf(*(f"Page {n}." for n in range(1, 8)), outline=["A", "B"]))
    whole = pdf_document.extract(path).pages
    assert pdf_document.read_pages(path, 1, 7).pages == whole
    assert pdf_document.read_pages(path, 2, 5).pages == whole[1:5]
    assert pdf_document.read_pages(path, 7, 7).pages == whole[6:]


@pytest.mark.parametrize(("first", "last"), [(0, 1), (1, 3), (3, 3), (2, 1)])
def test_pages_that_the_file_does_not_have_are_a_conflict(
    tmp_path: Path, first: int, last: int
) -> None:
    path = in_file(tmp_path, files.pdf("One.", "Two."))
    with pytest.raises(Conflict, match="The PDF has 2 pages"):
        pdf_document.read_pages(path, first, last)


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (make_pdfs.many_pages(100_000), Unsupported, "100000 pages; split it"),
        (make_pdfs.many_pages(3), InvalidInput, "damaged"),
        (make_pdfs.no_pages(), InvalidInput, "damaged"),
        (make_pdfs.circular_pages(), InvalidInput, "damaged"),
        (files.encrypted_pdf(), Unsupported, "password"),
        (b"%PDF-1.7\n", InvalidInput, "damaged"),
    ],
    ids=["many", "more than there are", "none", "a tree in a circle", "locked", "nothing"],
)
def test_a_pdf_that_cannot_be_read_is_refused_with_a_reason(
    tmp_path: Path, content: bytes, kind: type[HeadraceError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        pdf_document.plan(in_file(tmp_path, content))
    with pytest.raises(kind, match=words):
        pdf_document.extract(content)


@pytest.mark.parametrize(
    ("make", "notice"),
    [
        (make_pdfs.endless_outline, None),
        (make_pdfs.giant_page, None),
        (make_pdfs.with_script, None),
        (make_pdfs.with_file, "carries files within it (1), which are not read"),
        (make_pdfs.with_form, "is a form"),
    ],
)
def test_what_means_harm_or_hides_something_is_read_and_told(
    tmp_path: Path, make: object, notice: str | None
) -> None:
    assert callable(make)
    path = in_file(tmp_path, make())
    found = pdf_document.extract(path)
    assert found.pages[0].text in ("Hello, this page is read.", "See the file within.")
    assert [notice in said for said in found.notices if notice] == ([True] if notice else [])
    assert pdf_document.plan(path).notices == found.notices
