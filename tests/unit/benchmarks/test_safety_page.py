"""The tables of `docs/safety.md` are what the screens do today."""

from __future__ import annotations

from pathlib import Path

from benchmarks.safety import facts, measure, tables

PAGE = Path(__file__).parents[3] / "docs" / "safety.md"
BEGIN, END = "<!-- tables -->\n", "<!-- end of tables -->"


def test_the_page_should_tell_what_is_measured() -> None:
    told = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert told.strip().splitlines() == tables(facts())


def test_what_is_told_of_strangers_prompts_should_be_measured() -> None:
    found = measure().facts["strangers' harmless prompts"]
    low, high = found["flagged"]["interval"]
    assert f"{found['texts']} harmless prompts" in PAGE.read_text("utf-8")
    assert f"{found['flagged']['value']:.1%} ({low:.1%} to {high:.1%})" in PAGE.read_text("utf-8")


def test_every_category_and_kind_should_be_measured() -> None:
    measured = facts()
    assert set(measured) == {
        "harm",
        "personal data",
        "orders",
        "strangers' harmless prompts",
    }
    assert sum(row["texts"] for row in measured["personal data"].values()) == 105
    assert all(row["texts"] == 12 for row in measured["harm"].values())
