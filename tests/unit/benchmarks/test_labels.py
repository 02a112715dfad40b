"""The labelled sets that figures about answers rest on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.answering import ROOT, SETS
from benchmarks.support import MORE_PAIRS, pairs_of
from functions.read_document.extraction import extract
from functions.read_document.file_types.detection import identify_by_magika

KINDS = {"negation", "changed number", "swapped name", "half true", "swapped roles", "wrong date"}


def test_there_should_be_200_pairs_with_every_kind_of_error_in_both_halves() -> None:
    pairs = pairs_of()
    assert len(pairs) == len({(pair.claim, pair.passage) for pair in pairs}) == 200
    assert 80 <= sum(pair.supported for pair in pairs) <= 120
    for held_out in (True, False):
        half = [pair for pair in pairs if pair.held_out is held_out]
        assert 90 <= len(half) <= 110
        assert {pair.category for pair in half} >= KINDS


def test_no_passage_should_be_tuned_on_and_measured() -> None:
    held_out = {pair.passage for pair in pairs_of() if pair.held_out}
    assert held_out.isdisjoint(pair.passage for pair in pairs_of() if not pair.held_out)
    assert held_out.isdisjoint(pair.passage for pair in pairs_of(MORE_PAIRS))


def labels(file: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((ROOT / "tests" / "data" / file).read_text(encoding="utf-8"))
    return told


def test_a_hundred_near_misses_should_be_asked_and_no_question_twice() -> None:
    assert len(labels("questions_near.json")["unanswerable"]) == 100
    for _, file in SETS.values():
        told = labels(file)
        asked = [label["question"] for label in told["answerable"]] + told["unanswerable"]
        assert len(asked) == len(set(asked))


@pytest.mark.parametrize("name", SETS)
def test_what_a_label_quotes_should_stand_in_its_file(name: str) -> None:
    folder, file = SETS[name]
    texts: dict[str, str] = {}
    for label in labels(file)["answerable"]:
        path = label["path"]
        if path not in texts:
            body = (ROOT / folder / path).read_bytes()
            pages = extract(body, path, identify_by_magika).pages
            texts[path] = " ".join(" ".join(page.text for page in pages).split())
        assert label["quotes"] in texts[path], label["question"]
