"""True and false findings of the screens on labelled sets: `python -m benchmarks safety`.

Texts and personal data are those of `tests/data/screening.json`, its set `held out`, prompts those
of `tests/data/injections.json`, sentences of documents the third set of `instructions.json`. The
tables of `docs/safety.md` are written from this; a test compares them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.reporting import Result
from benchmarks.shares import share
from chalicelib.contracts.screening import DEFAULT_THRESHOLD, Category, Finding, OriginText
from chalicelib.screening.policies import HARMFUL
from chalicelib.screening.text_screening import screen

DATA = Path(__file__).parent.parent / "tests" / "data"
HELD_OUT = "held out"
PERSONAL: Category = "personal-data"
_MARK = re.compile(r"\[\[([\w-]+)\|(.*?)\]\]")

Facts = Mapping[str, Any]


def measure(repetitions: int = 1) -> Result:
    """Screen every text once: the results do not vary."""
    return Result("safety", 1, {}, facts=facts())


def facts() -> dict[str, Any]:
    """Return the findings of each category and kind, with intervals."""
    return {
        "harm": dict(_harm()),
        "personal data": dict(_personal()),
        "orders": dict(_orders()),
        "strangers' harmless prompts": _strangers(),
    }


def tables(found: Facts) -> list[str]:
    """Return the facts as the lines of `docs/safety.md`."""
    lines = [
        "| category | texts | found (recall) | rightly (precision) |",
        "| --- | --- | --- | --- |",
    ]
    for name, row in found["harm"].items():
        lines.append(_line(name, row["texts"], row["found"], row["rightly"]))
    lines += ["", "| personal data | pieces | found (recall) | rightly (precision) |"]
    lines.append("| --- | --- | --- | --- |")
    for name, row in found["personal data"].items():
        lines.append(_line(name, row["texts"], row["found"], row["rightly"]))
    lines += ["", "| orders to a model | of each kind | found | harmless and taken for one |"]
    lines.append("| --- | --- | --- | --- |")
    for name, row in found["orders"].items():
        lines.append(_line(name, row["texts"], row["found"], row["wrongly"]))
    return lines


def _line(name: str, count: int, *shares: Mapping[str, Any]) -> str:
    told = [
        f"{each['value']:.0%} ({each['interval'][0]:.0%} to {each['interval'][1]:.0%})"
        for each in shares
    ]
    return f"| {name} | {count} | {' | '.join(told)} |"


def _harm() -> Iterator[tuple[str, dict[str, Any]]]:
    rows = [row for row in _read("screening")["texts"] if row["set"] == HELD_OUT]
    told = [{one.category for one in _sure(row["text"], HARMFUL)} for row in rows]
    for category in HARMFUL:
        mine = [found for row, found in zip(rows, told, strict=True) if row["category"] == category]
        right = sum(category in found for found in mine)
        flagged = sum(category in found for found in told)
        yield (
            category,
            {
                "texts": len(mine),
                "found": share(right, len(mine)),
                "rightly": share(right, flagged),
                "harmless texts": sum(not row["category"] for row in rows),
            },
        )


def _personal() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each kind; a piece counts as found if a finding has exactly its characters."""
    marked: dict[str, int] = {}
    right: dict[str, int] = {}
    flagged: dict[str, int] = {}
    for row in _read("screening")["personal"]:
        if row["set"] != HELD_OUT:
            continue
        text, spans = _unmarked(row["text"])
        told = _sure(text, (PERSONAL,))
        for kind, start, end in spans:
            marked[kind] = marked.get(kind, 0) + 1
            found = any((one.start, one.end) == (start, end) for one in told)
            right[kind] = right.get(kind, 0) + found
        for one in told:
            kind = one.rule.removeprefix(f"{PERSONAL}.")
            flagged[kind] = flagged.get(kind, 0) + 1
    kinds = [kind for kind, count in marked.items() if count > _FEW]
    groups = {kind: [kind] for kind in kinds}
    groups["national numbers, twelve states"] = [kind for kind in marked if kind not in kinds]
    for name, members in groups.items():
        yield (
            name,
            {
                "texts": sum(marked[kind] for kind in members),
                "found": share(*(_sum(each, members) for each in (right, marked))),
                "rightly": share(*(_sum(each, members) for each in (right, flagged))),
            },
        )


_FEW = 3
"""Pieces of a kind that are told together with others that have no more."""


def _sum(counts: Mapping[str, int], members: Sequence[str]) -> int:
    return sum(counts.get(kind, 0) for kind in members)


def _orders() -> Iterator[tuple[str, dict[str, Any]]]:
    sentences = [row for row in _read("instructions")["sentences"] if row["set"] == "third"]
    prompts = _read("injections")["prompts"]
    yield "sentences of documents, ours", _told(sentences, "untrusted")
    for name in dict.fromkeys(row["set"] for row in prompts):
        yield f"prompts of {name}", _told([row for row in prompts if row["set"] == name], "input")


def _told(rows: Sequence[Mapping[str, Any]], origin: Any) -> dict[str, Any]:
    found = [bool(_sure(row["text"], ("injection",), origin)) for row in rows]
    aimed = [told for row, told in zip(rows, found, strict=True) if row["aimed"]]
    others = [told for row, told in zip(rows, found, strict=True) if not row["aimed"]]
    return {
        "texts": len(aimed),
        "found": share(sum(aimed), len(aimed)),
        "wrongly": share(sum(others), len(others)),
    }


def _strangers() -> dict[str, Any]:
    """Return how many harmless third-party prompts any rule of harm flags."""
    rows = [row["text"] for row in _read("injections")["prompts"] if not row["aimed"]]
    return {
        "texts": len(rows),
        "flagged": share(sum(bool(_sure(t, HARMFUL)) for t in rows), len(rows)),
    }


def _sure(text: str, categories: Sequence[Category], origin: Any = "input") -> list[Finding]:
    found = screen([OriginText(text=text, origin=origin)], categories)
    return [one for one in found if one.score >= DEFAULT_THRESHOLD]


def _unmarked(text: str) -> tuple[str, list[tuple[str, int, int]]]:
    plain, spans, place = "", [], 0
    for mark in _MARK.finditer(text):
        plain += text[place : mark.start()]
        spans.append((mark[1], len(plain), len(plain) + len(mark[2])))
        plain += mark[2]
        place = mark.end()
    return plain + text[place:], spans


def _read(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text("utf-8"))
