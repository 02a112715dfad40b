"""Words that stand on a page, found in its text, which was cleaned and put in order since."""

from __future__ import annotations

import pytest

from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.documents import words
from chalicelib.documents.words import StandingWord, placed_words, stored_words


def standing(*texts: str) -> list[StandingWord]:
    """Return words of which each stands to the right of the one before it."""
    return [StandingWord(text, (n, 0.0, n + 1.0, 1.0)) for n, text in enumerate(texts)]


def placed(text: str, *texts: str) -> list[tuple[str, float]]:
    """Return the text of each word that was placed, and which of the words it is."""
    found = placed_words(text, standing(*texts))
    assert [word.start for word in found] == sorted(word.start for word in found)
    return [(text[word.start : word.end], word.left) for word in found]


def test_should_place_words_with_their_signs() -> None:
    assert placed("The pump “hums”.\nAlways!", "The", "pump", "“hums”.", "—", "Always!") == [
        ("The", 0), ("pump", 1), ("“hums”.", 2), ("Always!", 4),
    ]  # fmt: skip


def test_should_place_both_halves_of_a_word_that_was_joined_at_a_line_end() -> None:
    assert placed("A document.", "A", "docu-", "ment.") == [("A", 0), ("docu", 1), ("ment.", 2)]


@pytest.mark.parametrize("written", ["Cafe\u0301 ﬁne", "CAFÉ FINE"])
def test_should_place_words_whatever_their_form_in_unicode(written: str) -> None:
    assert [at for _, at in placed("Café fine", *written.split())] == [0, 1]


def test_should_follow_a_table_that_the_file_has_by_columns() -> None:
    text = (
        "Before.\n\n| Month | Days |\n| - | - |\n| May | 31 |\n| June | 30 |\n\nAfter the 31 days."
    )
    found = placed(
        text, "Before.", "Month", "May", "June", "Days", "31", "30", "After", "the", "31", "days."
    )
    assert [at for _, at in found] == [0, 1, 4, 2, 5, 3, 6, 7, 8, 9, 10]


def test_should_give_each_occurrence_its_own_word() -> None:
    text = "It is checked daily. Pump 2 rests. It is checked daily."
    assert [at for _, at in placed(text, *text.split())] == list(range(11))


def test_should_place_a_short_word_behind_many_longer_ones_that_it_is_part_of() -> None:
    assert placed("13 " * 20 + "3", "3") == [("3", 0)]


def test_should_place_no_word_at_the_beginning_of_a_longer_one() -> None:
    assert placed("475.96 | 47 | 8", "47", "475.96", "8") == [("475.96", 1), ("47", 0), ("8", 2)]


def test_should_place_no_word_over_a_space() -> None:
    text = "| 4 | 33 |\n| 433 | 9 |"
    assert [at for _, at in placed(text, "433", "9", "4", "33")] == [2, 3, 0, 1]


def test_should_tell_a_title_in_capitals_from_the_same_word_in_a_label() -> None:
    text = "| Voss | INVOICE |\n| Weir 4 | Invoice number | 7 |\n| VAT | Invoice date | 1 May |"
    drawn = ("Voss", "Weir", "4", "VAT", "INVOICE", "Invoice", "number", "7", "Invoice", "date")
    assert [at for _, at in placed(text, *drawn)] == [0, 4, 1, 2, 5, 6, 7, 3, 8, 9]


def test_should_leave_out_words_that_the_text_does_not_have() -> None:
    assert placed("In a word.", "wor", "In", "XIV", "a", "word.") == [
        ("In", 1), ("a", 3), ("word.", 4),
    ]  # fmt: skip
    assert placed("", "word") == placed("word") == []


def test_should_give_up_looking_but_not_following(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MAX_SEARCHES", 2)
    assert [at for _, at in placed("a-b-c-d", "x", "y", "z", "a", "b", "d")] == [3, 4]


def test_should_read_the_line_of_a_page() -> None:
    kept = [
        PageWords(page=1, width=595, height=842, words=(WordBox(0, 3, 1.5, 2, 3, 4),)),
        PageWords(page=2, width=595, height=842, words=(WordBox(0, 3, 1, 2, 3, 4, 0.9),)),
        PageWords(page=3, width=595, height=842, words=None),
    ]
    body = dump_lines(kept)
    assert [stored_words([body[:50], body[50:]], n) for n in (1, 2, 3, 4)] == [*kept, None]
    assert [page.recognised for page in kept] == [False, True, False]
