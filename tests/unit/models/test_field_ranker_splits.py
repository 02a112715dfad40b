"""What the ranker learns from is apart from what judges it, and decoys are absent for sure."""

from __future__ import annotations

import random
from decimal import Decimal

from models.datasets.business_documents import KINDS
from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.designs import DESIGNS
from models.datasets.business_documents.facts import DocumentFacts
from models.datasets.business_documents.locales import TRAINING, writing_style
from models.datasets.business_documents.near_facts import NEAR, drop_near_fact
from models.field_ranker.decoys import MAX_DECOYS, with_decoys
from models.field_ranker.splits import BY_HAND, split_designs, split_documents


def test_designs_that_judge_should_be_none_that_are_learned_from() -> None:
    held_out = {each.name for each in DESIGNS if each.split == "test"}
    for kind in KINDS:
        train = {each.name for each in split_designs(kind, "train")}
        validation = {each.name for each in split_designs(kind, "validation")}
        assert len(train) >= 4
        assert len(validation) == 2
        assert not train & validation
        assert not (train | validation) & held_out


def test_most_documents_should_have_a_design_of_their_own() -> None:
    drawn = list(split_documents("train", 1, range(BY_HAND["train"] * len(KINDS))))
    by_chance = [each for each in drawn if each.template.endswith("random")]
    assert len(by_chance) == (BY_HAND["train"] - 1) * len(KINDS)
    others = list(split_documents("validation", 1, range(len(KINDS), 2 * len(KINDS))))
    assert not {each.pdf for each in drawn} & {each.pdf for each in others}


def test_what_is_dropped_should_have_a_near_fact_that_stays() -> None:
    rng = random.Random(5)
    style = writing_style(TRAINING[0], rng)
    for kind, groups in NEAR.items():
        assert {name for group in groups for name in group} <= concepts().keys()
        facts = DocumentFacts(style, rng)
        facts.put("total", Decimal(10))
        for name in groups[1]:
            facts.put(name, "x")
        (dropped,) = drop_near_fact(facts, kind, rng)
        assert dropped in groups[1]
        assert dropped not in facts.single
        assert any(name in facts.single for name in groups[1])
        assert drop_near_fact(DocumentFacts(style, rng), kind, rng) == []


def test_a_total_should_stay_where_an_amount_that_is_due_could_be_meant() -> None:
    rng = random.Random(5)
    for _ in range(20):
        facts = DocumentFacts(writing_style(TRAINING[0], rng), rng)
        for name in ("subtotal", "total", "amount_due"):
            facts.put(name, Decimal(10))
        assert drop_near_fact(facts, "invoice", rng) in ([], ["subtotal"])


def test_decoys_should_be_asked_for_and_be_absent() -> None:
    rng = random.Random(3)
    added = 0
    for document in split_documents("train", 1, range(2 * len(KINDS))):
        asked = with_decoys(document, rng)
        new = asked.truth[len(document.truth) :]
        known = {each.concept for each in document.truth}
        assert len(new) <= MAX_DECOYS
        assert all(each.value is None and not each.places for each in new)
        assert not {each.concept for each in new} & known
        properties = asked.schema["properties"]
        assert isinstance(properties, dict)
        assert {each.pointer[1:] for each in new} <= properties.keys()
        added += len(new)
    assert added
