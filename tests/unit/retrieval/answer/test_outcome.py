from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.retrieval.answer.answer_features import ANSWER_FEATURES
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.evidence import Evidence
from chalicelib.retrieval.answer.outcome import decide_outcome
from chalicelib.retrieval.answer.outcome_texts import (
    NEAREST_TEXTS,
    NOT_FOUND,
    REFUSALS,
    is_refusal,
    outcome_text,
)
from chalicelib.retrieval.text.language import LANGUAGES
from chalicelib.retrieval.text.sentences import TextSpan
from tests.unit.retrieval.fakes import hit


def evidence(text: str, support: float, near: float = 0.8) -> Evidence:
    """Return a sentence whose words come `near` to those of the question."""
    source = SourceSentence(hit(text), TextSpan(0, len(text)), text)
    told = {"cosine": near, "words": near}
    features = tuple(told.get(name, 0.0) for name in ANSWER_FEATURES)
    return Evidence(source, (1.0,), support, features=features)


HEIGHT = "The gate of the hall is 4 metres high."


@pytest.mark.parametrize(
    ("question", "support", "outcome"),
    [
        ("How high is the gate of the hall?", 0.9, "answered"),
        ("How high is the gate of the hall?", 0.45, "nearest"),
        ("Why is the gate of the hall so high?", 0.9, "nearest"),
        ("How high is the gate of the hall?", 0.05, "not_found"),
    ],
)
def test_a_rule_should_never_hide_a_passage_that_was_found(
    question: str, support: float, outcome: str
) -> None:
    near = 0.8 if support > 0.1 else 0.2
    decision = decide_outcome(question, [evidence(HEIGHT, support, near)])
    assert decision.outcome == outcome
    assert bool(decision.claims) == (outcome == "answered")
    assert [item.source.text for item in decision.ranked] == [HEIGHT]


@pytest.mark.parametrize(
    ("question", "near", "outcome", "is_certain"),
    [
        ("How high is the gate of the hall?", 0.2, "nearest", False),
        ("How high is the gate of the hall?", 0.8, "answered", False),
        ("How high is the gate of the hall?", 1.2, "answered", True),
        ("Where is the gate of the hall high?", 0.8, "nearest", False),
        ("Where is the gate of the hall high?", 1.2, "answered", True),
    ],
)
def test_a_sentence_that_a_rule_doubts_should_need_higher_odds(
    question: str, near: float, outcome: str, is_certain: bool
) -> None:
    decision = decide_outcome(question, [evidence(HEIGHT, 0.6, near)])
    assert (decision.outcome, decision.is_certain) == (outcome, is_certain)


def test_should_find_nothing_where_nothing_was_weighed() -> None:
    assert decide_outcome("How high is it?", []).outcome == "not_found"


def test_the_nearest_should_be_in_the_order_that_was_learned() -> None:
    likely, unlikely = (
        replace(evidence(text, support), score=score)
        for text, support, score in ((HEIGHT, 0.4, 2.0), ("It is red.", 0.45, -1.0))
    )
    decision = decide_outcome("Why is the gate of the hall so high?", [unlikely, likely])
    assert decision.outcome == "nearest"
    assert [item.source.text for item in decision.ranked] == [HEIGHT, "It is red."]


def test_every_language_should_have_both_texts() -> None:
    assert REFUSALS.keys() == NEAREST_TEXTS.keys() == LANGUAGES.keys()
    assert outcome_text("not_found", "") == NOT_FOUND
    assert outcome_text("nearest", "de").startswith("Kein Satz")
    assert is_refusal(outcome_text("nearest", "fr"))
