"""A vocabulary brings wordings of one thing together, and knows what is none of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.label_vocabulary import (
    LabelVocabulary,
    parse_label_vocabulary,
    vocabulary_document,
)
from models.field_ranker.vocabulary import learn_vocabulary

CONCEPTS = {
    "due": ("due date", "Fällig am", "Payment due", "pay by"),
    "total": ("grand total", "Gesamtbetrag", "Amount payable", "Invoice total"),
    "number": ("invoice number", "Rechnungsnummer", "Invoice no.", "document id"),
}
OTHERS = tuple(f"a sentence of no name {number}" for number in range(40))


class RandomEmbedder:
    """Gives each text a random vector of unit length, always the same."""

    def __init__(self) -> None:
        self.vectors: dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> NDArray[np.float32]:
        for text in texts:
            if text not in self.vectors:
                seed = sum(ord(sign) * (at + 1) for at, sign in enumerate(text))
                vector = np.random.default_rng(seed).normal(size=96).astype(np.float32)
                self.vectors[text] = vector / np.linalg.norm(vector)
        return np.array([self.vectors[text] for text in texts])


def learned() -> tuple[RandomEmbedder, LabelVocabulary]:
    """Return a vocabulary of the concepts, as it is written and read."""
    embedder = RandomEmbedder()
    embedder.embed([*(text for texts in CONCEPTS.values() for text in texts), *OTHERS])
    found = learn_vocabulary(embedder.vectors, CONCEPTS, OTHERS)
    return embedder, parse_label_vocabulary(json.dumps(vocabulary_document(found)))


def test_wordings_of_one_thing_should_be_alike_and_contrary_to_those_of_another() -> None:
    comparison = LabelComparison(*learned())
    same = comparison.likeness(("due date",), "Fällig am")
    other = comparison.likeness(("due date",), "Gesamtbetrag")
    nothing = comparison.likeness(("due date",), OTHERS[0])
    assert same.vocabulary > 0.8 > 0.3 > other.vocabulary
    assert other.contrary > 0.5 > same.contrary
    assert nothing.contrary < 0.3 > nothing.vocabulary
