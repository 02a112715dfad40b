"""Learns from reviewed documents what they call fields, and reads them anew to judge that.

labels beside reviewed values -> labels of each field -> read documents with those of others
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.calibrations import LabelAttempt
from chalicelib.contracts.functions.extract_fields import (
    ExtractDocumentRequest,
    LearnLabelsRequest,
    LearnLabelsResult,
    ReadAnew,
)
from chalicelib.errors import Conflict, NotFound, QuotaExceeded
from chalicelib.extraction.document import Span
from chalicelib.extraction.label_judgement import (
    MIN_JUDGES,
    FieldCounts,
    field_counts,
    held_out_labels,
    label_refusal,
    other_labels,
)
from chalicelib.extraction.label_sightings import (
    DocumentSightings,
    ReviewedValue,
    is_same_value,
    label_sightings,
)
from chalicelib.extraction.learned_labels import (
    MIN_DOCUMENTS,
    learn_labels,
    new_labels,
    with_labels,
)
from chalicelib.extraction.packets.splitter import part_of
from chalicelib.extraction.recalibration import field_group
from chalicelib.extraction.schema import ExtractionSchema, extraction_schema
from chalicelib.labelling.extraction_library import ExtractionLibrary
from chalicelib.labelling.learned_fields import learned_fields

if TYPE_CHECKING:
    from pydantic import JsonValue

    from chalicelib.contracts.calibrations import LearnedLabel
    from chalicelib.contracts.extractions import ExtractedField
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.document_values import DocumentReading
    from chalicelib.extraction.label_similarity import LabelComparison
    from chalicelib.labelling.extraction_library import (
        ExtractionObjects,
        ExtractionRecords,
        StoredExtraction,
    )
    from functions.extract_fields.version_source import ReadVersion

MAX_PAGES = 10
"""Pages of a document that teaches: as many as are extracted from while a request waits."""
TEACHING = 0.4
"""Share of the seconds in which labels are looked for; in the rest documents are read anew."""


class ComparingExtractor(Protocol):
    """Extracts by a schema, as `FieldExtractor` does."""

    def comparison(self) -> LabelComparison:
        """Return what compares names with labels, each text once."""

    def read(
        self,
        schema: ExtractionSchema,
        document: SourceDocument,
        comparison: LabelComparison | None = None,
    ) -> DocumentReading:
        """Return what the document says of the schema's leaves."""


class VersionReader(Protocol):
    """Reads versions of documents, as `VersionExtractor` does."""

    def read(self, request: ExtractDocumentRequest) -> ReadVersion:
        """Return the pages and words of the version that answers now."""


@dataclass(frozen=True, slots=True)
class ReviewedDocument:
    """A reviewed document with its right values by pointer, and the labels beside them.

    Values that do not stand where the review says neither teach nor judge.
    """

    stored: StoredExtraction
    source: SourceDocument
    values: Mapping[str, JsonValue]
    sightings: DocumentSightings


