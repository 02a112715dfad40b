from __future__ import annotations

import json

import pytest

from benchmarks.routing import answer, requests
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.receipts import CostModel


@pytest.mark.parametrize("name", list(requests()))
def test_every_kind_of_request_should_be_routed_checked_and_charged(name: str) -> None:
    call, terms, tries = requests()[name]
    accounts = CostModel(served_models(), catalogue().prices)
    generation = json.loads(answer(accounts, call, terms, tries))
    outcomes = [attempt["outcome"] for attempt in generation["attempts"]]
    assert outcomes == [*["escalated"] * (tries - 1), "accepted"]
    assert float(generation["receipt"]["dollars"]) > 0
    assert len(generation["receipt"]["lines"]) == tries
    assert generation["plan"]
