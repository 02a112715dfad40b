"""Reads one version of a document as ingest left it, extracts by a schema, and stores it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.extractions import (
    MAX_REASONS,
    ExtractionFacts,
    ExtractionNeedsReview,
    ExtractionReady,
)
from chalicelib.contracts.functions.extract_fields import (
    ExtractDocumentRequest,
    ExtractDocumentResult,
    IndexFieldsRequest,
)
from chalicelib.contracts.receipts import Receipt, ReceiptLine, dollars
from chalicelib.errors import NotFound
from chalicelib.extraction.learned_labels import with_labels
from chalicelib.extraction.packets.splitter import part_of
from chalicelib.extraction.recalibration import recalibrated
from chalicelib.extraction.schema import ExtractionSchema, extraction_schema
from chalicelib.extraction.storage import REVIEWED, extraction_prefix
from chalicelib.generation.catalogue import LAMBDA
from functions.extract_fields.extraction_files import ExtractionWrites, write_extraction
from functions.extract_fields.version_source import (
    DocumentRecords,
    ReadVersion,
    VersionPages,
    VersionSource,
)

if TYPE_CHECKING:
    from chalicelib.contracts.batches import ItemError
    from chalicelib.contracts.calibrations import ExtractorCalibration
    from chalicelib.contracts.events import BusEvent, EventBus
    from chalicelib.contracts.extraction_models import ModelTerms
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.document_values import DocumentReading
    from chalicelib.extraction.span_selection.selector import ModelSelection
    from chalicelib.jobs.receipts import UnitCost
    from chalicelib.labelling.extraction_library import ExtractionRecords, StoredExtraction


class DocumentExtractor(Protocol):
    """Extracts by a schema, as `FieldExtractor` does."""

    def read(self, schema: ExtractionSchema, document: SourceDocument) -> DocumentReading:
        """Return what the document says of the schema's leaves."""


class OpenFieldSelector(Protocol):
    """Has language models choose spans for open fields, as `SpanSelector` does."""

    def select(
        self, reading: DocumentReading, terms: ModelTerms, spender: Spender, seconds: float
    ) -> ModelSelection:
        """Return what a model chooses; what fails is in it."""


class UsedCalibrations(Protocol):
    """Looks up calibrations."""

    def newest(self, tenant: str, extractor: str) -> ExtractorCalibration | None:
        """Return the calibration that is used, or None."""


class VersionObjects(VersionPages, ExtractionWrites, Protocol):
    """The objects of versions of documents, and of their extractions."""

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """Remove every version of every object under `prefix`; return how many."""


