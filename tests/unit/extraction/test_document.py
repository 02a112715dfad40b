"""Documents for extraction: words with and without boxes, and what spans of them are."""

import pytest

from chalicelib.contracts.ingest import Page
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.errors import Conflict, NotFound
from chalicelib.extraction.document import Span, source_document

TEXT = "A cat.\n\n| Name | € |\n| - | - |\n| Ann Lee | 1 |"


def _words(*words: tuple[str, float, float], confidence: float | None = None) -> PageWords:
    """Return the words of `TEXT` in its order, 10 points high, with their left and top."""
    placed, at = [], 0
    for text, left, top in words:
        at = TEXT.index(text, at)
        edges = (left, top, left + 5 * len(text), top + 10)
        placed.append(WordBox(at, at + len(text), *edges, confidence))
        at += len(text)
    return PageWords(page=1, width=200, height=100, words=tuple(placed))


def test_words_without_boxes_are_words_but_the_bars_of_tables_are_none() -> None:
    words = _words(("A", 0, 0), ("cat.", 10, 0), ("Ann", 0, 40), ("Lee", 20, 50))
    document = source_document([Page(page=1, text=TEXT)], [words])
    read = document.pages[0].words
    assert [(word.text, word.box is None) for word in read] == [
        ("A", False),
        ("cat.", False),
        ("Name", True),
        ("€", True),
        ("Ann", False),
        ("Lee", False),
        ("1", True),
    ]
    assert all(document.text(word.span) == word.text for word in read)


def test_a_span_has_a_box_for_each_line_and_the_least_confidence() -> None:
    words = _words(("A", 0, 0), ("cat.", 10, 1), ("Ann", 0, 40), ("Lee", 0, 52), confidence=0.75)
    document = source_document([Page(page=1, text=TEXT)], [words])
    name = Span(1, TEXT.index("Ann"), TEXT.index(" |", TEXT.index("Ann")))
    assert document.text(name) == "Ann Lee"
    assert document.boxes(name) == ((0, 40, 15, 50), (0, 52, 15, 62))
    assert document.boxes(Span(1, 3, 4)) == ((10, 1, 30, 11),), "the box of the word it is in"
    assert document.boxes(Span(1, 0, 6)) == ((0, 0, 30, 11),)
    assert document.confidence(name) == 0.75
    assert document.confidence(Span(1, TEXT.index("1"), TEXT.index("1") + 1)) is None


def test_a_page_without_words_has_no_size_and_what_describes_a_picture_is_not_in_it() -> None:
    page = Page(page=3, text="A photo of a dog.\n\nSALE", described=19)
    document = source_document([page], None)
    assert [word.text for word in document.page(3).words] == ["SALE"]
    assert (document.page(3).width, document.boxes(Span(3, 19, 23))) == (0, ())


def test_words_of_another_text_and_pages_that_are_not_there_are_refused() -> None:
    words = _words(("A", 0, 0), ("1", 0, 40))
    with pytest.raises(Conflict, match="page 1"):
        source_document([Page(page=1, text="short")], [words])
    with pytest.raises(NotFound, match="no page 2"):
        source_document([Page(page=1, text=TEXT)], [words]).page(2)
