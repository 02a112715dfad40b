"""Labels of concepts in many languages: wordings of training, and held-out ones."""

from __future__ import annotations

import json
import random
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


class LabelChoice:
    """The wordings that one document uses: one for a concept, everywhere alike.

    `unseen` is the share of concepts that are called by a held-out wording. Documents of one
    `sender` call a concept the same, whatever else they have; without one, wordings are drawn from
    `rng` as they are asked for.
    """

    def __init__(self, language: str, rng: random.Random, unseen: float, sender: str = "") -> None:
        self.language = language
        self._rng = rng
        self._unseen = unseen
        self._sender = sender
        self._chosen: dict[str, str] = {}

    @property
    def chosen(self) -> dict[str, str]:
        """Return the wordings that were used so far, by their concepts."""
        return dict(self._chosen)

    def label(self, concept: str) -> str:
        """Return what the document calls a concept."""
        if concept not in self._chosen:
            known, held_out = wordings(self.language)[concept]
            rng = self._rng
            if self._sender:
                rng = random.Random(f"{self._sender}/{concept}")  # noqa: S311 - to be the same
            new = not known or (held_out and rng.random() < self._unseen)
            self._chosen[concept] = rng.choice(held_out if new else known)
        return self._chosen[concept]

    def others(self, concept: str) -> tuple[str, ...]:
        """Return wordings of a concept that the document does not use, of those it might have."""
        known, held_out = wordings(self.language)[concept]
        pool = (*known, *held_out) if self._unseen else known
        return tuple(each for each in pool if each != self._chosen.get(concept))
