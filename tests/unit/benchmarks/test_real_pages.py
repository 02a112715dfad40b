from __future__ import annotations

import itertools

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.real_pages import PAGE_CHARACTERS, paged, pdf, scan, word
from functions.read_document.office import docx

ENTRIES = [
    ("Weir", "A wall across a river.", "It holds the water back." * 20),
    ("Sluice", "A gate in a weir.", "One person lifts it." * 40),
    ("Turbine", "A wheel in a pipe." * 30),
]
paragraphs = st.text("abc ", min_size=1, max_size=PAGE_CHARACTERS).map(str.strip).filter(bool)
entries = st.lists(
    st.lists(paragraphs, min_size=1, max_size=5).map(lambda told: ("name", *told)), max_size=12
)


@given(entries)
def test_pages_should_hold_every_paragraph_in_order(written: list[tuple[str, ...]]) -> None:
    last = [("name", "the end"), ("other", "x" * PAGE_CHARACTERS), ("more", "x" * PAGE_CHARACTERS)]
    found = [text for page in paged([*written, *last]) for _, text in page]
    told = [paragraph for text in found for paragraph in text.split("\n\n")]
    expected = [paragraph for _, *told in written for paragraph in told]
    assert told[: len(expected)] == expected
    assert told[len(expected)] == "the end"


@given(entries)
def test_a_page_should_hold_no_more_than_it_has_room_for(written: list[tuple[str, ...]]) -> None:
    for page in paged(written):
        assert len(page) == 1 or sum(len(text) for _, text in page) <= PAGE_CHARACTERS


def test_each_file_should_have_a_page_for_each() -> None:
    shown = list(paged(itertools.islice(itertools.cycle(ENTRIES), 30)))
    assert len(shown) > 3
    for made, pages in ((pdf(shown), len(shown)), (scan(shown[:2]), 2)):
        read = pypdfium2.PdfDocument(made)
        assert len(read) == pages
        read.close()
    read_word = docx.extract(word(shown))
    assert len(read_word.pages) == len(shown)
    assert "One person lifts it." in read_word.pages[0].text


def test_a_page_that_is_too_full_should_be_refused() -> None:
    with pytest.raises(ValueError, match="Page 1 takes more"):
        pdf([[("Weir", "word " * 5_000)]])
