"""The wordings that one document uses for what it shows."""

from __future__ import annotations

import random

from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.invented_labels import invented_label
from models.datasets.business_documents.wordings import wordings


class LabelChoice:
    """The wordings that one document uses: one for a concept, everywhere alike.

    `unseen` is the share of concepts that are called by a held-out wording, and `invented` of those
    that are called by words that mean nothing. Documents of one `sender` call a concept the same,
    whatever else they have; without one, wordings are drawn from `rng` as they are asked for.
    """

    def __init__(
        self,
        language: str,
        rng: random.Random,
        unseen: float,
        sender: str = "",
        *,
        invented: float = 0.0,
    ) -> None:
        self.language = language
        self._rng = rng
        self._unseen = unseen
        self._sender = sender
        self._invented = invented
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
            if self._invented and concept in concepts() and rng.random() < self._invented:
                self._chosen[concept] = invented_label(self.language, rng)
        return self._chosen[concept]

    def others(self, concept: str) -> tuple[str, ...]:
        """Return wordings of a concept that the document does not use, of those it might have."""
        known, held_out = wordings(self.language)[concept]
        pool = (*known, *held_out) if self._unseen else known
        return tuple(each for each in pool if each != self._chosen.get(concept))
