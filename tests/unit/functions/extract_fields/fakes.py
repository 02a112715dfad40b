"""Fakes of what `extract_fields` depends on: an extractor of labelled lines, a model, vectors."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.batches import ItemError
from chalicelib.contracts.extraction_models import FieldChoices, ModelTerms
from chalicelib.contracts.extractions import (
    CountDifference,
    EvidenceBox,
    ExtractedField,
    ExtractedList,
    Extraction,
    FieldEvidence,
)
from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.receipts import ReceiptLine
from chalicelib.errors import HeadraceError
from chalicelib.extraction.document import SourceDocument, Span
from chalicelib.extraction.document_values import NO_SELECTION, SelectedSpan, SpanSelection
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.leaves import Leaf
from chalicelib.extraction.schema import ExtractionSchema
from chalicelib.extraction.span_selection.selector import ModelSelection
from functions.extract_fields.field_index import MetadataChange


@dataclass
class LabelledReading:
    """An extraction of labelled lines; a model that selects adds a value of `/due`."""

    found: Extraction

    def extraction(self, selection: SpanSelection = NO_SELECTION) -> Extraction:
        if not selection.spans and not selection.reasons:
            return self.found
        fields = tuple(
            each.model_copy(update={"value": "2025-03-14", "method": "model", "confidence": 0.9})
            if each.pointer in selection.spans
            else each
            for each in self.found.fields
        )
        return self.found.model_copy(
            update={
                "fields": fields,
                "reasons": selection.reasons,
                "status": "needs_review" if selection.reasons else self.found.status,
                "values": {each.pointer[1:]: each.value for each in fields},
            }
        )


@dataclass
class FakeSelector:
    """Selects a span for `/due`, or fails with the next of its errors."""

    errors: list[ItemError] = field(default_factory=list)
    asked: list[tuple[ModelTerms, Spender, float]] = field(default_factory=list)

    def select(
        self, reading: object, terms: ModelTerms, spender: Spender, seconds: float
    ) -> ModelSelection:
        self.asked.append((terms, spender, seconds))
        line = ReceiptLine(model="tiny", role="span selection", tokens_in=9, tokens_out=3)
        choices = FieldChoices(model=terms.model, prompt="p@1", asked=1, chosen=1)
        if not self.errors:
            spans = {"/due": SelectedSpan(0, 0.9)}
            return ModelSelection(SpanSelection(spans), choices, (line,))
        error = self.errors.pop(0)
        failed = {"asked": 0, "chosen": 0, "left": 1, "error": error}
        choices = choices.model_copy(update={**failed, "may_pass": error.type == "Throttled"})
        reasons = (f"The model {terms.model} did not answer: {error.message}",)
        return ModelSelection(SpanSelection(reasons=reasons), choices, (line,))


@dataclass
class LabelledLines:
    """Reads `label: value` lines. It fails for a document by its path, and misses rows."""

    fails: dict[str, HeadraceError] = field(default_factory=dict)
    lost_rows: int = 0
    texts: list[str] = field(default_factory=list)
    slow: tuple[str, ...] = ()
    """Documents with one of these in their text are read without end."""
    slow_to_fit: tuple[str, ...] = ()
    """Of documents with one of these it is told without end how well schemas fit."""

    def comparison(self) -> LabelComparison:
        return LabelComparison()

    def read(
        self,
        schema: ExtractionSchema,
        document: SourceDocument,
        comparison: LabelComparison | None = None,
    ) -> Any:
        return LabelledReading(self._extracted(schema, document))

    def _extracted(self, schema: ExtractionSchema, document: SourceDocument) -> Extraction:
        text = document.pages[0].text
        self.texts.append(text)
        for named, error in self.fails.items():
            if named in text:
                raise error
        while any(named in text for named in self.slow):
            pass
        fields = tuple(self._field(leaf, document) for leaf in schema.leaves)
        lists: tuple[ExtractedList, ...] = ()
        if self.lost_rows:
            lost = CountDifference(page=1, reason="a row has no amount")
            lists = (
                ExtractedList(
                    pointer="/lines", rows=1, counted=2, complete=False, differences=(lost,)
                ),
            )
        unsure = "unsure" in text
        return Extraction(
            status="partial" if lists else "needs_review" if unsure else "complete",
            values={each.pointer[1:]: each.value for each in fields},
            fields=fields,
            lists=lists,
            reasons=("/total is doubtful.",) if unsure else (),
        )

    def fit(
        self, asked: Sequence[tuple[ExtractionSchema, str]], document: SourceDocument
    ) -> list[float]:
        """Return twice the share of each schema's fields that the first page names, at most 1."""
        while any(named in document.pages[0].text for named in self.slow_to_fit):
            pass
        text = document.pages[0].text
        return [
            min(
                1.0,
                2 * sum(f"{leaf.path[0]}: " in text for leaf in schema.leaves) / len(schema.leaves),
            )
            for schema, _ in asked
        ]

    def _field(self, leaf: Leaf, document: SourceDocument) -> ExtractedField:
        text, name = document.pages[0].text, leaf.path[0]
        labels = "|".join(map(re.escape, (name, *leaf.names)))
        found = re.search(rf"^(?:{labels}): (.*)$", text, re.MULTILINE)
        if found is None:
            return ExtractedField(pointer=f"/{name}", confidence=0.97)
        page = document.pages[0].number
        span = Span(page, *found.span(1))
        raw = document.text(span)
        boxes = tuple(EvidenceBox(*box) for box in document.boxes(span))
        return ExtractedField(
            pointer=f"/{name}",
            value=json.loads(raw) if name == "total" else raw,
            raw=raw,
            confidence=0.4 if "unsure" in text and name == "total" else 0.9,
            evidence=(FieldEvidence(page=page, start=span.start, end=span.end, boxes=boxes),),
        )


@dataclass
class FakeWholeVectors:
    """The metadata of vectors by key."""

    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)

    def change(self, index: IndexRef, keys: Sequence[str], changed: MetadataChange) -> int:
        found = {key: changed(self.metadata[key]) for key in keys if key in self.metadata}
        count = sum(self.metadata[key] != each for key, each in found.items())
        self.metadata |= found
        return count

    def delete(self, index: IndexRef, keys: Sequence[str]) -> None:
        for key in keys:
            self.metadata.pop(key, None)
