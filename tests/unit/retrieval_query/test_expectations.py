from __future__ import annotations

import pytest

from chalicelib.retrieval.answer.question_types import Expected, expected, holds, without_asking


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many fish are there?", Expected.NUMBER),
        ("And how long is it?", Expected.NUMBER),
        ("What is the depth of the river?", Expected.NUMBER),
        ("When was it built?", Expected.MOMENT),
        ("At what time does it close?", Expected.MOMENT),
        ("Who built it?", Expected.NAME),
        ("Why is it closed?", None),
        ("How does it work?", None),
        ("Wann wurde es gebaut?", None),
    ],
)
def test_should_know_what_a_question_asks_for(question: str, kind: Expected | None) -> None:
    assert expected(question) is kind


@pytest.mark.parametrize(
    ("kind", "sentence", "held"),
    [
        (Expected.NUMBER, "It took eleven days.", True),
        (Expected.NUMBER, "It took 11 days.", True),
        (Expected.NUMBER, "It took a while.", False),
        (Expected.MOMENT, "It closes on Monday.", True),
        (Expected.MOMENT, "It closes later.", False),
        (Expected.NAME, "It was built by Grundfos.", True),
        (Expected.NAME, "It was built by hand.", False),
    ],
)
def test_should_see_whether_a_sentence_holds_it(kind: Expected, sentence: str, held: bool) -> None:
    assert holds(kind, sentence) is held


def test_should_leave_out_the_words_that_only_ask() -> None:
    assert without_asking("How long is the headrace?").split() == ["is", "the", "headrace?"]
