"""Facts that documents have and nobody asks for: labels of things that are no concept, values."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from models.datasets.business_documents.locales import windows
from models.datasets.business_documents.pen import Pen

_FILE = Path(__file__).parent / "words" / "extras.json"


@cache
def _extras() -> Mapping[str, Mapping[str, Sequence[str]]]:
    found: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(_FILE.read_text("utf-8"))
    return found


def extra_labels(language: str) -> Mapping[str, Sequence[str]]:
    """Return labels of things that nobody asks for, by the kind of their values."""
    return {kind: words for kind, words in _extras()[language].items() if kind in _VALUES}


def extra_heading(pen: Pen, rng: random.Random) -> str:
    """Return the heading of a part of a document."""
    return windows(rng.choice(_extras()[pen.choice.language]["headings"]))


def extra_facts(pen: Pen, count: int, rng: random.Random) -> list[tuple[str, str]]:
    """Return labels and values of things that nobody asks for, each label once."""
    known = extra_labels(pen.choice.language)
    pool = [(kind, word) for kind, words in known.items() for word in words]
    return [
        (windows(word), windows(extra_value(pen, kind)))
        for kind, word in rng.sample(pool, min(count, len(pool)))
    ]


def extra_value(pen: Pen, kind: str) -> str:
    """Return a value of a kind, in the document's style."""
    facts, style = pen.facts, pen.facts.style
    if kind == "date":
        return style.date(facts.day())
    if kind == "amount":
        before, after = style.around()
        return f"{before}{style.number(facts.money(1, 9_000))}{after}"
    if kind == "number":
        return style.number(facts.money(1, 400), 0)
    if kind == "percent":
        return f"{style.number(facts.money(1, 40), 1)} %"
    if kind == "person":
        return facts.person()
    if kind == "text":
        return facts.good()
    return facts.number_like(("^####", "@@-####", "####/##", "@@@", "^######", "@#@#", "##-##-##"))


_VALUES = ("code", "date", "amount", "number", "percent", "person", "text")
