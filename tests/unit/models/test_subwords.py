"""Cross-lingual vectors are learned from translations, and read words that were never seen."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.label_subwords import (
    ConceptNames,
    parse_subword_vectors,
    subwords_document,
)
from models.field_ranker.subwords import learn_subwords

FIRST = {"invoice": "Rechnung", "order": "Bestell", "customer": "Kunden", "delivery": "Liefer"}
SECOND = {"number": "nummer", "date": "datum", "address": "adresse", "total": "betrag"}
UNSEEN = ("order date", "Bestelldatum")
PAIRS = [
    (f"{one} {other}", f"{FIRST[one]}{SECOND[other]}")
    for one in FIRST
    for other in SECOND
    if f"{one} {other}" != UNSEEN[0]
]


def test_vectors_should_read_words_that_are_put_together_anew() -> None:
    found = learn_subwords(PAIRS, seed=1, steps=60)
    vectors = parse_subword_vectors(json.dumps(subwords_document(found)))
    comparison = LabelComparison(subwords=vectors)
    name, label = UNSEEN
    right = comparison.likeness((name,), label).translation
    others = [comparison.likeness((other,), label).translation for other, _ in PAIRS]
    assert right > max(others)
    assert comparison.likeness((name,), "BESTELLDÁTUM:").translation == right
    assert comparison.likeness((name,), "1234").translation == 0.0


def test_a_label_that_names_another_concept_should_be_told() -> None:
    concepts = (
        ConceptNames("identifier", ("order number", "Bestellnummer")),
        ConceptNames("date", ("delivery date",)),
    )
    vectors = replace(learn_subwords(PAIRS, seed=1, steps=60), concepts=concepts)
    comparison = LabelComparison(subwords=vectors)
    same, other = comparison.concept_margins(("order number",), "Bestellnummer")
    assert same == pytest.approx(1.0)
    assert other == pytest.approx(0.0, abs=1e-3)
    _, other = comparison.concept_margins(("order number",), "Lieferdatum")
    assert other > 0.4
    assert comparison.names_a_concept("BESTELLNUMMER:") == pytest.approx(1.0)
    assert comparison.names_a_concept("Kundenadresse") < 0.8
    assert LabelComparison().concept_margins(("order number",), "Lieferdatum") == (0.0, 0.0)


def test_names_of_shares_should_ask_for_percent() -> None:
    concepts = (
        ConceptNames("percent", ("customer total",)),
        ConceptNames("money", ("order total",)),
    )
    vectors = replace(learn_subwords(PAIRS, seed=1, steps=60), concepts=concepts)
    comparison = LabelComparison(subwords=vectors)
    assert comparison.asks_for_percent(("customer total",)) > 0.1
    assert comparison.asks_for_percent(("order total",)) < -0.1
    assert comparison.asks_for_percent(("VAT %",)) == 1.0
    assert LabelComparison().asks_for_percent(("order total",)) == 0.0
