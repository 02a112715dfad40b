"""The store that keeps extractions and their reviews."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from chalicelib.contracts.extraction_reviews import ExtractionReview
from chalicelib.contracts.extractions import ExtractionFacts


@dataclass(frozen=True, slots=True)
class StoredExtraction:
    """An extraction as it is stored; `revision` counts its changes."""

    facts: ExtractionFacts
    review: ExtractionReview
    revision: int = 1


class ExtractionRecords(Protocol):
    """Stores extractions by tenant."""

    def add(self, tenant: str, facts: ExtractionFacts) -> StoredExtraction:
        """Store a new extraction; one that exists already stays, and is returned.

        Raises:
            NotFound: its document is gone.
        """

    def extraction(self, tenant: str, extraction_id: str) -> StoredExtraction | None:
        """Return an extraction, or None."""

    def extractions(self, tenant: str, document_id: str, after: str) -> Iterator[StoredExtraction]:
        """Yield extractions by document, those after the id `after` ("" for all).

        With a `document_id` only those of that document.
        """

    def waiting(self, tenant: str, after: str) -> Iterator[tuple[str, str]]:
        """Yield place and id of what waits for a review, the least certain first.

        Those after the place `after` ("" for all).
        """

    def change(self, tenant: str, before: StoredExtraction, after: StoredExtraction) -> bool:
        """Make a change; return False, with nothing written, if it has changed meanwhile."""
