"""Values that were read from a document, put together as an extraction that says how sure each is.

What a language model chose afterwards takes the place of what was read before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.calibrations import ConfidenceMap
from chalicelib.contracts.extractions import (
    MAX_CANDIDATES,
    MAX_REASONS,
    CandidateValue,
    CheckedRule,
    CountDifference,
    EvidenceBox,
    ExtractedField,
    ExtractedList,
    Extraction,
    FieldEvidence,
    ReadingMethod,
    ReadStatus,
)
from chalicelib.extraction.acceptance import rule_votes
from chalicelib.extraction.choice import ChosenValue, value_at
from chalicelib.extraction.confidence import FieldConfidence, ReadKind
from chalicelib.extraction.doubts import doubt_of
from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.open_fields import open_fields
from chalicelib.extraction.recalibration import mapped
from chalicelib.extraction.rules import RuleResult, evaluate
from chalicelib.extraction.value_tree import json_tree, json_value, value_tree

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.document_reader import DocumentReader
    from chalicelib.extraction.open_fields import SpanOffer
    from chalicelib.extraction.read_fields import ReadField, ReadList

MIN_CANDIDATE = 0.1
"""The least confidence, before the map, of a value that a null is shown with: of 169 with less on
real files for development one was right."""
CANDIDATE_MAP = ConfidenceMap(slope=1.334, shift=-0.242)
"""Confidences are learned of values that were chosen, and are too high of those that were not. The
map is fitted to 1,112 candidates of 100 drawn documents of validation designs and of 25 real files
for development (see docs/decisions/0163)."""
DERIVED_KINDS = frozenset({LeafKind.BOOLEAN, LeafKind.ENUM, LeafKind.CURRENCY})
"""Kinds whose value is told from the cited text, and need not be written there as it is."""


@dataclass(frozen=True, slots=True)
class SelectedSpan:
    """The candidate that a language model chose for a field, and how sure that makes it."""

    at: int
    confidence: float


@dataclass(frozen=True, slots=True)
class SpanSelection:
    """The spans that a language model chose, by pointer of the field, and reasons for a review."""

    spans: Mapping[str, SelectedSpan] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


NO_SELECTION = SpanSelection()


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """The fields and lists that were read from a document.

    Attributes:
        reader: What read them, with the layouts of the document.
        fields: The fields outside of lists.
        lists: The lists with their rows.
        confidence: Tells how sure a value is.
    """

    reader: DocumentReader
    fields: tuple[ReadField, ...]
    lists: tuple[ReadList, ...]
    confidence: FieldConfidence

    def selected(self, spans: Mapping[str, SelectedSpan]) -> tuple[ReadField, ...]:
        """Return the fields outside of lists with the candidates that were selected for some."""
        return tuple(
            each if (span := spans.get(each.pointer)) is None else _with_candidate(each, span.at)
            for each in self.fields
        )

    def rule_results(self, fields: Sequence[ReadField]) -> list[RuleResult]:
        """Return what the rules of the schema come to with these fields outside of lists."""
        tree = value_tree(fields, self.lists)
        return [evaluate(rule, tree) for rule in self.reader.schema.rules]

    def probability(self, read: ReadField, results: Iterable[RuleResult]) -> float:
        """Return how likely a field is right as it was read, given the results of rules."""
        votes = rule_votes(read.pointer, results)
        return self.confidence.of(read.kind).probability(read.features(votes))

    def needed(self, read: ReadField) -> float:
        """Return how sure a field's value has to be to be given: what the schema says, or else what
        was learned.
        """
        own, default = read.leaf.min_confidence, self.reader.schema.min_confidence
        if own is not None:
            return own
        return self.confidence.keep if default is None else default

    def extraction(self, selection: SpanSelection = NO_SELECTION) -> Extraction:
        """Return the extraction, with what a language model selected in the place of the rest."""
        fields = self.selected(selection.spans)
        tree = value_tree(fields, self.lists)
        results = self.rule_results(fields)
        cells = (cell for one in self.lists for cell in one.fields)
        scored = [self._scored(each, results, selection.spans) for each in (*fields, *cells)]
        scored = self._with_candidates(scored, fields, selection.spans)
        rules = tuple(map(_checked_rule, results))
        reasons = [*_reasons(self.lists, rules), *selection.reasons]
        reasons += filter(None, map(doubt_of, scored))
        status: ReadStatus = "complete"
        if any(not each.reading.complete for each in self.lists):
            status = "partial"
        elif reasons:
            status = "needs_review"
        return Extraction(
            status=status,
            values={name: json_tree(value) for name, value in tree.items()},
            fields=tuple(scored),
            lists=tuple(map(_extracted_list, self.lists)),
            rules=rules,
            reasons=tuple(reasons[:MAX_REASONS]),
        )

    def _scored(
        self,
        read: ReadField,
        results: Sequence[RuleResult],
        spans: Mapping[str, SelectedSpan],
    ) -> ExtractedField:
        method: ReadingMethod = "table" if read.kind is ReadKind.CELL else "ranker"
        if method == "ranker" and (span := spans.get(read.pointer)) is not None:
            method, sure = "model", span.confidence
        else:
            sure = self.probability(read, results)
        return ExtractedField(
            pointer=read.pointer,
            value=json_value(read.value),
            raw=read.raw,
            confidence=round(sure, 4),
            evidence=self._evidence(read.spans),
            derived=read.value is not None and read.leaf.kind in DERIVED_KINDS,
            method=method,
        )

    def _with_candidates(
        self,
        scored: Sequence[ExtractedField],
        fields: tuple[ReadField, ...],
        spans: Mapping[str, SelectedSpan],
    ) -> list[ExtractedField]:
        """Return the fields, those that are null and open with what their values may be."""
        asked = open_fields(replace(self, fields=fields), spans)
        offers = {each.read.pointer: each.offers for each in asked if each.read.value is None}
        return [
            each.model_copy(update={"candidates": self._candidates(offers[each.pointer])})
            if each.pointer in offers
            else each
            for each in scored
        ]

    def _candidates(self, offers: Iterable[SpanOffer]) -> tuple[CandidateValue, ...]:
        """Return the likeliest values among offers, each once."""
        by_value: dict[str, SpanOffer] = {}
        for each in sorted(offers, key=lambda offer: -offer.confidence):
            if each.confidence >= MIN_CANDIDATE:
                by_value.setdefault(str(each.candidate.match.value), each)
        return tuple(
            CandidateValue(
                value=json_value(each.candidate.match.value),
                raw=each.candidate.text,
                confidence=round(_lowered(each.confidence), 4),
                evidence=self._evidence(each.candidate.spans),
            )
            for each in [*by_value.values()][:MAX_CANDIDATES]
        )

    def _evidence(self, spans: Iterable[Span]) -> tuple[FieldEvidence, ...]:
        return tuple(
            FieldEvidence(
                page=span.page,
                start=span.start,
                end=span.end,
                boxes=tuple(EvidenceBox(*box) for box in self.reader.document.boxes(span)),
            )
            for span in spans
        )


def _lowered(confidence: float) -> float:
    """Return the probability of a candidate, which is never more than if it had been chosen."""
    return min(confidence, mapped(confidence, CANDIDATE_MAP))


def _with_candidate(read: ReadField, at: int) -> ReadField:
    """Return a field outside of lists with the candidate numbered `at` as its value."""
    assert isinstance(read.origin, ChosenValue), "cells of lists have no candidates"
    chosen = value_at(read.origin.field, at)
    candidate = read.origin.field.candidates[at]
    return replace(
        read,
        value=candidate.match.value,
        raw=candidate.text,
        spans=candidate.spans,
        origin=chosen,
    )


def _checked_rule(result: RuleResult) -> CheckedRule:
    left, right = (
        json_value(side) if isinstance(side, Decimal) else side
        for side in (result.left, result.right)
    )
    return CheckedRule(
        rule=result.rule, holds=result.holds, left=left, right=right, pointers=result.pointers
    )


def _extracted_list(each: ReadList) -> ExtractedList:
    return ExtractedList(
        pointer=each.field.pointer,
        rows=len(each.reading.rows),
        counted=each.reading.counted,
        complete=each.reading.complete,
        differences=tuple(
            CountDifference(page=one.page, reason=one.reason) for one in each.reading.differences
        ),
    )


def _reasons(lists: Sequence[ReadList], rules: Sequence[CheckedRule]) -> Iterable[str]:
    """Yield what a person should look at: incomplete lists and broken rules."""
    for each in lists:
        reading = each.reading
        if not reading.complete:
            pages = sorted({one.page for one in reading.differences})
            where = f" on pages {', '.join(map(str, pages[:10]))}" if pages else ""
            why = next((one.reason for one in reading.differences), "")
            yield (
                f"{each.field.pointer} has {len(reading.rows)} rows, and {reading.counted} were"
                f" counted in another way{where}. {why}".rstrip()
            )
    for rule in rules:
        if rule.holds is False:
            yield f"The rule {rule.rule!r} does not hold: {rule.left} and {rule.right}."
