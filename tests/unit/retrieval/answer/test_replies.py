"""Whether a sentence has the kind of thing that a question asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.evidence import Evidence
from chalicelib.retrieval.answer.replies import can_reply, filter_replies
from chalicelib.retrieval.text.parsed_text import parse_text
from chalicelib.retrieval.text.sentences import TextSpan
from tests.unit.retrieval.fakes import hit


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
        ("How many panels are there?", "There are two panels.", "The panels have 62 kilowatts."),
        ("How many litres does it hold?", "It holds 40 litres.", "It holds 40 kilograms."),
        ("How much water is there?", "It carries 40 litres.", "There are four wells of 85 metres."),
        ("How wide is the gate?", "Across it measures 3 metres.", "The gate is 3 metres long."),
        ("How high is the pressure?", "It is at 4 bar.", "The pressure falls at night."),
        ("How high is the fee?", "It is 40 euros.", "It is 4 metres long."),
        ("How large is the roof?", "It covers 90 square metres.", "It was renewed in 1987."),
        ("How old is Kern?", "Kern is 60 years old.", "Kern slept 48 minutes less."),
        ("How long does it take?", "It takes 5 minutes.", "It is 5 metres long."),
        ("How long is it leased?", "It is leased until 2031.", "It was leased in 2021."),
        ("What does bread cost?", "It costs 4 euros.", "It makes up 60 percent of sales."),
        ("Who renewed the roof?", "Kern renewed it.", "The roof was last renewed in Wales."),
        ("Who renewed the roof?", "It was renewed by Kern.", "The roof was renewed in May."),
        ("Who was elected?", "Solveig Berg was elected.", "Somewhat later it was decided."),
        ("Where is the hut?", "It stands at the lake.", "It is staffed at 8."),
        ("What caused the flood?", "It was caused by rain.", "Since the flood of 2003 it is dry."),
    ],
)
def test_should_tell_a_reply_from_a_sentence_about_the_same(
    question: str, reply: str, other: str
) -> None:
    assert can_reply(parse_text(question), parse_text(reply))
    assert not can_reply(parse_text(question), parse_text(other))


def test_should_take_any_sentence_for_a_reply_to_an_open_question() -> None:
    assert can_reply(parse_text("What should I do if it leaks?"), parse_text("Call the engineer."))


def evidence(text: str, heading: str = "") -> list[Evidence]:
    passage = hit(text, heading=heading)
    return [Evidence(SourceSentence(passage, TextSpan(0, len(text)), text), (1.0,), 0.8)]


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("How many salmon were counted in 2024?", True),
        ("How many salmon were counted in 2023?", False),
        ("How many trout were counted in 2024?", False),
        ("How many salmon were counted at Tarnby?", False),
        ("When were the salmon eaten?", False),
        ("Who counted the trout?", False),
        ("What is the mood of the salmon?", False),
        ("Which film camera counted salmon?", False),
    ],
)
def test_should_not_answer_of_what_a_passage_does_not_know(question: str, answers: bool) -> None:
    found = evidence("In 2024 the camera counted 94 salmon.")
    assert bool(filter_replies(question, found)) is answers


@pytest.mark.parametrize(
    ("question", "text", "answers"),
    [
        ("What was paid in 2022?", "For 2022 we paid 4 euros. In 2024 we paid 5 euros.", False),
        ("What was paid in 2024?", "For 2022 we paid 4 euros. In 2024 we paid 5 euros.", True),
        ("What is the clearance of the thrust bearing?", "The bearing has a clearance.", False),
        ("What is the clearance of the old bearing?", "The old bearing has a clearance.", True),
        ("When was the mill built?", "The mill was built in 1868.", True),
        ("When was the fan built?", "It was built in 1868.", False),
        ("Who made the bars of the screen?", "Kern made the screen.", True),
        ("What is the rake made of?", "The rake is blue.", False),
        ("What is the rake made of?", "The rake is made of steel.", True),
    ],
)
def test_should_ask_for_what_is_told_of_the_thing(question: str, text: str, answers: bool) -> None:
    passage = hit(text)
    start = text.rindex(". ") + 2 if ". " in text else 0
    source = SourceSentence(passage, TextSpan(start, len(text)), text[start:])
    assert bool(filter_replies(question, [Evidence(source, (1.0,), 0.8)])) is answers


def test_should_hold_no_other_language_to_english_words() -> None:
    found = evidence("Die Pumpe wiegt 41 kg.")
    assert filter_replies("Wie schwer ist die Pumpe?", found) == found


def test_should_know_what_the_heading_names() -> None:
    found = evidence("The camera counted 94 salmon.", heading="Tarnby 2024")
    assert filter_replies("How many salmon were counted at Tarnby in 2024?", found) == found


@given(st.text(max_size=100), st.text(max_size=100))
def test_should_take_any_question(question: str, text: str) -> None:
    assert len(filter_replies(question, evidence(text or "x"))) <= 1
