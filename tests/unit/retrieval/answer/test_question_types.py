from __future__ import annotations

import pytest

from chalicelib.retrieval.answer.question_types import (
    ExpectedAnswer,
    expected_answer,
    holds_answer,
    strip_question_words,
)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many fish are there?", ExpectedAnswer.NUMBER),
        ("And how long is it?", ExpectedAnswer.NUMBER),
        ("What is the depth of the river?", ExpectedAnswer.NUMBER),
        ("When was it built?", ExpectedAnswer.MOMENT),
        ("At what time does it close?", ExpectedAnswer.MOMENT),
        ("Who built it?", ExpectedAnswer.NAME),
        ("Why is it closed?", None),
        ("How does it work?", None),
        ("Wann wurde es gebaut?", None),
    ],
)
def test_should_know_what_a_question_asks_for(question: str, kind: ExpectedAnswer | None) -> None:
    assert expected_answer(question) is kind


@pytest.mark.parametrize(
    ("kind", "sentence", "held"),
    [
        (ExpectedAnswer.NUMBER, "It took eleven days.", True),
        (ExpectedAnswer.NUMBER, "It took 11 days.", True),
        (ExpectedAnswer.NUMBER, "It took a while.", False),
        (ExpectedAnswer.MOMENT, "It closes on Monday.", True),
        (ExpectedAnswer.MOMENT, "It closes later.", False),
        (ExpectedAnswer.NAME, "It was built by Grundfos.", True),
        (ExpectedAnswer.NAME, "It was built by hand.", False),
    ],
)
def test_should_see_whether_a_sentence_holds_it(
    kind: ExpectedAnswer, sentence: str, held: bool
) -> None:
    assert holds_answer(kind, sentence) is held


def test_should_leave_out_the_words_that_only_ask() -> None:
    assert strip_question_words("How long is the headrace?").split() == ["is", "the", "headrace?"]
