"""Pages as pictures: what is cited is marked where it stands, whatever the page is like."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray
from PIL import Image

from chalicelib.contracts.functions.render_page import (
    PDF,
    CharacterRange,
    RenderPageRequest,
    RenderPageResult,
)
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.documents.bounded_work import WorkBudget
from chalicelib.errors import Conflict, InvalidInput, NotFound, Unsupported
from functions.read_document.extraction import extract
from functions.read_document.file_types.detection import identify_by_magika
from functions.render_page import core, rendering
from functions.render_page.places import CitedText, boxes_of, placed_letters
from tests.data.formats import make_pdfs
from tests.unit.ingest.fakes import FakeObjects

BUCKET = "documents"
VERSION = "documents/acme/doc_a/v_1/"


def store(content: bytes, name: str = "a.pdf") -> FakeObjects:
    """Return objects that hold a file and the text that the ingest reads of it."""
    objects = FakeObjects()
    objects.write(BUCKET, VERSION + "source", content, {})
    if name.endswith(".pdf"):
        read = extract(content, name, identify_by_magika)
        objects.write(BUCKET, VERSION + "pages.jsonl", dump_lines(read.pages), {})
    return objects


def deps(objects: FakeObjects, budget: WorkBudget = rendering.BUDGET) -> core.Deps:
    return core.Deps(objects, rendering.BoundedRenderer(objects, budget))


def request(page: int = 1, media_type: str = PDF, **fields: Any) -> RenderPageRequest:
    return RenderPageRequest(
        tenant="acme",
        document_id="doc_a",
        version="v_1",
        media_type=media_type,
        page=page,
        bucket=BUCKET,
        correlation_id="test",
        **fields,
    )


def cited(content: bytes, quote: str, page: int = 1) -> tuple[RenderPageResult, NDArray[np.bool_]]:
    """Render a page with a quote of its text marked; return the picture's marked pixels, too."""
    objects = store(content)
    text = extract(content, "a.pdf", identify_by_magika).pages[page - 1].text
    found = re.search(r"\s+".join(map(re.escape, quote.split())), text)
    assert found is not None
    span = CharacterRange(start=found.start(), end=found.end())
    result = core.run(request(page, highlights=(span,)), deps(objects))
    pixels = np.asarray(Image.open(io.BytesIO(objects.bodies[result.key])).convert("RGB"), int)
    marked: NDArray[np.bool_] = pixels[:, :, 0] - pixels[:, :, 2] > 40
    return result, marked


def words_below(content: bytes, marked: NDArray[np.bool_], page: int = 1) -> str:
    """Return the letters of the page whose middle, on either side of a stroke, is marked."""
    document = pypdfium2.PdfDocument(content)
    height, width = marked.shape
    placed = placed_letters(document[page - 1], width, height)
    document.close()
    return "".join(
        letter
        for letter, (left, top, right, bottom) in zip(placed.text, placed.boxes, strict=True)
        if 0 <= left < right < width
        and 0 <= top < bottom < height
        and marked[top - 1 : bottom + 2, left - 1 : right + 2].mean() > 0.2
    )


def plain(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum())


def test_should_mark_a_sentence_where_it_stands_and_nothing_else() -> None:
    content = Path("samples/inspection-report.pdf").read_bytes()
    quote = "One runner blade has to be repaired before the winter."
    result, marked = cited(content, quote)
    assert result.highlighted == 1
    assert words_below(content, marked) == plain(quote)
    assert (result.width, result.height) == (marked.shape[1], marked.shape[0])


def test_should_mark_the_occurrence_that_is_cited_of_text_that_stands_there_twice() -> None:
    made = make_pdfs.document()
    made.add_page()
    made.set_font("Helvetica", size=12)
    for line in ("Pump 1 hums.", "It is checked daily.", "Pump 2 rests.", "It is checked daily."):
        made.cell(text=line, new_x="LMARGIN", new_y="NEXT")
    document = pypdfium2.PdfDocument(bytes(made.output()))
    placed = placed_letters(document[0], 1000, 1400)
    document.close()
    line = "It is checked daily."
    first, second = (
        boxes_of(CitedText(line, before), placed)
        for before in ("Pump 1 hums.\n", f"Pump 1 hums.\n{line}\nPump 2 rests.\n")
    )
    ((_, top, _, bottom),), ((_, top_of_second, _, _),) = first, second
    assert bottom < top_of_second
    assert boxes_of(CitedText(line, f"{line} {line} {line}"), placed) == second
    assert top < bottom


