"""Labels of concepts in many languages: wordings of training, and held-out ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "words"

Wordings = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""For each concept the wordings of training, and those held out."""


@cache
def wordings(language: str) -> Wordings:
    """Return the wordings of a language. A language of tests alone has held-out ones only."""
    found: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for line in (_FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines():
        concept, known, held_out = line.split("\t")
        found[concept] = (_parts(known), _parts(held_out))
    return found


def _parts(text: str) -> tuple[str, ...]:
    return tuple(text.split("|")) if text else ()


@cache
def goods(language: str) -> tuple[str, ...]:
    """Return goods and services that are sold in a language."""
    found: Mapping[str, Sequence[str]] = json.loads(
        (_FOLDER / "goods.json").read_text(encoding="utf-8")
    )
    return tuple(found[language])


@cache
def phrases(language: str) -> Mapping[str, Sequence[str]]:
    """Return sentences of a language by what they are for."""
    found: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(
        (_FOLDER / "phrases.json").read_text(encoding="utf-8")
    )
    return found[language]
