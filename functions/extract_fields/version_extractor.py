"""Reads one version of a document as ingest left it, extracts by a schema, and stores it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from chalicelib.contracts.extractions import (
    MAX_REASONS,
    ExtractionFacts,
    ExtractionNeedsReview,
    ExtractionReady,
    ExtractionResult,
)
from chalicelib.contracts.functions.extract_fields import (
    ExtractDocumentRequest,
    ExtractDocumentResult,
    IndexFieldsRequest,
)
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.jsonl import dump_lines, read_lines
from chalicelib.contracts.page_words import PageWords
from chalicelib.contracts.receipts import Receipt, ReceiptLine, dollars
from chalicelib.errors import Conflict, NotFound
from chalicelib.extraction.document import source_document
from chalicelib.extraction.exports import fields_csv, rows_csv
from chalicelib.extraction.packets.splitter import part_of
from chalicelib.extraction.recalibration import recalibrated
from chalicelib.extraction.schema import ExtractionSchema, extraction_schema
from chalicelib.extraction.storage import (
    FIELDS,
    FIELDS_TABLE,
    RESULT,
    REVIEWED,
    ROWS_TABLE,
    SCHEMA,
    extraction_prefix,
)
from chalicelib.generation.catalogue import LAMBDA
from chalicelib.retrieval.ids import pages_key, words_key

if TYPE_CHECKING:
    from chalicelib.contracts.calibrations import ExtractorCalibration
    from chalicelib.contracts.documents import Document
    from chalicelib.contracts.events import BusEvent, EventBus
    from chalicelib.contracts.extractions import Extraction
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.jobs.receipts import UnitCost
    from chalicelib.labelling.extraction_library import ExtractionRecords, StoredExtraction


class DocumentExtractor(Protocol):
    """Extracts by a schema, as `FieldExtractor` does."""

    def extract(self, schema: ExtractionSchema, document: SourceDocument) -> Extraction:
        """Return what the document says of the schema's leaves."""


