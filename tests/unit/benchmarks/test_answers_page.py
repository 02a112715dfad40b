"""`docs/answering.md` tells what was measured last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.answering import ROOT, SETS
from benchmarks.summary import latest
from benchmarks.summary_answers import NEAR, WAY

PAGE = (ROOT / "docs" / "answering.md").read_text(encoding="utf-8")


def false(told: Mapping[str, Any]) -> str:
    count = round(told["false answers"]["value"] * told["unanswerable"])
    return f"{count} of {told['unanswerable']}"


@pytest.mark.parametrize("name", SETS)
def test_the_page_should_tell_how_questions_end(name: str) -> None:
    facts = latest("answering")["facts"]
    replies, near = facts[WAY][name], facts[NEAR][name]
    rows = [(name, replies, near)]
    if "held out" in replies:
        rows.append((f"{name}, held out", replies["held out"], near["held out"]))
    for title, told, alone in rows:
        right = f"{told['ends']['answered rightly']} of {told['answerable']}"
        assert f"| {title} | {right} | {false(told)} | {false(alone)} |" in PAGE


def test_the_page_should_tell_what_the_support_check_scores() -> None:
    facts = latest("support")["facts"]
    for told, title in (
        (facts["check_support"]["held out"], "held out, 96 pairs"),
        (facts["check_support"]["all"], "all, 200 pairs"),
        (facts["older check"]["all"], "the older check, all pairs"),
    ):
        cells = " | ".join(percent(told[score]) for score in ("precision", "recall", "f1"))
        assert f"| {title} | {cells} |" in PAGE


def test_the_page_should_tell_how_each_kind_of_error_fares() -> None:
    facts = latest("support")["facts"]
    ours, older = facts["check_support"], facts["older check"]["all, by category"]
    for kind, told in ours["all, by category"].items():
        if "precision" not in told:
            continue
        unseen = ours["held out, by category"][kind]
        row = f"| {kind} | {told['pairs']} | {caught(told)} | {caught(unseen)} of {unseen['pairs']}"
        assert f"{row} | {caught(older[kind])} |" in PAGE


def test_the_page_should_tell_how_follow_ups_end() -> None:
    told = latest("followups")["facts"]["follow-up"]
    for way in ("as they were put", "as the rules resolve them"):
        ends = told[way]
        assert f"{way} | {ends['right']} | {ends['wrong']} | {ends['refused']} |" in PAGE


def percent(told: Mapping[str, Any]) -> str:
    low, high = told["interval"]
    return f"{100 * told['value']:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def caught(told: Mapping[str, Any]) -> int:
    count: int = round(told["recall"]["value"] * told["pairs"])
    return count
