"""Scores of answers: what they reward, and that nothing known by heart is above chance."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from models.evaluation.answers import f1_over_chance, score_answers, token_f1
from models.evaluation.intervals import mean_interval

WANTED = [json.dumps({"name": f"guest{number}", "people": number % 7 + 2}) for number in range(40)]


def lower_bound(written: list[str]) -> float:
    return mean_interval(f1_over_chance(written, WANTED)).low


@pytest.mark.parametrize(
    ("written", "wanted", "f1"),
    [
        ("a b", "a b", 1.0),
        ("b a", "a b", 1.0),
        ("a", "a b", 2 / 3),
        ("c", "a b", 0.0),
        ("", "", 1.0),
        ("a a", "a b", 0.5),
    ],
)
def test_f1_should_count_words_as_often_as_they_occur(written: str, wanted: str, f1: float) -> None:
    assert token_f1(written, wanted) == pytest.approx(f1)


def test_should_compare_fields_where_every_answer_is_an_object() -> None:
    found = score_answers(
        [' {"a": 1, "b": 2}', '{"a": 1, "b": 3, "c": 4}', "no object", '{"b": 2, "a": 1}'],
        ['{"a": 1, "b": 2}'] * 4,
    )
    assert found.exact.tolist() == [1, 0, 0, 0]
    assert found.valid is not None
    assert found.valid.tolist() == [1, 1, 0, 1]
    assert found.fields is not None
    assert found.fields.tolist() == [1, 1 / 3, 0, 1]
    assert score_answers(["a"], ["b"]).fields is None


def test_numbers_should_have_bounds_and_a_prefix() -> None:
    numbers = score_answers(WANTED, WANTED).numbers("base_")
    assert numbers["base_exact_match"] == numbers["base_exact_match_low"] == 1
    assert set(numbers) == {
        f"base_{name}{bound}"
        for name in ("exact_match", "f1", "json_valid", "fields")
        for bound in ("", "_low", "_high")
    }


def test_own_answers_should_be_above_chance() -> None:
    assert lower_bound(WANTED) > 0.1


@pytest.mark.parametrize("kind", ["one answer", "answers of others", "nothing"])
def test_what_does_not_depend_on_the_question_should_not_be_above_chance(kind: str) -> None:
    drawn = random.Random(1)
    written = {
        # The form of the answers alone has an F1 of 0.8.
        "one answer": [WANTED[0]] * len(WANTED),
        "answers of others": drawn.sample(WANTED, len(WANTED)),
        "nothing": [""] * len(WANTED),
    }[kind]
    assert lower_bound(written) <= 0.000001
    if kind == "one answer":
        assert np.mean(score_answers(written, WANTED).f1) > 0.7


def test_a_single_row_should_be_at_chance() -> None:
    assert f1_over_chance(["a"], ["a"]).tolist() == [0]
