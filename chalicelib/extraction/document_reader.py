"""Values of a document's fields before it is said how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from chalicelib.extraction.candidates import find_candidates
from chalicelib.extraction.choice import ChosenValue, RankedField, choose
from chalicelib.extraction.document import Span, without_places
from chalicelib.extraction.feature_names import FeatureRows, Features
from chalicelib.extraction.features import FeatureMaker, names_of
from chalicelib.extraction.field_candidates import FieldCandidate
from chalicelib.extraction.label_agreement import agreement
from chalicelib.extraction.layout.document_layout import read_layout
from chalicelib.extraction.list_cells import read_cells
from chalicelib.extraction.list_checks import checked_list
from chalicelib.extraction.list_choice import chosen_reading, doubted_reading
from chalicelib.extraction.lists import read_list
from chalicelib.extraction.read_fields import ReadField, ReadList
from chalicelib.extraction.rule_consistency import keep_to_rules
from chalicelib.extraction.scalar_lists import read_scalars
from chalicelib.extraction.value_tree import value_tree
from chalicelib.extraction.values.readers import value_reader
from chalicelib.extraction.values.reading_hints import document_hints

if TYPE_CHECKING:
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.label_similarity import LabelComparison
    from chalicelib.extraction.layout.document_layout import DocumentLayout
    from chalicelib.extraction.leaves import Leaf, ListField
    from chalicelib.extraction.lists import ListReading
    from chalicelib.extraction.ranker import FieldRanker, RankedCandidates
    from chalicelib.extraction.schema import ExtractionSchema
    from chalicelib.extraction.values.reading_hints import ReadingHints
    from chalicelib.extraction.values.value_match import ValueReader


@dataclass(frozen=True, slots=True)
class UnrankedField:
    """A field with its candidates, their features, and the places of their best labels."""

    leaf: Leaf
    candidates: tuple[FieldCandidate, ...]
    features: FeatureRows
    field_features: Features
    labels: tuple[Span | None, ...]

    def seen_with(self, more: FeatureRows, of_field: Features) -> UnrankedField:
        """Return it with more features of the candidates and of the field."""
        rows = np.hstack([self.features, more])
        return replace(self, features=rows, field_features=self.field_features + of_field)

    def ranked(self, ranks: RankedCandidates) -> RankedField:
        """Return it with the probabilities of the candidates."""
        return RankedField(self.leaf, self.candidates, self.features, self.field_features, ranks)


def ranked_fields(fields: Sequence[UnrankedField], ranker: FieldRanker) -> list[RankedField]:
    """Return fields of one document with the probabilities of their candidates, by two looks."""
    first = [ranker.first.rank(each.features, each.field_features) for each in fields]
    more, of_fields = agreement(fields, first)
    seen = [
        each.seen_with(rows, of_field)
        for each, rows, of_field in zip(fields, more, of_fields, strict=True)
    ]
    return [each.ranked(ranker.second.rank(each.features, each.field_features)) for each in seen]


@dataclass(frozen=True, slots=True)
class DocumentReader:
    """Reads the fields of one schema from one document.

    Args:
        schema: the fields.
        document: the text and places.
        comparison: compares names of fields with labels.
    """

    schema: ExtractionSchema
    document: SourceDocument
    comparison: LabelComparison
    layouts: tuple[DocumentLayout, ...] = field(init=False)
    hints: ReadingHints = field(init=False)

    def __post_init__(self) -> None:
        layouts = [read_layout(self.document)]
        if any(page.placed for page in self.document.pages):
            layouts.append(read_layout(without_places(self.document)))
        object.__setattr__(self, "layouts", tuple(layouts))
        texts = (page.text for page in self.document.pages)
        object.__setattr__(self, "hints", document_hints(texts, self.document.language))

    def unranked(self) -> list[UnrankedField]:
        """Return the fields outside of lists with their candidates and features."""
        leaves = self.schema.leaves
        if not leaves:
            return []
        subwords = self.comparison.subwords
        found = find_candidates(self.document, self.layouts, leaves, self.hints, subwords)
        return self.with_features(found)

    def with_features(self, found: Sequence[Sequence[FieldCandidate]]) -> list[UnrankedField]:
        """Return the fields with candidates that were found for them, and the features."""
        leaves = self.schema.leaves
        names = {leaf.pointer: names_of(leaf) for leaf in leaves}
        maker = FeatureMaker(self.document, self.comparison, names)
        made = [maker.features(leaf, each) for leaf, each in zip(leaves, found, strict=True)]
        return [
            UnrankedField(leaf, tuple(each), seen.candidates, seen.field, seen.labels)
            for leaf, each, seen in zip(leaves, found, made, strict=True)
        ]

    def choose(
        self,
        ranker: FieldRanker,
        floor: float,
        lists: Sequence[ReadList],
        unranked: Sequence[UnrankedField] | None = None,
    ) -> list[ReadField]:
        """Return each field outside of lists with its value, or None; `lists` were read before.

        `unranked` are the fields if they are known, and are read from the document otherwise.
        """
        known = self.unranked() if unranked is None else unranked
        ranked = ranked_fields(known, ranker)
        kept = keep_to_rules(ranked, self.schema.rules, value_tree((), lists))
        return [_chosen_field(each) for each in choose(kept, floor)]

    def read_lists(self) -> list[ReadList]:
        """Return the lists of the schema with their rows."""
        return [self._read_list(each) for each in self.schema.lists]

    def _read_list(self, of: ListField) -> ReadList:
        """Read a list in each layout, and return the rows of the one that fits its schema best.

        The places of words and the text of the page are two independent ways to see a table.
        """
        readers = tuple(map(value_reader, of.columns))
        readings = [self._reading(of, layout, readers) for layout in self.layouts]
        titles = [self.titles_alike(of, each) for each in readings]
        at = 0 if of.of_scalars and readings[0].rows else chosen_reading(readings)
        same = len(readings) > 1 and len({len(each.rows) for each in readings}) == 1
        agreed = same or readings[at].summed
        reading = doubted_reading(readings[at], agreed=agreed, alike=titles[at])
        alike = [
            self.comparison.similarity(leaf.names, title)
            for leaf, title in zip(of.columns, reading.titles, strict=True)
        ]
        fields = read_cells(of, reading, self.document, readers, self.hints, (alike, agreed))
        width = max(1, len(of.columns))
        values = [field.value for field in fields]
        by_row = [values[at : at + width] for at in range(0, len(values), width)]
        return ReadList(of, checked_list(of, reading, by_row), tuple(fields))

    def _reading(
        self, of: ListField, layout: DocumentLayout, readers: Sequence[ValueReader]
    ) -> ListReading:
        """Return a list as one layout shows it: as a table, or single values below a label."""
        reading = read_list(of, layout, readers, self.comparison, self.hints)
        if not of.of_scalars:
            return reading
        found = read_scalars(of, layout, readers[0], self.comparison, self.hints)
        # One value below a title is as likely that of another field.
        named = self.titles_alike(of, reading) if len(reading.rows) > 1 else 0.0
        if found is None:
            nothing = replace(reading, rows=(), counted=0, differences=(), score=0.0)
            return reading if named else nothing
        return found if found.score > named * reading.score else reading

    def titles_alike(self, of: ListField, reading: ListReading) -> float:
        """Return how alike the names of the columns and the titles are, in the mean."""
        alike = [
            self.comparison.similarity(leaf.names, title)
            for leaf, title in zip(of.columns, reading.titles, strict=True)
        ]
        return sum(alike) / max(1, len(alike))


def _chosen_field(chosen: ChosenValue) -> ReadField:
    leaf, candidate = chosen.field.leaf, chosen.candidate
    if candidate is None:
        return ReadField(leaf.pointer, leaf, None, "", (), chosen)
    spans = candidate.spans
    return ReadField(leaf.pointer, leaf, candidate.match.value, candidate.text, spans, chosen)