def test_should_mark_a_row_of_a_table_cell_by_cell() -> None:
    content = make_pdfs.tables()
    row = "| March | 4.6 | 196 | 0 |"
    result, marked = cited(content, row)
    assert result.highlighted == 1
    assert "march" in words_below(content, marked)
    assert "april" not in words_below(content, marked)


def test_should_mark_a_column_of_a_page_of_two() -> None:
    content = make_pdfs.columns()
    quote = "Voss Hydro sent two fitters."
    result, marked = cited(content, quote)
    assert result.highlighted == 1
    assert words_below(content, marked) == plain(quote)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_should_mark_the_place_on_a_page_that_is_turned(degrees: int) -> None:
    document = pypdfium2.PdfDocument("samples/inspection-report.pdf")
    document[0].set_rotation(degrees)
    body = io.BytesIO()
    document.save(body)
    content = body.getvalue()
    quote = "until the next inspection"
    result, marked = cited(content, quote)
    assert result.highlighted == 1
    assert words_below(content, marked) == plain(quote)


def test_should_mark_the_place_on_a_page_that_is_cropped() -> None:
    document = pypdfium2.PdfDocument("samples/inspection-report.pdf")
    page = document[0]
    page.set_cropbox(20, 300, 560, 830)
    body = io.BytesIO()
    document.save(body)
    result, marked = cited(body.getvalue(), "the next inspection")
    assert result.highlighted == 1
    assert words_below(body.getvalue(), marked) == "thenextinspection"


def test_should_mark_the_words_that_were_recognised_on_a_scanned_page() -> None:
    content = make_pdfs.of_scans(*make_pdfs.scanned(make_pdfs.letter()))
    objects = FakeObjects()
    objects.write(BUCKET, VERSION + "source", content, {})
    objects.write(BUCKET, VERSION + "pages.jsonl", b'{"page":1,"text":"Dear Sirs of Tarn"}\n', {})
    boxes = ((0, 4, 100, 200, 130, 210), (5, 9, 134, 200, 160, 210), (10, 12, 400, 300, 420, 310))
    found = PageWords(
        page=1, width=595, height=842, words=tuple(WordBox(*box, 0.9) for box in boxes)
    )
    objects.write(BUCKET, VERSION + "words.jsonl", dump_lines([found]), {})
    result = core.run(
        request(highlights=(CharacterRange(start=5, end=12), CharacterRange(start=13, end=17))),
        deps(objects),
    )
    assert result.highlighted == 1
    pixels = np.asarray(Image.open(io.BytesIO(objects.bodies[result.key])).convert("RGB"), int)
    marked = pixels[:, :, 0] - pixels[:, :, 2] > 40
    scale = result.width / 595
    for left, top, right, bottom, share in (
        (134, 200, 160, 210, 0.9), (400, 300, 420, 310, 0.9), (100, 200, 130, 210, 0.0),
        (165, 200, 395, 310, 0.0),
    ):  # fmt: skip
        rows = slice(round(top * scale) + 2, round(bottom * scale) - 2)
        columns = slice(round(left * scale) + 2, round(right * scale) - 2)
        assert abs(marked[rows, columns].mean() - share) <= 0.1


def test_should_show_a_scanned_page_without_marks_and_say_so() -> None:
    content = make_pdfs.of_scans(*make_pdfs.scanned(make_pdfs.letter()))
    objects = FakeObjects()
    objects.write(BUCKET, VERSION + "source", content, {})
    objects.write(BUCKET, VERSION + "pages.jsonl", b'{"page":1,"text":"Dear Sirs"}\n', {})
    marks = (CharacterRange(start=0, end=9),)
    result = core.run(request(highlights=marks), deps(objects))
    assert result.highlighted == 0
    assert objects.bodies[result.key].startswith(b"\x89PNG")


