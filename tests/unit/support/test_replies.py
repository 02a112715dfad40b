"""Whether a sentence has the kind of thing that a question asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.retrieval.answering import Evidence
from chalicelib.retrieval.citations import Source
from chalicelib.retrieval.replying import replying
from chalicelib.retrieval.sentences import Span
from chalicelib.retrieval.support.reading import read
from chalicelib.retrieval.support.replies import can_reply
from tests.unit.retrieval_query.fakes import hit


@pytest.mark.parametrize(
    ("question", "reply", "other"),
    [
        ("How wide is the gate?", "The gate is 3 metres wide.", "The gate weighs 3 tonnes."),
        ("How long is the chain?", "It has 4 metres.", "Grease the chain every three months."),
        ("What does the pump cost?", "It is 40 euros.", "The pump has 40 litres."),
        ("What did the error cost?", "It cost us eleven days.", "It lasted eleven days."),
        ("Why is it closed?", "It is closed because it leaks.", "It is closed on Mondays."),
        ("When was it built?", "It was built in 1868.", "It was built by Kern."),
        ("Who made the pump?", "The pump was made by Voss.", "The pump is calibrated by Voss."),
        ("Who may open it?", "Only the supervisor may open it.", "It may be opened twice."),
        ("How old is the roof?", "It dates from 1931.", "The roof is steep."),
        ("How many cells are there?", "There are 54 cells.", "The cells are old."),
    ],
)
def test_should_tell_a_reply_from_a_sentence_about_the_same(
    question: str, reply: str, other: str
) -> None:
    assert can_reply(read(question), read(reply))
    assert not can_reply(read(question), read(other))


def test_should_take_any_sentence_for_a_reply_to_an_open_question() -> None:
    assert can_reply(read("What should I do if it leaks?"), read("Call the engineer."))


def evidence(text: str, heading: str = "") -> list[Evidence]:
    passage = hit(text, heading=heading)
    return [Evidence(Source(passage, Span(0, len(text)), text), (1.0,), 0.8)]


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("How many salmon were counted in 2024?", True),
        ("How many salmon were counted in 2023?", False),
        ("How many trout were counted in 2024?", False),
        ("How many salmon were counted at Tarnby?", False),
    ],
)
def test_should_not_answer_of_what_a_passage_does_not_know(question: str, answers: bool) -> None:
    found = evidence("In 2024 the camera counted 94 salmon.")
    assert bool(replying(question, found)) is answers


def test_should_know_what_the_heading_names() -> None:
    found = evidence("The camera counted 94 salmon.", heading="Tarnby 2024")
    assert replying("How many salmon were counted at Tarnby in 2024?", found) == found


@given(st.text(max_size=100), st.text(max_size=100))
def test_should_take_any_question(question: str, text: str) -> None:
    assert len(replying(question, evidence(text or "x"))) <= 1
