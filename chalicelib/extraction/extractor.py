"""Extraction of a schema's values from one document, each with the words that it was read from.

    read lists -> find candidates of every field -> rank -> weigh by rules -> choose -> say how sure

No value is made up: every one is a reading of characters of the document, and a field for which
none is likely enough is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.extractions import (
    MAX_REASONS,
    CheckedRule,
    CountDifference,
    EvidenceBox,
    ExtractedField,
    ExtractedList,
    Extraction,
    FieldEvidence,
    ReadStatus,
)
from chalicelib.extraction.acceptance import accepted_fields, rule_votes
from chalicelib.extraction.confidence import FieldConfidence, field_confidence
from chalicelib.extraction.document_reader import DocumentReader, ReadField, ReadList
from chalicelib.extraction.doubts import doubt_of
from chalicelib.extraction.label_similarity import LabelComparison, LabelEmbedder
from chalicelib.extraction.label_subwords import SubwordVectors, label_subwords
from chalicelib.extraction.label_vocabulary import LabelVocabulary, label_vocabulary
from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.ranker import FieldRanker, field_ranker
from chalicelib.extraction.rules import RuleResult, evaluate
from chalicelib.extraction.value_tree import json_tree, json_value, value_tree

if TYPE_CHECKING:
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.schema import ExtractionSchema

DERIVED_KINDS = frozenset({LeafKind.BOOLEAN, LeafKind.ENUM, LeafKind.CURRENCY})
"""Kinds whose value is told from the cited text, and need not be written there as it is."""


@dataclass(frozen=True, slots=True)
class FieldExtractor:
    """Extracts the fields of schemas from documents.

    Args:
        embedder: compares the meaning of names and labels; without one, only words and letters.
        vocabulary: what documents call things.
        subwords: what they call them in other languages.
        ranker: scores the candidates.
        confidence: tells how sure a value is.
    """

    embedder: LabelEmbedder | None
    vocabulary: LabelVocabulary
    subwords: SubwordVectors
    ranker: FieldRanker
    confidence: FieldConfidence

    @classmethod
    def open(cls, embedder: LabelEmbedder | None) -> FieldExtractor:
        """Return an extractor with the weights that are shipped."""
        return cls(
            embedder, label_vocabulary(), label_subwords(), field_ranker(), field_confidence()
        )

    def extract(self, schema: ExtractionSchema, document: SourceDocument) -> Extraction:
        """Return the values of a schema in a document, with evidence and confidence for each."""
        comparison = LabelComparison(self.embedder, self.vocabulary, self.subwords)
        reader = DocumentReader(schema, document, comparison)
        lists = reader.read_lists()
        chosen = reader.choose(self.ranker, self.confidence.floor, lists)
        fields = accepted_fields(chosen, lists, schema.rules, self.confidence)
        tree = value_tree(fields, lists)
        results = [evaluate(rule, tree) for rule in schema.rules]
        scored = [
            self._scored(each, document, results)
            for each in (*fields, *(cell for one in lists for cell in one.fields))
        ]
        rules = tuple(map(_checked_rule, results))
        reasons = list(_reasons(scored, lists, rules))
        status: ReadStatus = "complete"
        if any(not each.reading.complete for each in lists):
            status = "partial"
        elif reasons:
            status = "needs_review"
        return Extraction(
            status=status,
            values={name: json_tree(value) for name, value in tree.items()},
            fields=tuple(scored),
            lists=tuple(map(_extracted_list, lists)),
            rules=rules,
            reasons=tuple(reasons[:MAX_REASONS]),
        )

    def fit(self, schema: ExtractionSchema, document: SourceDocument) -> float:
        """Return how likely a document has what a schema asks for, 0 to 1.

        The mean of the probabilities that each field outside of lists has a value; of a schema of
        lists alone, the likeness of their columns' titles.
        """
        reader = DocumentReader(schema, document, LabelComparison(self.embedder, self.vocabulary))
        chances = [1 - each.ranked(self.ranker).ranked.none for each in reader.unranked()]
        if not chances:
            chances = [
                reader.titles_alike(each.field, each.reading) for each in reader.read_lists()
            ]
        return sum(chances) / max(1, len(chances))

    def _scored(
        self, field: ReadField, document: SourceDocument, results: Sequence[RuleResult]
    ) -> ExtractedField:
        votes = rule_votes(field.pointer, results)
        odds = self.confidence.of(field.kind)
        return ExtractedField(
            pointer=field.pointer,
            value=json_value(field.value),
            raw=field.raw,
            confidence=round(odds.probability(field.features(votes)), 4),
            evidence=tuple(
                FieldEvidence(
                    page=span.page,
                    start=span.start,
                    end=span.end,
                    boxes=tuple(EvidenceBox(*box) for box in document.boxes(span)),
                )
                for span in field.spans
            ),
            derived=field.value is not None and field.leaf.kind in DERIVED_KINDS,
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


def _reasons(
    scored: Sequence[ExtractedField], lists: Sequence[ReadList], rules: Sequence[CheckedRule]
) -> Iterable[str]:
    """Yield what a person should look at: incomplete lists, broken rules, unsure fields."""
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
    yield from filter(None, map(doubt_of, scored))