@dataclass(frozen=True, slots=True)
class LabelLearner:
    """Learns labels.

    `extractor` returns the models' opened extractor; `clock` counts seconds from any start, and
    `limit` ends what takes longer than some seconds by `QuotaExceeded`.
    """

    versions: VersionReader
    records: ExtractionRecords
    objects: ExtractionObjects
    extractor: Callable[[], ComparingExtractor]
    clock: Callable[[], float]
    limit: Callable[[float], AbstractContextManager[None]]

    def learn(self, request: LearnLabelsRequest) -> LearnLabelsResult:
        """Return the labels that make documents which did not teach them read better.

        Raises:
            InvalidInput: the schema is none that can be extracted by.
            Transient, Throttled: a service did not answer; the request may be repeated.
        """
        began = self.clock()
        schema = extraction_schema(request.terms.json_schema)
        until = began + TEACHING * request.seconds
        reviewed = {each.sightings.document_id: each for each in self._read(request, schema, until)}
        sightings = [each.sightings for each in reviewed.values()]
        showing = sum(bool(each.labels) for each in sightings)
        labels = tuple(new_labels(schema, learn_labels(sightings)))
        refusal = ""
        if showing < MIN_JUDGES:
            refusal = (
                f"{showing} reviewed documents show where their values stand; it takes"
                f" {MIN_JUDGES}."
            )
        elif not labels:
            refusal = (
                "No label that the schema lacks stands beside the values of one field, near them"
                f" or in {MIN_DOCUMENTS} documents."
            )
        if refusal:
            attempt = LabelAttempt(taken=False, reason=refusal, documents=len(reviewed))
            return LearnLabelsResult(attempt=attempt)
        return self._judged(schema, reviewed, labels, began + request.seconds)

    def _judged(
        self,
        schema: ExtractionSchema,
        reviewed: Mapping[str, ReviewedDocument],
        labels: tuple[LearnedLabel, ...],
        until: float,
    ) -> LearnLabelsResult:
        counts: list[tuple[FieldCounts, FieldCounts]] = []
        rows: tuple[list[ReadAnew], list[ReadAnew]] = ([], [])
        taught = other_labels([each.sightings for each in reviewed.values()])
        extractor = self.extractor()
        comparison = extractor.comparison()
        for document_id, others in taught.items():
            one = reviewed[document_id]
            schemas = (schema, with_labels(schema, others))
            try:
                with self._within(until):
                    before, after = (
                        extractor.read(each, one.source, comparison).extraction().fields
                        for each in schemas
                    )
            except QuotaExceeded:
                break
            counts.append(
                (
                    field_counts(one.values, before, schema),
                    field_counts(one.values, after, schema),
                )
            )
            for found, fields in zip(rows, (before, after), strict=True):
                found += _rows(one, fields)
        held_out = held_out_labels(counts)
        refusal = label_refusal(held_out)
        attempt = LabelAttempt(
            taken=not refusal,
            reason=refusal,
            documents=len(reviewed),
            labels=labels,
            held_out=held_out,
        )
        return LearnLabelsResult(attempt=attempt, fields=tuple(rows[not refusal]))

    def _read(
        self, request: LearnLabelsRequest, schema: ExtractionSchema, until: float
    ) -> Iterator[ReviewedDocument]:
        """Yield reviewed documents with the labels beside their values, as far as there is time.

        One that is gone, or was replaced, is left out. Of two reviews of a document the newest
        teaches.
        """
        library = ExtractionLibrary(self.records, self.objects, request.bucket)
        seen: set[str] = set()
        for extraction_id in request.extraction_ids:
            stored = self.records.extraction(request.tenant, extraction_id)
            if stored is None or stored.facts.pages > MAX_PAGES or (key := _key(stored)) in seen:
                continue
            seen.add(key)
            try:
                with self._within(until):
                    source = self._source(request, stored)
                    values = list(_values(library, request.tenant, stored))
                    sightings = label_sightings(key, source, schema, values)
            except (NotFound, Conflict):
                continue
            except QuotaExceeded:
                return
            right = {
                each.pointer: each.value
                for each in values
                if each.pointer not in sightings.doubtful
            }
            yield ReviewedDocument(stored, source, right, sightings)

    def _source(self, request: LearnLabelsRequest, stored: StoredExtraction) -> SourceDocument:
        """Return the pages that an extraction was made of; raise `NotFound` and `Conflict`."""
        facts = stored.facts
        wanted = ExtractDocumentRequest(
            tenant=request.tenant,
            bucket=request.bucket,
            extraction_id=facts.extraction_id,
            document_id=facts.document_id,
            terms=request.terms,
            version=facts.version,
            correlation_id=request.correlation_id,
        )
        source = self.versions.read(wanted).source
        if facts.pages == len(source.pages):
            return source
        return part_of(source, facts.first_page, facts.first_page + facts.pages - 1)

    def _within(self, until: float) -> AbstractContextManager[None]:
        """Return what ends the work at a time; raise `QuotaExceeded` if that is past."""
        left = until - self.clock()
        if left <= 0:
            raise QuotaExceeded("The time of the request is over.", field="seconds", limit="0")
        return self.limit(left)


def _key(stored: StoredExtraction) -> str:
    """Return what tells reviewed documents apart, also those within one file."""
    return f"{stored.facts.document_id}/{stored.facts.first_page}"


def _values(
    library: ExtractionLibrary, tenant: str, stored: StoredExtraction
) -> Iterator[ReviewedValue]:
    for _, right in learned_fields(library, tenant, stored):
        spans = tuple(Span(each.page, each.start, each.end) for each in right.evidence)
        yield ReviewedValue(right.pointer, right.value, spans)


def _rows(one: ReviewedDocument, fields: Sequence[ExtractedField]) -> Iterator[ReadAnew]:
    facts = one.stored.facts
    for field in fields:
        if field.pointer in one.values:
            yield ReadAnew(
                extraction_id=facts.extraction_id,
                document_id=facts.document_id,
                group=field_group(field),
                confidence=field.confidence,
                correct=is_same_value(field.value, one.values[field.pointer]),
            )
