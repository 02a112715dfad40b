"""The fields of reviewed extractions that an extractor learns from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.labelling.field_edits import edited_fields

if TYPE_CHECKING:
    from chalicelib.contracts.extractions import ExtractedField
    from chalicelib.labelling.extraction_library import ExtractionLibrary, StoredExtraction

MAX_FIELDS = 100
"""Fields of one document that are learned from, the first ones: a long list would outweigh all."""


def learned_fields(
    library: ExtractionLibrary, tenant: str, stored: StoredExtraction
) -> Iterator[tuple[ExtractedField, ExtractedField]]:
    """Yield the first fields of a reviewed extraction, as read and as the review has them.

    Raises:
        NotFound: the version that was read is gone.
    """
    # The files of a reviewed extraction are its own again where its status is another.
    read = replace(stored, facts=stored.facts.model_copy(update={"status": "complete"}))
    for proposed, _ in islice(library.fields(tenant, read, 0), MAX_FIELDS):
        (right,) = edited_fields([proposed], stored.review.edits)
        yield proposed, right
