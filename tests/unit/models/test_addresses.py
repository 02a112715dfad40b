"""Addresses of training have many forms; those of tests stay as they were."""

from __future__ import annotations

import random

from models.datasets.business_documents import documents
from models.datasets.business_documents.addresses import (
    address_words,
    addressed_lines,
    postal_lines,
)
from models.datasets.business_documents.locales import TRAINING
from models.datasets.business_documents.random_designs import random_document


def test_addresses_should_have_boxes_floors_countries_and_people() -> None:
    rng = random.Random(2)
    for locale in TRAINING:
        words = address_words(locale.language)
        plain = [postal_lines(locale, rng) for _ in range(40)]
        assert {2, 3} <= {len(lines) for lines in plain}
        assert any(lines[0].startswith(tuple(words["box"])) for lines in plain)
        assert any(set(lines) & set(words["inner"]) for lines in plain)
        addressed = [addressed_lines(locale, rng) for _ in range(40)]
        assert max(map(len, addressed)) >= 5
        assert any(
            line.startswith(tuple(words["attention"])) for each in addressed for line in each
        )


def test_a_delivery_should_be_asked_for_with_all_of_its_lines() -> None:
    found = [
        value
        for at in range(4)
        for value in random_document("invoice", f"delivered {at}").truth
        if value.concept == "delivery_address" and value.value is not None
    ]
    assert found
    for value in found:
        letters = ["".join(filter(str.isalnum, text)) for text in (value.raw, str(value.value))]
        assert letters[0] == letters[1]


def test_documents_of_tests_should_have_no_delivery() -> None:
    for document in documents("test", 1, 1, ("invoice",)):
        assert "delivery_address" not in {each.concept for each in document.truth}
