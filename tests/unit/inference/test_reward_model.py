"""Scores of answers by exported reward models."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from chalicelib.contracts.model_manifest import FILE
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.reward_model import RewardModel, RewardScores, open_model
from tests.exported_models import Shape, exported, graph, read
from tests.exported_texts import WORDS, scorer, speaker, tokenizer

MODEL = open_model(read(scorer()))


def test_should_score_answers_in_order_whatever_their_length() -> None:
    found = MODEL.score("the room was", ["warm .", "cold", "warm warm . ."])
    assert found == RewardScores((1.0, 0.0, 2.0), tokens=6 + 5 + 8)


@given(
    st.lists(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join),
        min_size=1,
        max_size=64,
    )
)
def test_an_answer_should_score_the_same_whatever_is_scored_with_it(answers: list[str]) -> None:
    alone = [MODEL.score("the room", [answer]).scores[0] for answer in answers]
    assert MODEL.score("the room", answers).scores == tuple(alone)


@pytest.mark.parametrize(
    ("prompt", "answers", "field", "told"),
    [
        ("the nice room", ["."], "prompt", "does not know 'nice'; it knows . bed cold"),
        ("the", [".", "awful ."], "answers.1", "does not know 'awful'"),
        ("the", [".", " "], "answers.1", "says nothing; leave it out"),
        ("the", ["warm " * 7], "answers.0", "has 8 tokens with the prompt, and tried reads 7"),
        ("the", ["<end> warm"], "answers.0", "does not know '<end>'"),
    ],
)
def test_what_cannot_be_scored_should_be_named(
    prompt: str, answers: list[str], field: str, told: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        MODEL.score(prompt, answers)
    assert refused.value.field == field
    assert refused.value.message.startswith(f"{field}: ")
    assert told in refused.value.message


def test_the_longest_text_should_be_scored() -> None:
    assert MODEL.score("the", ["warm " * 6]).scores == (6.0,)


def test_should_not_open_what_does_not_score() -> None:
    constants = json.loads(scorer()[FILE])["constants"]
    broken = {
        "has the graphs decoder, none that scores answers": speaker(),
        "has no number end": scorer(end="1"),
        "has no tokenizer.json": exported(
            {"scorer": (("tokens", "mask"), scorer()["scorer.onnx"])}, constants
        ),
        "tried failed: ": scorer(end=99),
        r"gave scores of \(1, 2, 10\) and not of 2 answers": exported(
            {"scorer": (("tokens", "mask"), wide())},
            constants,
            {"tokenizer.json": tokenizer()},
        ),
    }
    for told, files in broken.items():
        with pytest.raises(ModelFailure, match=told):
            open_model(read(files))


def wide() -> bytes:
    """Return a graph whose score is too wide, of every token."""
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["all"]),
        helper.make_node("Slice", ["all", "first", "second", "axis"], ["score"]),
    ]
    values = {
        "table": np.zeros((10, 10), np.float32),
        "first": np.array([0]),
        "second": np.array([1]),
        "axis": np.array([0]),
    }
    inputs: dict[str, Shape] = {"tokens": ["n", "length"], "mask": ["n", "length"]}
    return graph(nodes, inputs, "score", values, ["n", "length", 10])


def test_a_score_that_is_no_number_should_not_be_given() -> None:
    files = {**scorer()}
    model = RewardModel(read(files))
    model._session = Silent()
    with pytest.raises(ModelFailure, match="or what are no numbers"):
        model.score("the", ["."])


class Silent:
    """A session that gives no number."""

    def run(self, names: object, fed: object) -> list[list[float]]:
        return [[float("nan")]]
