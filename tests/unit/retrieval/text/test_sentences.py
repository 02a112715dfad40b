from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.retrieval.text.sentences import MAX_SENTENCE, split_sentences


def cut(text: str) -> list[str]:
    return [text[span.start : span.end] for span in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith paid 3.50 dollars. He left.", ["Dr. Smith paid 3.50 dollars.", "He left."]),
        ("Use it, e.g. at home. Then stop.", ["Use it, e.g. at home.", "Then stop."]),
        ("J. R. Hartley fished.", ["J. R. Hartley fished."]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("# A heading\nIts text.", ["# A heading", "Its text."]),
        ("- one\n- two", ["- one", "- two"]),
        ("Total: 12 EUR\nDue: 1 May", ["Total: 12 EUR\nDue: 1 May"]),
        ("no end", ["no end"]),
        (" \n\t ", []),
        ("", []),
        ("日本語。次の文。", ["日本語。", "次の文。"]),
    ],
)
def test_should_cut_where_a_reader_would(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


def test_should_keep_wrapped_prose_together() -> None:
    text = (
        "The pump must be primed before it is started,\n"
        "because a dry pump destroys its seals. After\n"
        "that it runs unattended."
    )
    assert cut(text) == [
        "The pump must be primed before it is started,\nbecause a dry pump destroys its seals.",
        "After\nthat it runs unattended.",
    ]


def test_should_cut_after_a_line_that_ends_early() -> None:
    text = "Opening hours\nThe office is open from nine to five on every working day of the week"
    assert cut(text)[0] == "Opening hours"


@given(st.text(alphabet=st.sampled_from("aB1 .!?\n\t-#e。()\"'é"), max_size=200) | st.text())
def test_should_hold_every_visible_character_once_and_in_order(text: str) -> None:
    spans = split_sentences(text)
    end = 0
    for span in spans:
        assert span.start >= end
        assert not text[end : span.start].strip()
        quote = text[span.start : span.end]
        assert quote == quote.strip() != ""
        assert len(quote) <= MAX_SENTENCE
        end = span.end
    assert not text[end:].strip()


@given(st.integers(MAX_SENTENCE, 3 * MAX_SENTENCE), st.sampled_from(["x", "ab ", "a  b"]))
def test_should_bound_text_that_never_ends(length: int, unit: str) -> None:
    pieces = cut((unit * length)[:length])
    assert all(len(piece) <= MAX_SENTENCE for piece in pieces)


@pytest.mark.parametrize("unit", [".", ". ", " ", "\t", '." '])
def test_should_read_a_long_run_of_marks_in_one_pass(unit: str) -> None:
    spans = split_sentences("a" + unit * 400_000 + "b")
    assert (spans[0].start, spans[-1].end) == (0, 400_000 * len(unit) + 2)
