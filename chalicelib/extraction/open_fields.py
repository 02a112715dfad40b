"""Fields that stayed open, with the spans of the document that may be their values. Pure.

A language model chooses among them where one is named, and a reviewer where none was sure enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.extraction.choice import ChosenValue, value_at
from chalicelib.extraction.confidence import NO_VOTES, value_features

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.document_values import DocumentReading
    from chalicelib.extraction.field_candidates import FieldCandidate
    from chalicelib.extraction.read_fields import ReadField

MAX_OFFERS = 8
"""Spans that are offered for a field: of 254 drawn fields that were open although the document has
them, 228 had the right one among these."""
_MAX_AT_ONE_PLACE = 3
"""Of them, those that share characters with one that is likelier, such as lines of one block."""


@dataclass(frozen=True, slots=True)
class SpanOffer:
    """A candidate of a field, by its number, and how likely it is right before a model chose."""

    at: int
    candidate: FieldCandidate
    confidence: float


@dataclass(frozen=True, slots=True)
class OpenField:
    """A field that is not sure, with the spans that are offered for it, the likeliest first."""

    read: ReadField
    offers: tuple[SpanOffer, ...]


def open_fields(reading: DocumentReading, selected: Collection[str] = ()) -> list[OpenField]:
    """Return the fields outside of lists that are neither surely a value nor surely absent.

    They are less sure than a value has to be to be given. A span that is surely another field's
    value is not offered, nor is one whose check digits are wrong. A field for which nothing is left
    to offer cannot be asked about.

    Args:
        reading: the fields as they were read.
        selected: pointers of fields whose value a language model selected, which are not open.
    """
    results = reading.rule_results(reading.fields)
    is_open = [
        each.pointer not in selected
        # How sure a schema wants values says nothing of nulls.
        and reading.probability(each, results)
        < (reading.confidence.keep if each.value is None else reading.needed(each))
        for each in reading.fields
    ]
    taken = [
        span
        for each, asked in zip(reading.fields, is_open, strict=True)
        if not asked
        for span in each.spans
    ]
    found = (
        OpenField(each, tuple(_offers(each, reading, taken)))
        for each, asked in zip(reading.fields, is_open, strict=True)
        if asked
    )
    return [each for each in found if each.offers]


def overlap(one: Span, other: Span) -> bool:
    """Return whether two spans share a character."""
    return one.page == other.page and one.start < other.end and other.start < one.end


def _offers(
    read: ReadField, reading: DocumentReading, taken: Sequence[Span]
) -> Iterator[SpanOffer]:
    assert isinstance(read.origin, ChosenValue), "fields outside of lists are chosen"
    field = read.origin.field
    shares = field.ranked.shares
    chosen: dict[tuple[Span, ...], FieldCandidate] = {}
    order = sorted(range(len(shares)), key=lambda at: -shares[at])
    for at in order:
        candidate = field.candidates[at]
        if len(chosen) == MAX_OFFERS:
            break
        if candidate.spans in chosen or candidate.match.valid is False:
            continue
        if _share_place(candidate, taken):
            continue
        beside = sum(_share_place(each, candidate.spans) for each in chosen.values())
        if beside >= _MAX_AT_ONE_PLACE:
            continue
        chosen[candidate.spans] = candidate
        features = value_features(value_at(field, at), NO_VOTES)
        yield SpanOffer(at, candidate, reading.confidence.value.probability(features))


def _share_place(candidate: FieldCandidate, spans: Sequence[Span]) -> bool:
    return any(overlap(one, other) for one in candidate.spans for other in spans)
