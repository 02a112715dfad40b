"""The language of a question is told with a lead, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalicelib.retrieval.text.language import detect_language

DATA = Path(__file__).parents[3] / "data"
QUESTIONS = json.loads((DATA / "languages.json").read_text("utf-8"))["questions"]


def english_questions() -> list[str]:
    asked = []
    for file in sorted(DATA.glob("questions*.json")):
        labels = json.loads(file.read_text("utf-8"))
        asked += [each["question"] for each in labels["answerable"]]
        asked += labels["unanswerable"]
    return asked


def test_should_take_no_english_question_for_another_language() -> None:
    asked = english_questions()
    assert len(asked) > 400
    assert {detect_language(question) for question in asked} <= {"en", ""}


@pytest.mark.parametrize(
    "text",
    [
        "cibuildwheel default image for RISC-V manylinux",
        "Maximum line length in python-docx's ruff configuration",
        "gapminder gdp per capita Peru 1977",
        "Comment that makes yamllint skip a whole file",
        "File extension for bogofilter's message count format",
        "Is a break-out from a Safe compartment treated as a Perl security issue?",
        "v1.0.1: fix extraneous close parentheses",
        "license: MIT",
        "-L, --flowlabel n",
        "species: Adelie; island: Torgersen; sex: NA",
    ],
)
def test_should_not_tell_a_language_by_a_name_or_a_code(text: str) -> None:
    assert detect_language(text) in {"en", ""}


@pytest.mark.parametrize("language", [code for code in QUESTIONS if code not in {"", "no"}])
def test_should_tell_the_language_of_most_short_questions(language: str) -> None:
    found = [detect_language(question) for question in QUESTIONS[language]]
    assert set(found) <= {language, ""}
    assert found.count(language) >= len(found) - 1
