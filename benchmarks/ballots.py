"""Votes that a benchmark casts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.retrieval.search.feedback_boost import Vote


@dataclass(frozen=True, slots=True)
class Ballots:
    """Votes that are the same for every tenant and state."""

    cast: Sequence[Vote]

    def votes(self, tenant: str, state: int) -> Sequence[Vote]:
        """Return all votes."""
        return self.cast
