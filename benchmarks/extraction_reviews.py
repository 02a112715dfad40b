"""Reviews of drawn documents: the right values and where they stand, or some wrong ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.extraction_judging import is_in_box
from chalicelib.extraction.document import Span
from chalicelib.extraction.label_sightings import ReviewedValue
from chalicelib.extraction.value_tree import json_value
from chalicelib.extraction.values.readers import value_reader
from chalicelib.extraction.values.reading_hints import document_hints
from chalicelib.labelling.learned_fields import MAX_FIELDS

if TYPE_CHECKING:
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.leaves import Leaf
    from chalicelib.extraction.schema import ExtractionSchema
    from models.datasets.business_documents import GeneratedDocument, TruePlace, TrueValue


def reviewed_values(document: GeneratedDocument, read: SourceDocument) -> list[ReviewedValue]:
    """Return the true values of a document with the words that show them, as a review has them."""
    cells = (cell for each in document.lists for row in each.rows for cell in row)
    values = [*document.truth, *cells][:MAX_FIELDS]
    return [ReviewedValue(each.pointer, each.value, shown_at(each, read)) for each in values]


def shown_at(value: TrueValue, read: SourceDocument) -> tuple[Span, ...]:
    """Return the characters of a true value at its first place with words, one span a line."""
    for place in value.places:
        if spans := _spans(place, read):
            return spans
    return ()


def _spans(place: TruePlace, read: SourceDocument) -> tuple[Span, ...]:
    spans: list[Span] = []
    for word in read.page(place.page).placed:
        edges = (word.left, word.top, word.right, word.bottom)
        if any(is_in_box(edges, box) for box in place.boxes):
            if spans and word.start - spans[-1].end <= 1:
                spans[-1] = spans[-1]._replace(end=word.end)
            else:
                spans.append(Span(place.page, word.start, word.end))
    return tuple(spans)


def with_errors(
    values: Sequence[ReviewedValue],
    read: SourceDocument,
    schema: ExtractionSchema,
    rng: random.Random,
    share: float,
) -> list[ReviewedValue]:
    """Return a review that is wrong about a share of the fields outside of lists.

    Each of them has the value and the words of another field, one that reads as its own kind where
    there is any, and else none.
    """
    hints = document_hints((page.text for page in read.pages), read.language)
    leaves = {leaf.pointer: leaf for leaf in schema.leaves}

    def mistaken(value: ReviewedValue, leaf: Leaf) -> ReviewedValue:
        others = [each for each in values if each.spans and each.spans != value.spans]
        for other in rng.sample(others, len(others)):
            found = value_reader(leaf).read("\n".join(map(read.text, other.spans)), hints)
            if found is not None:
                return ReviewedValue(value.pointer, json_value(found.value), other.spans)
        return ReviewedValue(value.pointer, None, ())

    return [
        mistaken(each, leaves[each.pointer])
        if each.pointer in leaves and rng.random() < share
        else each
        for each in values
    ]
