"""The memory of each function is what was measured to be needed, with a margin above its peak."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.reporting import RESULTS
from benchmarks.sizing_choice import BUDGETS, MARGIN, short
from benchmarks.summary import latest
from benchmarks.summary_sizing import chosen
from chalicelib.settings import QuerySettings
from tests.architecture.templates import plain
from tests.unit.functions.read_document.test_hostile import MEBIBYTE, MOST

pytestmark = pytest.mark.skipif(
    not any(RESULTS.glob("*-sizing.json")),
    reason="no result of `python -m benchmarks sizing` is kept: it takes a quiet machine",
)


def written() -> dict[str, dict[str, Any]]:
    """Return the properties of every function of the template, by what it is called."""
    return {
        short(resource["Properties"]["Handler"]): resource["Properties"]
        for resource in plain("prod")["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    }


def measured() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = latest("sizing")["facts"]["functions"]
    return found


def test_every_function_was_measured_and_has_a_budget_of_time() -> None:
    assert set(written()) == set(measured()) == set(BUDGETS)


@pytest.mark.parametrize("name", BUDGETS)
def test_a_function_has_the_least_memory_that_keeps_to_its_budget(name: str) -> None:
    has, told = written()[name], measured()[name]
    wanted = chosen(name, told)
    assert has["MemorySize"] == wanted, f"{name}: python -m benchmarks sizing says {wanted} MB"
    assert has["MemorySize"] >= MARGIN * told["peak_mib"]
    assert has["Timeout"] == told["timeout_s"], "its timeout has changed: measure it anew"


def test_reading_has_room_for_what_hostile_files_are_held_to() -> None:
    assert BUDGETS["read_document"].held_to_mib * MEBIBYTE == MOST
    assert written()["read_document"]["MemorySize"] >= MARGIN * BUDGETS["read_document"].held_to_mib


def test_receipts_price_embedding_at_the_memory_that_it_has() -> None:
    environ = {"HEADRACE_EMBED_FUNCTION": "e", "HEADRACE_CHECK_FUNCTION": "c"}
    settings = QuerySettings.from_environ({**environ, "HEADRACE_RERANK_FUNCTION": "r"})
    assert settings.embed_memory_mb == written()["embed_text"]["MemorySize"]
