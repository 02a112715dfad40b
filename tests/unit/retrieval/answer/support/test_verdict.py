"""Verdicts, by a model of entailment that only compares words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.functions.check_support import CheckSource, ClaimVerdict, Doubt
from chalicelib.retrieval.answer.support.sources import WINDOW, parse_source
from chalicelib.retrieval.answer.support.verdict import (
    MAX_WINDOWS,
    SupportModel,
    judge_claim,
    weigh_odds,
    windows_per_claim,
)

PUMP = "It rained. The pump was made in 2011. The dog slept."


@dataclass
class SameWords:
    """Entails a claim all of whose words the premise has; remembers what it read."""

    read: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, premise: str, claim: str) -> float:
        self.read.append((premise, claim))
        wanted, given = (set(re.findall(r"\w+", text.lower())) for text in (claim, premise))
        return 2.0 if wanted <= given else -2.0


def verdict(claim: str, *texts: str, model: SameWords | None = None) -> ClaimVerdict:
    sources = [parse_source(CheckSource(id=at, text=text)) for at, text in enumerate(texts)]
    return judge_claim(claim, sources, SupportModel(model or SameWords(), 0.0))


def test_should_name_the_source_that_supports_a_claim_and_the_sentence_in_it() -> None:
    found = verdict("The pump was made in 2011.", "The sun shone.", PUMP)
    assert (found.supported, found.source, found.reasons) == (True, 1, ())
    assert PUMP[found.start : found.end] == "The pump was made in 2011."
    assert found.score > 0.8


def test_should_quote_every_sentence_that_tells_a_figure_of_the_claim() -> None:
    text = "Lena Falk came in April. It was warm. She tested the pump."
    found = verdict("Lena Falk tested the pump.", text)
    assert (text[found.start : found.end], found.reasons) == (text, ())


@pytest.mark.parametrize(
    ("claim", "doubt"),
    [
        ("The pump was made in 2012.", Doubt.DATE_MISSING),
        ("The pump weighs 40 kilograms.", Doubt.NUMBER_MISSING),
        ("The firm Kern made the pump.", Doubt.NAME_MISSING),
    ],
)
def test_should_not_ask_the_model_about_figures_that_no_source_states(
    claim: str, doubt: Doubt
) -> None:
    model = SameWords()
    found = verdict(claim, PUMP, model=model)
    assert (found.reasons, found.score, model.read) == ((doubt,), 0.0, [])


def test_should_give_the_model_figures_as_the_source_writes_them() -> None:
    model = SameWords()
    text = "The contract is for 24 months and runs from 1 May 2020."
    claim = "The contract runs for two years from 2020-05-01."
    assert verdict(claim, text, model=model).supported
    assert model.read == [
        (text, claim.replace("two years", "24 months").replace("2020-05-01", "1 May 2020"))
    ]


def test_should_take_a_sentence_of_the_source_without_the_model() -> None:
    model = SameWords()
    text = "It rained.\n- The pump was\n  made of steel"
    found = verdict("The pump was made of steel.", text, model=model)
    assert (found.supported, model.read) == (True, [])
    assert text[found.start : found.end].endswith("made of steel")
    assert not verdict(
        "The pump was made of steel.", "Nobody says that the pump was steel."
    ).supported


def test_should_demand_every_sentence_of_a_claim() -> None:
    found = verdict("The dog slept. The pump hums.", PUMP)
    assert found.reasons == (Doubt.HALF_SUPPORTED,)
    assert verdict("The pump hums. The cat slept.", PUMP).reasons == (Doubt.NOT_COVERED,)
    both = verdict("The dog slept. The pump was made in 2011.", PUMP)
    assert both.supported
    assert PUMP[both.start : both.end] == "The pump was made in 2011. The dog slept."


def test_should_find_a_sentence_far_down_a_long_source() -> None:
    long = " ".join(f"The tower has the window {at}." for at in range(2, 90))
    model = SameWords()
    text = f"{long} A dog guards the old mill."
    found = verdict("A dog guards the mill.", text, model=model)
    assert found.supported
    assert text[found.start : found.end] == "A dog guards the old mill."
    assert max(len(premise) for premise, _ in model.read) <= WINDOW


def test_should_read_no_more_windows_than_its_limit() -> None:
    model = SameWords()
    sources = [f"The tower has the window {at}." for at in range(2, 40)]
    assert not verdict("The tower has a cellar.", *sources, model=model).supported
    assert len(model.read) == MAX_WINDOWS


def test_many_claims_should_share_the_windows() -> None:
    assert [windows_per_claim(claims) for claims in (1, 10, 11, 30, 64)] == [3, 3, 2, 1, 1]


def test_should_prefer_a_window_with_words_of_the_question() -> None:
    texts = ("It is red.", "It is the colour of the gate: red.")
    sources = [parse_source(CheckSource(id=at, text=text)) for at, text in enumerate(texts)]
    model = SupportModel(SameWords(), 0.0)
    found = judge_claim("It is red.", sources, model, "Which colour has the gate?")
    assert found.source == 1


@pytest.mark.parametrize("claim", ["", "...", "It is so."])
def test_should_rest_on_nothing_where_a_claim_says_nothing(claim: str) -> None:
    assert verdict(claim, PUMP) == ClaimVerdict(
        supported=False, source=None, score=0.0, reasons=(Doubt.NOT_COVERED,)
    )


def test_should_weigh_the_window_as_much_as_its_best_sentence() -> None:
    assert weigh_odds([1.0]) == 1.0
    assert weigh_odds([1.0, -5.0, 3.0]) == 2.0


@given(st.text(max_size=120), st.text(min_size=1, max_size=200))
def test_should_judge_any_text(claim: str, text: str) -> None:
    found = verdict(claim, text)
    assert 0 <= found.score <= 1
    assert 0 <= found.start <= found.end <= len(text)
    assert found.supported is not bool(found.reasons)