class DocumentRecords(Protocol):
    """Looks up documents."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""


class UsedCalibrations(Protocol):
    """Looks up calibrations."""

    def newest(self, tenant: str, extractor: str) -> ExtractorCalibration | None:
        """Return the calibration that is used, or None."""


class VersionObjects(Protocol):
    """The objects of versions of documents."""

    def stream(self, bucket: str, key: str) -> Iterable[bytes]:
        """Yield the bytes of an object in pieces; raise `NotFound`."""

    def write(self, bucket: str, key: str, body: bytes, metadata: dict[str, str]) -> None:
        """Write an object."""

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """Remove every version of every object under `prefix`; return how many."""


class ReadVersion(NamedTuple):
    """A document, and the pages and words of its version that answers."""

    document: Document
    source: SourceDocument


@dataclass(frozen=True, slots=True)
class VersionExtractor:
    """Extracts from single documents.

    `extractor` returns the models' opened extractor; `clock` counts seconds from any start, and
    `limit` ends what takes longer than some seconds by `QuotaExceeded`. `index` has the values of a
    stored extraction filter searches.
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

    def extract(
        self, request: ExtractDocumentRequest, version: ReadVersion | None = None
    ) -> ExtractDocumentResult:
        """Extract from the version that answers now; repeated, the stored extraction is returned.

        One that was read before may be given as `version`.

        Raises:
            InvalidInput: the schema is none that can be extracted by.
            NotFound: there is no such document, or it was removed meanwhile.
            Conflict: no version of the document is ready, or another than is wanted.
            QuotaExceeded: reading took longer than it may.
            Transient, Throttled: a service did not answer; the request may be repeated.
        """
        stored = self.records.extraction(request.tenant, request.extraction_id)
        if stored is None:
            stored = self._extract(request, version)
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
        )

    def is_stored(self, tenant: str, extraction_id: str) -> bool:
        """Return whether there is such an extraction."""
        return self.records.extraction(tenant, extraction_id) is not None

    def read(self, request: ExtractDocumentRequest) -> ReadVersion:
        """Return the pages and words of the version that answers now.

        Raises:
            NotFound: there is no such document.
            Conflict: no version of the document is ready.
            Transient, Throttled: a service did not answer; the request may be repeated.
        """
        document = self._document(request)
        return ReadVersion(document, self._source(request, document))

    def _extract(
        self, request: ExtractDocumentRequest, version: ReadVersion | None
    ) -> StoredExtraction:
        began = self.clock()
        document, source = version or self.read(request)
        if request.pages is not None:
            source = part_of(source, request.pages.first, request.pages.last)
        schema = extraction_schema(request.terms.json_schema)
        extractor = self.extractor()
        with self.limit(request.seconds):
            read = extractor.extract(schema, source)
        calibration = self._calibration(request)
        if calibration is not None:
            read = recalibrated(read, calibration.maps)
        now = self.now()
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
            created_at=now,
            updated_at=now,
            receipt=self._receipt(self.clock() - began),
        )
        prefix = extraction_prefix(request.tenant, document.version, request.extraction_id)
        self._write(request, prefix, facts, read)
        try:
            return self.records.add(request.tenant, facts)
        except NotFound:
            self.objects.delete_prefix(request.bucket, prefix)
            raise

    def _calibration(self, request: ExtractDocumentRequest) -> ExtractorCalibration | None:
        """Return what reviews taught of the saved extractor, if there is one and they did."""
        name = request.terms.extractor.partition("@")[0]
        return self.calibrations.newest(request.tenant, name) if name else None

    def _document(self, request: ExtractDocumentRequest) -> Document:
        document = self.documents.document(request.tenant, request.document_id)
        if document is None:
            raise NotFound(
                f"There is no document {request.document_id}: it was removed, or its upload has"
                " not arrived; GET /v1/documents lists those that there are.",
                field="document_id",
            )
        if not document.version:
            raise Conflict(
                f"The document is {document.status}; extract once it is ready.",
                field="document_id",
            )
        if request.version not in {"", document.version}:
            raise Conflict(
                "A newer version of the document is ready, and is extracted from instead.",
                field="document_id",
            )
        return document

    def _source(self, request: ExtractDocumentRequest, document: Document) -> SourceDocument:
        place = (request.tenant, document.document_id, document.version)
        pages = read_lines(
            self.objects.stream(request.bucket, pages_key(*place)), Page, document.pages
        )
        return source_document(
            pages,
            self._words(request, document),
            document_id=document.document_id,
            version=document.version,
            media_type=document.media_type,
            language=document.language,
        )

    def _words(self, request: ExtractDocumentRequest, document: Document) -> list[PageWords] | None:
        """Return the words with their boxes; None of a format that has none."""
        key = words_key(request.tenant, document.document_id, document.version)
        try:
            pieces = self.objects.stream(request.bucket, key)
            return list(read_lines(pieces, PageWords, document.pages))
        except NotFound:
            return None

    def _write(
        self,
        request: ExtractDocumentRequest,
        prefix: str,
        facts: ExtractionFacts,
        read: Extraction,
    ) -> None:
        result = ExtractionResult(
            facts=facts, values=read.values, lists=read.lists, rules=read.rules
        )
        bodies = {
            SCHEMA: json.dumps(request.terms.json_schema, ensure_ascii=False).encode(),
            FIELDS: dump_lines(read.fields),
            FIELDS_TABLE: fields_csv(read.fields),
            ROWS_TABLE: rows_csv(read.values),
            RESULT: result.model_dump_json().encode(),
        }
        for name, body in bodies.items():
            self.objects.write(request.bucket, prefix + name, body, {})

    def _receipt(self, seconds: float) -> Receipt:
        billed = self.cost("lambda.gb_second.arm64", seconds * self.memory_gb)
        billed += self.cost("lambda.request", 1)
        line = ReceiptLine(
            model=LAMBDA,
            priced_as=LAMBDA,
            role="extraction",
            seconds=round(seconds, 6),
            dollars=dollars(billed),
        )
        return Receipt.of((line,))


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
