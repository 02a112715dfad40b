"""Continued pre-training: what is mixed in, what is measured, what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from models.data import text
from models.datasets import glosses, jargon
from models.failures import BadData
from models.recipes.continued.parameters import Parameters
from models.recipes.continued.recipe import evaluate, make_network, mixed
from tests.training.conftest import Smoke, signature_of

NEW = ["alpha beta gamma delta"] * 40
BEFORE = ["one two three four five"] * 40
ARTICLES = """00-database-short
     Some dictionary
bank
    n 1: sloping land; "they pulled
         the canoe up on the bank" [syn: {bank},
         {side}]
    2: a two-
       storey house in which money is kept
       [syn: {bank}]
    v 1: tip laterally
nothing
    without a sense
"""


def settings(**changed: Any) -> Parameters:
    return Parameters(
        **{
            "steps": 2, "batch": 2, "learning_rate": 0.1, "replay": 0.25, "vocabulary": 280,
            "width": 16, "inner": 24, "layers": 1, "heads": 2, "context": 8, **changed,
        }
    )  # fmt: skip


@pytest.fixture
def both(tmp_path: Path) -> Path:
    tokenizer = text.learn_tokenizer(NEW + BEFORE, 280)
    text.write(tmp_path, tokenizer, NEW, NEW[:9])
    text.write(tmp_path / text.BEFORE, tokenizer, BEFORE, BEFORE[:9])
    return tmp_path


def test_so_many_rows_should_be_repeated_as_are_asked_for(both: Path) -> None:
    data = text.read_domains(both)
    new = text.token_rows(data.new.train, 9)
    for replay, wanted in [(0.0, 0), (0.25, round(len(new) / 3)), (0.5, len(new))]:
        found = mixed(data, settings(replay=replay))
        assert len(found) == len(new) + wanted
        known = {tuple(row) for row in text.token_rows(data.before.train, 9).tolist()}
        assert sum(tuple(row) in known for row in found.tolist()) == wanted
    again = mixed(data, settings())
    assert torch.equal(again, mixed(data, settings()))


def test_factors_should_be_those_of_perplexities(both: Path) -> None:
    torch.manual_seed(1)
    made = make_network(settings()).eval()
    found = evaluate(made, text.read_domains(both), settings())
    numbers = found.numbers
    assert numbers["surprise"] == pytest.approx(float(found.scores["surprise"].mean()))
    assert numbers["perplexity"] == pytest.approx(math.exp(numbers["surprise"]))
    assert numbers["learned"] == pytest.approx(numbers["perplexity_began"] / numbers["perplexity"])
    assert numbers["forgotten"] == pytest.approx(
        numbers["perplexity_before"] / numbers["perplexity_before_began"]
    )
    assert numbers["forgotten_low"] <= numbers["forgotten"] <= numbers["forgotten_high"]
    made.base.load_state_dict(made.tuned.state_dict())
    same = evaluate(made, text.read_domains(both), settings()).numbers
    assert same["learned"] == same["forgotten"] == 1.0


def test_domains_of_two_tokenizers_should_be_refused(both: Path) -> None:
    text.write(both / text.BEFORE, text.learn_tokenizer(BEFORE, 270), BEFORE, BEFORE)
    with pytest.raises(BadData, match=r"have not the same tokenizer\.json"):
        text.read_domains(both)


def test_a_missing_domain_should_be_told(both: Path) -> None:
    (both / text.BEFORE / text.FILE).unlink()
    with pytest.raises(BadData, match=r"before has no tokens\.npz"):
        text.read_domains(both)


def test_should_be_served_as_its_base_is(smoke: Smoke) -> None:
    ours, theirs = (
        signature_of(smoke(name) / "finish" / "model") for name in ("continued", "language_model")
    )
    assert ours["constants"] == theirs["constants"]
    assert ours["files"] == theirs["files"]
    graphs = [each["graphs"]["decoder"] for each in (ours, theirs)]
    assert graphs[0]["inputs"] == graphs[1]["inputs"]
    measured = json.loads((smoke("continued") / "finish" / "model" / "evaluation.json").read_text())
    assert all(math.isfinite(each) for each in measured.values())


def test_glosses_should_be_read_as_dictd_has_them() -> None:
    assert list(glosses.senses(ARTICLES, 1)) == [
        ("bank", 'sloping land; "they pulled the canoe up on the bank"'),
        ("bank", "a two-storey house in which money is kept"),
        ("bank", "tip laterally"),
    ]


def test_what_is_held_out_should_not_be_trained_on(smoke: Smoke) -> None:
    smoke("continued")
    for train, test in (glosses.split(glosses.glosses()), jargon.entries()):
        assert len(test) > 100
        assert not set(train) & set(test)
