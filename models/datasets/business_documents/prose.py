"""Sentences of leases, letters and applications with values in them, for designs by chance."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from models.datasets.business_documents.clauses import filler
from models.datasets.business_documents.labelled_blocks import Area
from models.datasets.business_documents.locales import windows
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import Run

_FILE = Path(__file__).parent / "words" / "prose.json"
_VALUE = re.compile(r"\{(\w+)\}")
_FILLED = 0.3
"""Share of the sentences behind which one stands that has no value."""


@cache
def _sentences() -> Mapping[str, Mapping[str, Sequence[str]]]:
    found: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(_FILE.read_text("utf-8"))
    return found


def kind_sentences(language: str, kind: str) -> tuple[str, ...]:
    """Return the sentences of a language for a kind of document."""
    return tuple(_sentences()[language].get(kind, ()))


def drawn_sentences(pen: Pen, kind: str, rng: random.Random) -> list[str]:
    """Return sentences whose values the document has, no value in two of them, in a drawn order."""
    pool = list(kind_sentences(pen.choice.language, kind))
    rng.shuffle(pool)
    found: list[str] = []
    told: set[str] = set()
    for sentence in pool:
        names = sentence_values((sentence,))
        if all(map(pen.has, names)) and not told & names:
            found.append(sentence)
            told |= names
    return found


def sentence_values(sentences: Sequence[str]) -> set[str]:
    """Return the concepts whose values stand in sentences."""
    return {name for each in sentences for name in _VALUE.findall(each)}


def draw_prose(pen: Pen, area: Area, sentences: Sequence[str], rng: random.Random) -> float:
    """Write sentences as one paragraph, and return the top of what follows."""
    pieces: list[Run] = []
    for sentence in sentences:
        for at, part in enumerate(_VALUE.split(windows(sentence))):
            pieces += pen.value(part) if at % 2 else [(part, None)]
        pieces.append((" ", None))
        if rng.random() < _FILLED:
            pieces.append((f"{filler(pen)} ", None))
    return pen.sheet.paragraph(*area, pieces[:-1], size=pen.size) + 4
