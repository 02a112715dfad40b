"""Words of a PDF with their boxes, in points of the page as it is displayed."""

from __future__ import annotations

import io
from pathlib import Path

import pypdfium2
import pytest

from chalicelib.contracts.page_words import WordBox
from functions.read_document.pdf import pdf_document
from tests.data.formats import make_pdfs
from tests.unit.functions.read_document import files

SAMPLE = Path("samples/inspection-report.pdf")


def word_at(content: bytes | Path, text: str) -> tuple[WordBox, float, float]:
    """Return a word of the first page, and the page's size."""
    extract, _ = pdf_document.read(content)
    page, layout = extract.pages[0], extract.words[0]
    (found,) = (w for w in layout.words or () if page.text[w.start : w.end] == text)
    return found, layout.width, layout.height


def text_in(content: bytes | Path, word: WordBox) -> str:
    """Return the text that PDFium finds in the box, on a page that is neither turned nor cut."""
    with pypdfium2.PdfDocument(content) as document:
        height = document[0].get_height()
        layer = document[0].get_textpage()
        edges = (word.left, height - word.bottom, word.right, height - word.top)
        text: str = layer.get_text_bounded(*edges)
        layer.close()
    return text.strip()


def test_should_place_nearly_every_word_of_every_page() -> None:
    for content in (SAMPLE, make_pdfs.tables(), make_pdfs.columns(), make_pdfs.invoice()):
        extract, _ = pdf_document.read(content)
        assert [each.page for each in extract.words] == [page.page for page in extract.pages]
        for page, layout in zip(extract.pages, extract.words, strict=True):
            within = {at for word in layout.words or () for at in range(word.start, word.end)}
            letters = {at for at, each in enumerate(page.text) if each.isalnum()}
            assert len(letters & within) >= 0.99 * len(letters)


def test_should_place_a_word_where_the_page_has_it() -> None:
    word, width, height = word_at(SAMPLE, "blade")
    assert text_in(SAMPLE, word) == "blade"
    assert (round(width), round(height)) == (595, 842)
    assert word.confidence is None


def test_should_place_the_numbers_of_a_table_in_their_own_rows() -> None:
    extract, _ = pdf_document.read(make_pdfs.tables())
    page, layout = extract.pages[0], extract.words[0]
    row = page.text.index("| March | 4.6 | 196 | 0 |")
    middles = [
        (word.top + word.bottom) / 2 for word in layout.words or () if row <= word.start < row + 25
    ]
    assert len(middles) == 4
    assert max(middles) - min(middles) < 1


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_should_follow_a_page_that_is_turned_and_cropped(degrees: int) -> None:
    word, width, height = word_at(SAMPLE, "blade")
    document = pypdfium2.PdfDocument(SAMPLE)
    document[0].set_cropbox(20, 300, 560, 830)
    document[0].set_rotation(degrees)
    body = io.BytesIO()
    document.save(body)
    left, top = word.left - 20, word.top - (height - 830)
    right, bottom = word.right - 20, word.bottom - (height - 830)
    expected = {
        0: (left, top, right, bottom),
        90: (530 - bottom, left, 530 - top, right),
        180: (540 - right, 530 - bottom, 540 - left, 530 - top),
        270: (top, 540 - right, bottom, 540 - left),
    }[degrees]
    turned, width, height = word_at(body.getvalue(), "blade")
    assert turned[2:6] == pytest.approx(expected, abs=0.3)
    assert (width, height) == ((540, 530) if degrees % 180 == 0 else (530, 540))


def test_should_know_no_words_of_a_scanned_page_yet_and_none_of_a_crowded_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extract, scanned = pdf_document.read(make_pdfs.mixed())
    assert scanned == (2, 4)
    assert [bool(each.words) for each in extract.words] == [True, False, True, False]
    monkeypatch.setattr(pdf_document, "MAX_CHARACTERS", 5)
    crowded, _ = pdf_document.read(files.pdf("More than five."))
    assert crowded.words[0].words is None
    assert crowded.pages[0].text == "More than five."


def test_should_read_the_words_of_any_range_as_those_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(files.pdf(*(f"Page {n}." for n in range(1, 6))))
    extract, _ = pdf_document.read(path)
    assert pdf_document.read_pages(path, 2, 4).words == extract.words[1:4]