def test_should_render_once_and_again_after_the_picture_was_removed() -> None:
    objects = store(make_pdfs.letter())
    first = core.run(request(), deps(objects))
    source = objects.bodies.pop(VERSION + "source")
    assert core.run(request(), deps(objects)) == first
    objects.bodies[VERSION + "source"] = source
    del objects.bodies[first.key]
    assert core.run(request(), deps(objects)) == first
    assert first.key.startswith("jobs/acme/rendered/doc_a/v_1/1-")


def test_should_show_a_picture_upright_and_no_larger_than_a_screen() -> None:
    image = Image.new("RGB", (3000, 1000), "red")
    body = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(body, "JPEG", exif=exif)
    objects = store(body.getvalue(), "a.jpg")
    result = core.run(request(media_type="image/jpeg"), deps(objects))
    assert max(result.width, result.height) <= rendering.MAX_PIXELS
    assert result.height > result.width


def test_should_mark_the_words_that_were_read_in_a_picture() -> None:
    pages = [Image.new("L", (400, 300), 255), Image.new("L", (400, 300), 255)]
    written = io.BytesIO()
    pages[0].save(written, "TIFF", save_all=True, append_images=pages[1:])
    objects = store(written.getvalue(), "a.tif")
    texts = [Page(page=1, text="Picture a.tif: menu"), Page(page=2, text="Soup today")]
    word = WordBox(0, 4, 100, 50, 180, 70, 0.9)
    words = [
        PageWords(page=1, width=400, height=300),
        PageWords(page=2, width=400, height=300, words=(word,)),
    ]
    objects.write(BUCKET, VERSION + "pages.jsonl", dump_lines(texts), {})
    objects.write(BUCKET, VERSION + "words.jsonl", dump_lines(words), {})
    span = CharacterRange(start=0, end=4)
    asked = request(2, "image/tiff", highlights=(span, CharacterRange(start=5, end=10)))
    result = core.run(asked, deps(objects))
    assert (result.width, result.height, result.highlighted) == (400, 300, 1)
    image = Image.open(io.BytesIO(objects.bodies[result.key]))
    assert [image.getpixel(at) for at in ((140, 60), (300, 60))] == [rendering.MARK, (255,) * 3]
    with pytest.raises(InvalidInput, match="no page 3"):
        core.run(request(3, "image/tiff"), deps(objects))


def test_should_refuse_what_is_damaged_gone_or_has_no_picture() -> None:
    with pytest.raises(InvalidInput, match="damaged"):
        core.run(request(), deps(store(b"%PDF-1.4 nothing", "a.bin")))
    with pytest.raises(NotFound):
        core.run(request(), deps(FakeObjects()))
    with pytest.raises(Conflict, match="no page 9"):
        core.run(request(page=9), deps(store(make_pdfs.letter())))
    with pytest.raises(Unsupported, match="no picture"):
        core.run(request(media_type="text/plain"), deps(store(b"text", "a.txt")))


def test_should_end_a_page_that_takes_more_than_its_budget() -> None:
    budget = WorkBudget(cpu_seconds=30, memory_bytes=1, wall_seconds=0.0)
    with pytest.raises(Unsupported, match="Rendering page 1"):
        core.run(request(), deps(store(make_pdfs.letter()), budget))


def test_should_keep_a_page_that_claims_to_be_a_mile_small() -> None:
    result = core.run(request(), deps(store(make_pdfs.giant_page(), "a.bin")))
    assert max(result.width, result.height) <= rendering.MAX_PIXELS


def test_should_find_nothing_of_a_text_that_is_not_on_the_page() -> None:
    document = pypdfium2.PdfDocument("samples/inspection-report.pdf")
    placed = placed_letters(document[0], 595, 842)
    assert boxes_of(CitedText("Zwölf Boxkämpfer jagen Viktor"), placed) == []
    assert boxes_of(CitedText(" — "), placed) == []
    document.close()
