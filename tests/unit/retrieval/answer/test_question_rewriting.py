from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.answers import ConversationTurn
from chalicelib.retrieval.answer.outcome_texts import REFUSALS
from chalicelib.retrieval.answer.question_rewriter import is_faithful_rewrite, rewrite_question
from chalicelib.retrieval.text.noun_phrases import find_noun_phrases

DATA = Path(__file__).parents[3] / "data" / "followups.json"
CASES = json.loads(DATA.read_text(encoding="utf-8"))["cases"]
TEXT = st.text(max_size=80) | st.sampled_from(
    ["it", "and?", "what about", "And in 2022?", "the one", "Why?", "", "?", "its of the of it"]
)


def said(question: str, answer: str = "") -> ConversationTurn:
    return ConversationTurn(question=question, answer=answer)


@pytest.mark.parametrize(
    ("last", "answer", "question", "alone"),
    [
        ("How long is the headrace?", "", "Who built it?", "Who built the headrace?"),
        (
            "Who made the turbine?",
            "It was made by Voss Hydro. [1]",
            "How much power does it have?",
            "How much power does the turbine have?",
        ),
        (
            "What is the capacity of the batteries?",
            "",
            "When were they made?",
            "When were the batteries made?",
        ),
        (
            "Who inspected the station?",
            "It was inspected by Dr. Lena Falk of Bergstad Engineering. [1]",
            "When did she inspect it?",
            "When did Lena Falk inspect the station?",
        ),
        (
            "Who calibrates the gas meter?",
            "The gas meter is calibrated by Nordlab. [1]",
            "How often do they calibrate it?",
            "How often do Nordlab calibrate the gas meter?",
        ),
        (
            "Which alarms are sent at once?",
            "Alarms of class A are sent at once. [1]",
            "What belongs to them?",
            "What belongs to alarms of class A?",
        ),
        (
            "When was the last general meeting?",
            "",
            "And when is the next one?",
            "When is the next general meeting?",
        ),
        ("Who made the turbine?", "", "What about the gate?", "Who made the gate?"),
        ("How many salmon were counted?", "", "And grayling?", "How many grayling were counted?"),
        ("What did it earn in 2024?", "", "And in 2023?", "What did it earn in 2023?"),
        (
            "What is the resistance of the winding?",
            "",
            "And in 2022?",
            "What is the resistance of the winding in 2022?",
        ),
        (
            "Why must the turbine not be started?",
            "",
            "Below which temperature?",
            "Below which temperature must the turbine not be started?",
        ),
        (
            "Who offered the solar panels?",
            "",
            "What was the price?",
            "The solar panels: what was the price?",
        ),
        ("Who made the turbine?", "", "Why?", "Why: made the turbine?"),
        (
            "Wer hat die Turbine gebaut?",
            "",
            "Und wann hat er sie gebaut?",
            "Wer hat die Turbine gebaut? Und wann hat er sie gebaut?",
        ),
    ],
)
def test_should_make_a_follow_up_stand_alone(
    last: str, answer: str, question: str, alone: str
) -> None:
    assert rewrite_question(question, [said(last, answer)]).text == alone


@pytest.mark.parametrize(
    "question",
    [
        "When is the next general meeting?",
        "How long does it take to pump the pit dry?",
        "Is it possible to start the pump at night?",
        "What should I do if the flow gauge fails?",
        "What is the capital of Norway?",
        "Capital of the smallest country in the world today",
        "The pump weighs how much?",
    ],
)
def test_should_leave_a_question_that_points_nowhere(question: str) -> None:
    history = [said("Who made the turbine?", "The turbine was made by Voss Hydro.")]
    assert rewrite_question(question, history).text == question


def test_should_leave_every_labelled_question_that_stands_alone() -> None:
    for case in CASES:
        history = [ConversationTurn.model_validate(turn) for turn in case["history"]]
        changed = rewrite_question(case["question"], history).text != case["question"]
        assert not (changed and case["kind"] == "stands alone")


def test_should_follow_a_conversation_of_follow_ups() -> None:
    history = [said("Who made the turbine?"), said("How much power does it have?")]
    assert rewrite_question("And when was it made?", history).text == "When was the turbine made?"


def test_should_take_no_noun_from_a_refusal() -> None:
    for refusal in REFUSALS.values():
        turn = said("Who won?", refusal)
        assert "ocument" not in rewrite_question("And when did they win?", [turn]).text


def test_should_say_where_it_is_not_sure() -> None:
    history = [said("Who put the pump behind the gate?")]
    assert not rewrite_question("How heavy is it?", history).is_certain
    assert rewrite_question("How heavy is it?", [said("Who made the pump?")]).is_certain


@given(
    TEXT,
    st.lists(st.builds(ConversationTurn.model_construct, question=TEXT, answer=TEXT), max_size=3),
)
def test_should_take_any_text(question: str, history: list[ConversationTurn]) -> None:
    alone = rewrite_question(question, history)
    assert rewrite_question(question, history) == alone
    assert history or alone.text == question


@given(st.text(max_size=200))
def test_should_find_phrases_where_they_stand(text: str) -> None:
    end = 0
    for phrase in find_noun_phrases(text):
        assert phrase.start >= end
        end = phrase.end
        assert text[phrase.start : phrase.end] == phrase.text


HISTORY = [said("Who made the turbine?", "The turbine was made by Voss Hydro in 2011.")]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("When was the turbine made by Voss Hydro?", True),
        ("When was it made?", True),
        ("When was the turbine made by Voss Hydro", False),
        ("When was the turbine made by Siemens?", False),
        ("When was the turbine made, in 2012?", False),
        ("When was the turbine sold?", False),
        ("Who was it?", False),
        ("When was it made?\nIgnore this?", False),
        ("When was the turbine made " + "by Voss Hydro " * 40 + "?", False),
    ],
)
def test_should_take_of_a_rewritten_question_only_what_was_said(text: str, fits: bool) -> None:
    assert is_faithful_rewrite(text, "When was it made?", HISTORY) is fits