@dataclass(frozen=True, slots=True)
class VersionExtractor:
    """Extracts from single documents.

    `extractor` returns the models' opened extractor; `clock` counts seconds from any start, and
    `limit` ends what takes longer than some seconds by `QuotaExceeded`. `index` has the values of a
    stored extraction filter searches. `selector` returns what asks language models, where the terms
    name one.
    """

    documents: DocumentRecords
    records: ExtractionRecords
    calibrations: UsedCalibrations
    objects: VersionObjects
    bus: EventBus
    extractor: Callable[[], DocumentExtractor]
    cost: UnitCost
    memory_gb: float
    clock: Callable[[], float]
    now: Callable[[], datetime]
    limit: Callable[[float], AbstractContextManager[None]]
    index: Callable[[IndexFieldsRequest], object]
    selector: Callable[[], OpenFieldSelector]

    def extract(
        self, request: ExtractDocumentRequest, version: ReadVersion | None = None
    ) -> ExtractDocumentResult:
        """Extract from the version that answers now; repeated, the stored extraction is returned.

        One that was read before may be given as `version`. A language model that failed is asked
        again, unless a reviewer has begun.

        Raises:
            InvalidInput: the schema is none that can be extracted by.
            NotFound: there is no such document, or it was removed meanwhile.
            Conflict: no version of the document is ready, or another than is wanted.
            QuotaExceeded: reading took longer than it may.
            Transient, Throttled: a service did not answer; the request may be repeated.
        """
        stored = self.records.extraction(request.tenant, request.extraction_id)
        if stored is None or _passing_error(stored) is not None:
            stored = self._extract(request, version, stored)
        facts = stored.facts
        if facts.status in ("complete", "reviewed") and request.pages is None:
            # Passages of a packet are not told apart by its documents.
            self.index(
                IndexFieldsRequest(
                    tenant=request.tenant,
                    bucket=request.bucket,
                    extraction_id=facts.extraction_id,
                    folder=REVIEWED if facts.status == "reviewed" else "",
                    correlation_id=request.correlation_id,
                )
            )
        if facts.status != "rejected":
            self.bus.publish(_event(request, stored, self.now()))
        prefix = extraction_prefix(request.tenant, facts.version, facts.extraction_id)
        return ExtractDocumentResult(
            extraction_id=facts.extraction_id,
            version=facts.version,
            status=facts.status,
            prefix=prefix,
            error=facts.choices.error
            if facts.choices is not None and _passing_error(stored) is not None
            else None,
        )

    def is_stored(self, tenant: str, extraction_id: str) -> bool:
        """Return whether there is such an extraction, for which nobody is to be asked again."""
        stored = self.records.extraction(tenant, extraction_id)
        return stored is not None and _passing_error(stored) is None

    def read(self, request: ExtractDocumentRequest) -> ReadVersion:
        """Return the pages and words of the version that answers now.

        Raises:
            NotFound: there is no such document.
            Conflict: no version of the document is ready.
            Transient, Throttled: a service did not answer; the request may be repeated.
        """
        return VersionSource(self.documents, self.objects).read(request)

    def _extract(
        self,
        request: ExtractDocumentRequest,
        version: ReadVersion | None,
        before: StoredExtraction | None,
    ) -> StoredExtraction:
        """Extract and store it, in the place of the extraction `before` if there is one."""
        began = self.clock()
        document, source = version or self.read(request)
        if before is not None and before.facts.version != document.version:
            return before
        if request.pages is not None:
            source = part_of(source, request.pages.first, request.pages.last)
        calibration = self._calibration(request)
        schema = extraction_schema(request.terms.json_schema)
        if calibration is not None:
            schema = with_labels(schema, calibration.labels)
        extractor = self.extractor()
        with self.limit(request.seconds):
            reading = extractor.read(schema, source)
            read = reading.extraction()
        selected = None
        if request.terms.model is not None:
            left = request.seconds - (self.clock() - began)
            seconds = max(0.0, min(request.model_seconds, left))
            spender = Spender(
                request.tenant, request.key, document.collection, request.correlation_id
            )
            selected = self.selector().select(reading, request.terms.model, spender, seconds)
            read = reading.extraction(selected.selection)
        if calibration is not None:
            read = recalibrated(read, calibration.maps)
        now = self.now()
        paid = before.facts.receipt.lines if before is not None else ()
        asked = selected.lines if selected is not None else ()
        facts = ExtractionFacts(
            extraction_id=request.extraction_id,
            document_id=document.document_id,
            version=document.version,
            collection=document.collection,
            path=document.path,
            extractor=request.terms.extractor,
            schema_sha256=request.terms.schema_sha256,
            calibration=0 if calibration is None else calibration.version,
            job_id=request.job_id,
            status=read.status,
            reasons=read.reasons[:MAX_REASONS],
            first_page=request.pages.first if request.pages is not None else 1,
            pages=len(source.pages),
            fields=len(read.fields),
            found=sum(field.value is not None for field in read.fields),
            lowest_confidence=min((field.confidence for field in read.fields), default=1.0),
            created_at=now if before is None else before.facts.created_at,
            updated_at=now,
            choices=None if selected is None else selected.choices,
            receipt=Receipt.of((*paid, self._own_line(self.clock() - began), *asked)),
        )
        prefix = extraction_prefix(request.tenant, document.version, request.extraction_id)
        write_extraction(self.objects, request, prefix, facts, read)
        try:
            return self._keep(request.tenant, facts, before)
        except NotFound:
            self.objects.delete_prefix(request.bucket, prefix)
            raise

    def _keep(
        self, tenant: str, facts: ExtractionFacts, before: StoredExtraction | None
    ) -> StoredExtraction:
        """Store the facts of an extraction; raise `NotFound` if its document is gone."""
        if before is None:
            return self.records.add(tenant, facts)
        after = replace(before, facts=facts)
        if self.records.change(tenant, before, after):
            return after
        found = self.records.extraction(tenant, facts.extraction_id)
        if found is None:
            raise NotFound("The document was removed meanwhile.", field="document_id")
        return found

    def _calibration(self, request: ExtractDocumentRequest) -> ExtractorCalibration | None:
        """Return what reviews taught of the saved extractor, if there is one and they did."""
        name = request.terms.extractor.partition("@")[0]
        return self.calibrations.newest(request.tenant, name) if name else None

    def _own_line(self, seconds: float) -> ReceiptLine:
        """Return the line of this function, which waits for language models, too."""
        billed = self.cost("lambda.gb_second.arm64", seconds * self.memory_gb)
        billed += self.cost("lambda.request", 1)
        return ReceiptLine(
            model=LAMBDA,
            priced_as=LAMBDA,
            role="extraction",
            seconds=round(seconds, 6),
            dollars=dollars(billed),
        )


def _passing_error(stored: StoredExtraction) -> ItemError | None:
    """Return why a language model failed that may answer when asked again.

    None if none did, and once a reviewer has begun, whose work is not to be replaced.
    """
    choices = stored.facts.choices
    if choices is None or not choices.may_pass or stored.revision > 1:
        return None
    return choices.error


def _event(request: ExtractDocumentRequest, stored: StoredExtraction, now: datetime) -> BusEvent:
    facts = stored.facts
    fields = {
        "tenant": request.tenant,
        "extraction_id": facts.extraction_id,
        "document_id": facts.document_id,
        "version": facts.version,
        "collection": facts.collection,
        "extractor": facts.extractor,
        "job_id": facts.job_id,
        "lowest_confidence": facts.lowest_confidence,
        "correlation_id": request.correlation_id,
        "time": now,
        "status": facts.status,
    }
    if facts.status in ("complete", "reviewed"):
        return ExtractionReady.model_validate(fields)
    return ExtractionNeedsReview.model_validate(fields | {"reasons": facts.reasons})
