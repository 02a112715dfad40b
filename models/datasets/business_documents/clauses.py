"""Clauses of contracts in many languages, with values in their sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from models.datasets.business_documents.locales import windows
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import Run

_FILE = Path(__file__).parent / "words" / "clauses.json"
_VALUE = re.compile(r"\{(\w+)\}")
CLAUSES = ("parties", "term", "fee", "deposit", "notice", "place")


@cache
def _clauses(language: str) -> Mapping[str, Sequence[str]]:
    found: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found[language]


def known_clauses(language: str) -> tuple[str, ...]:
    """Return all clauses of a language but the last wording of each purpose: those of training."""
    return tuple(each for pool in _clauses(language).values() for each in pool[:-1])


def clause(pen: Pen, purpose: str, *, held_out: bool = False) -> tuple[Run, ...]:
    """Return a sentence as pieces of text; () where a value that it needs is absent.

    The last wording of each is held out of training.
    """
    wordings = _clauses(pen.choice.language)[purpose]
    pool = wordings[-1:] if held_out else wordings[:-1] or wordings
    sentence = windows(pen.rng.choice(pool))
    if not all(pen.has(name) for name in _VALUE.findall(sentence)):
        return ()
    pieces: list[Run] = []
    for at, part in enumerate(_VALUE.split(sentence)):
        pieces += pen.value(part) if at % 2 else [(part, None)]
    return tuple(pieces)


def filler(pen: Pen) -> str:
    """Return a sentence that has nothing that is asked for."""
    return windows(pen.rng.choice(_clauses(pen.choice.language)["filler"]))
