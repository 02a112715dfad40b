"""Names of fields are compared with labels by words, letters and meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from chalicelib.extraction.label_similarity import LabelComparison

WORDS = LabelComparison()


class CountingEmbedder:
    """Gives `due` and `payable` one vector and everything else another; counts its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> NDArray[np.float32]:
        self.calls.append(tuple(texts))
        alike = [("due" in text.casefold() or "payable" in text.casefold()) for text in texts]
        return np.array([[1.0, 0.0] if each else [0.0, 1.0] for each in alike], np.float32)


@pytest.mark.parametrize(
    ("names", "near", "far"),
    [
        (("invoice number",), "Invoice No.", "Customer No."),
        (("due date",), "DUE DATE:", "Invoice date"),
        (("rechnungs nummer", "invoice number"), "Rechnungsnummer", "Kundennummer"),
        (("numéro de facture",), "NUMERO DE FACTURE", "Date de facture"),
        (("qty", "quantity"), "Quantity", "Unit price"),
    ],
)
def test_a_label_with_the_words_of_a_name_should_be_nearer_than_another(
    names: tuple[str, ...], near: str, far: str
) -> None:
    assert WORDS.similarity(names, near) > WORDS.similarity(names, far) + 0.1


def test_equal_words_should_be_alike_whatever_their_case_and_signs() -> None:
    assert WORDS.similarity(("grand total",), "Grand  TOTAL:") == 1.0
    assert WORDS.likeness(("total",), "…").overall == 0.0


@given(st.text(max_size=200), st.text(max_size=200))
def test_likeness_should_be_a_share_of_any_texts(name: str, label: str) -> None:
    found = LabelComparison().likeness((name,), label)
    assert all(0.0 <= each <= 1.0 for each in (*found, found.overall))


def test_meaning_should_find_a_label_without_shared_words_and_embed_each_text_once() -> None:
    embedder = CountingEmbedder()
    comparison = LabelComparison(embedder)
    comparison.embed(["payable", "amount due", "amount due", "page"])
    assert comparison.likeness(("payable",), "amount due").meaning == 1.0
    assert comparison.likeness(("payable",), "page").meaning == 0.0
    assert comparison.meaning(("payable",), "") == 0.0
    assert embedder.calls == [("payable", "amount due", "page")]
