"""What texts are is told by their letters, and what names ask for by their vectors."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.label_subwords import SubwordVectors
from chalicelib.extraction.text_kinds import (
    KINDS,
    parse_text_kinds,
    text_groups,
    text_kinds_document,
)
from models.field_ranker.text_kinds import learn_text_kinds

STREETS, FIRMS = ("Hill Road", "High Street", "Lake Avenue"), ("Voss", "Lind", "Berg", "Holm")


def made_texts(seed: int) -> list[tuple[str, int]]:
    rng = random.Random(seed)
    found = []
    for _ in range(150):
        street = f"{rng.randrange(1, 300)} {rng.choice(STREETS)}"
        found.append((street, KINDS.index("street")))
        firm = f"{rng.choice(FIRMS)} & {rng.choice(FIRMS)} {rng.choice(('Ltd', 'GmbH'))}"
        found.append((firm, KINDS.index("company")))
        found.append((f"{street}\n{rng.randrange(10_000, 99_999)} Oslo", KINDS.index("address")))
    return found


def test_texts_and_what_names_ask_for_should_meet() -> None:
    vectors = SubwordVectors(np.random.default_rng(1).integers(-90, 90, (512, 16)).astype(np.int8))
    names = {"seller_name": ["Supplier", "Vendor"], "street": ["Street", "Road"]}
    kinds = learn_text_kinds(made_texts(1), names, vectors, 1, steps=120)
    again = parse_text_kinds(json.dumps(text_kinds_document(kinds)))
    comparison = LabelComparison(subwords=vectors, kinds=again)
    told = [
        KINDS[int(comparison.text_kinds(text).argmax())]
        for text in ("7 Hill Street", "Holm & Voss Ltd", "7 Hill Street\n12345 Oslo")
    ]
    assert told == ["street", "company", "address"]
    assert KINDS[int(comparison.asked_kinds(("Vendor",)).argmax())] == "company"
    assert comparison.asked_kinds(("Road", "Street")).sum() == pytest.approx(1, abs=1e-3)
    assert not LabelComparison().text_kinds("7 Hill Street").any()
    assert not comparison.text_kinds(" ").any()


def test_weights_of_other_kinds_should_be_refused() -> None:
    with pytest.raises(ValueError, match="weights are of"):
        parse_text_kinds(json.dumps({"kinds": ["person"]}))


def test_shapes_should_tell_texts_apart_that_have_the_same_letters() -> None:
    assert text_groups("VOSS 12", 4096) != text_groups("voss 12", 4096)
    assert text_groups("12.05.2024", 4096) == text_groups("31.12.1999", 4096)
    assert text_groups("   ", 4096) == []
