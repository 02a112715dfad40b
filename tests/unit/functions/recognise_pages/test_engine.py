"""The real models on pages that were scanned: words and numbers that count, not every letter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from rapidocr.utils.output import RapidOCROutput

from chalicelib.contracts.ingest import Page
from chalicelib.errors import Conflict, ModelFailure
from chalicelib.generation.catalogue import RECOGNISER, catalogue
from functions.recognise_pages import pictures
from functions.recognise_pages.engine import recognise
from functions.recognise_pages.letters import turned_back
from functions.recognise_pages.pictures import PdfPictures, picture
from functions.recognise_pages.text import confidence, text_page
from models.pull.cache import status
from tests.data.formats import make_pdfs
from tests.soak import WHOLE


def read(content: bytes, number: int = 1) -> str:
    """Return what is recognised on a page, which must be certain for the most part."""
    document = pypdfium2.PdfDocument(content)
    lines = recognise(picture(document, number))
    document.close()
    assert confidence(lines) > 0.9
    return text_page(Page(page=number, text=""), lines).text


def test_a_scanned_invoice_keeps_its_table_and_its_total() -> None:
    text = read(make_pdfs.of_scans(*make_pdfs.scanned(make_pdfs.invoice(), degrees=-0.5)))
    for words in ("Voss Hydro", "2026-0417", "21 April 2026", "2,275.70"):
        assert words in text
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.split("\n")]
    assert ["Description", "Quantity", "Unit price", "Amount"] in rows
    assert ["Grease, 5 kg tins", "4", "38.20", "152.80"] in rows
    assert ["Travel, kilometres", "212", "0.45", "95.40"] in rows


def test_a_scanned_table_is_a_table() -> None:
    text = read(make_pdfs.scanned_table())
    for row in make_pdfs.READINGS[1:]:
        assert f"| {' | '.join(row)} |" in text
    assert "| Shear pin | Cabinet 4, upper shelf | 12 |" in text


def test_scanned_columns_are_read_one_after_the_other() -> None:
    text = " ".join(read(make_pdfs.scanned_columns()).split())
    ordered = ["three months", "The river rose", "held back", "The turbine", "full load"]
    assert [text.index(words) for words in ordered] == sorted(text.index(each) for each in ordered)


def test_a_line_whose_letters_have_no_place_is_divided_evenly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []

    def engine(picture: object, *, return_word_box: bool, **_: object) -> RapidOCROutput:
        asked.append(return_word_box)
        if return_word_box:
            raise OverflowError("cannot convert float infinity to integer")
        corners = np.array([[[0, 0], [100, 0], [100, 50], [0, 50]]], dtype=np.float32)
        return RapidOCROutput(boxes=corners, txts=("half a line",), scores=(0.9,))

    monkeypatch.setattr("functions.recognise_pages.engine._engine", lambda: engine)
    (line,) = recognise(np.zeros((50, 100, 3), dtype=np.uint8))
    assert asked == [True, False]
    assert [word.text for word in line.words] == ["half", "a", "line"]
    assert line.words[2].box == pytest.approx((100 * 7 / 11, 10, 100, 40))


@pytest.mark.parametrize("turns", [1, 2, 3] if WHOLE else [2, 3])
def test_a_page_that_lay_the_wrong_way_round_is_turned(turns: int) -> None:
    document = pypdfium2.PdfDocument(make_pdfs.note())
    upright = picture(document, 1)
    lines = recognise(np.ascontiguousarray(np.rot90(upright, turns)))
    text = text_page(Page(page=1, text=""), lines).text
    height, width = upright.shape[:2]
    boxes = {word.text: word for line in lines for word in line.words}
    as_it_lay = turned_back(boxes["second"], turns, width, height)
    (expected,) = (
        word for line in recognise(upright) for word in line.words if word.text == "second"
    )
    assert as_it_lay.box == pytest.approx(expected.box, abs=6)
    assert text.index("key of the gate house") < text.index("second drawer")


def test_a_lone_line_on_a_page_is_found() -> None:
    assert "The first page is text" in read(make_pdfs.mixed())


def test_a_page_on_which_there_is_nothing_has_no_lines() -> None:
    document = pypdfium2.PdfDocument(make_pdfs.raw_pdf("0 0 10 10 re f"))
    assert recognise(picture(document, 1)) == []


@pytest.mark.parametrize("box", ["0 0 595 842", "0 0 14400 100", "0 0 2000000000 2000000000"])
def test_a_picture_is_bounded_whatever_size_a_page_claims(box: str) -> None:
    document = pypdfium2.PdfDocument(make_pdfs.raw_pdf("0 0 10 10 re f", box=box))
    assert 1 <= max(picture(document, 1).shape) <= pictures.MAX_PIXELS + 1


def test_a_page_that_cannot_be_shown_or_is_not_there_is_an_error(tmp_path: Path) -> None:
    document = pypdfium2.PdfDocument(make_pdfs.many_pages(3))
    with pytest.raises(ModelFailure):
        picture(document, 3)
    with pytest.raises(Conflict, match="no page 4"):
        PdfPictures(document, recognise).lines(4)


def test_the_models_are_those_of_the_catalogue() -> None:
    assert status(catalogue().model(RECOGNISER)).state == "present"
