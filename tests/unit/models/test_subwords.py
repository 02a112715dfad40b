"""Cross-lingual vectors are learned from translations, and read words that were never seen."""

from __future__ import annotations

import json
from dataclasses import replace

from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.label_subwords import parse_subword_vectors, subwords_document
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


def test_a_label_that_names_another_thing_should_be_told() -> None:
    found = learn_subwords(PAIRS, seed=1, steps=60)
    vectors = replace(found, names=("order number", "delivery date"))
    comparison = LabelComparison(subwords=vectors)
    told = comparison.named_otherwise("Lieferdatum")
    assert told == comparison.likeness(("delivery date",), "Lieferdatum").translation
    assert told > comparison.named_otherwise("Kundenadresse") + 0.2
    assert LabelComparison(subwords=found).named_otherwise("Lieferdatum") == 0.0
