"""The results of a job over documents: a line with the values of each, or with its error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.batches import storage
from chalicelib.batches.rounds import ItemStatus
from chalicelib.contracts.batches import ItemError
from chalicelib.contracts.extraction_orders import (
    DocumentItem,
    DocumentOutcome,
    DocumentValues,
    ExtractionCheckpoint,
    PartOutcome,
)
from chalicelib.contracts.extractions import ExtractionResult
from chalicelib.contracts.jobs import JobError
from chalicelib.errors import NotFound
from chalicelib.extraction.storage import RESULT, extraction_prefix
from chalicelib.jobs.lifecycle import JobState, ResultFile

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document

NOT_READ = "It was not read, in several rounds"
REDUCE = "Reduce"
"""The state of the machine that ends a job."""


class DocumentPaths(Protocol):
    """Looks up documents."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""


@dataclass(frozen=True, slots=True)
class WrittenExtractions:
    """The written files, how many documents have which status, and how many which error."""

    files: tuple[ResultFile, ...]
    statuses: Counter[str]
    errors: Counter[ItemError]

    @property
    def read(self) -> int:
        """Return how many documents, and documents within packets, were read."""
        return self.statuses.total() - self.statuses["failed"]

    def why_none(self, items: int) -> JobError:
        """Return the error of a job that read none of its documents: the commonest of theirs."""
        error = self.errors.most_common(1)[0][0]
        return JobError(
            type=error.type,
            message=f"None of {items} documents could be read: {error.message}",
            state=REDUCE,
        )


@dataclass(frozen=True, slots=True)
class ExtractionResultWriter:
    """Writes `results.jsonl` and `errors.jsonl`, a document in memory at a time."""

    objects: storage.ItemObjects
    documents: DocumentPaths
    state: JobState
    place: ExtractionCheckpoint

    def write(self, found: list[tuple[DocumentItem, ItemStatus]]) -> WrittenExtractions:
        """Write both files."""
        statuses: Counter[str] = Counter()
        reasons: Counter[ItemError] = Counter()
        bucket, prefix = self.state.input.bucket, self.state.prefix
        with (
            self.objects.writing(bucket, prefix + storage.RESULTS) as results,
            self.objects.writing(bucket, prefix + storage.ERRORS) as errors,
        ):
            for line in (line for each in found for line in self._lines(*each)):
                statuses[line.status or "failed"] += 1
                if line.error is not None:
                    reasons[line.error] += 1
                stream = errors if line.error is not None else results
                stream.write(line.model_dump_json().encode() + b"\n")
            sizes = (results.size, errors.size)
        names = (storage.RESULTS, storage.ERRORS)
        files = tuple(ResultFile(*each) for each in zip(names, sizes, strict=True))
        return WrittenExtractions(files, statuses, reasons)

    def _lines(self, item: DocumentItem, status: ItemStatus) -> Iterator[DocumentValues]:
        """Yield the line of a document, or one for each document within a packet."""
        if status == "missing":
            told = f"{NOT_READ}: {self.place.error}" if self.place.error else f"{NOT_READ}."
            yield self._failure(item, ItemError(type="Transient", message=told))
            return
        folder = storage.OUTCOMES if status == "done" else storage.failures_prefix(self.place.epoch)
        outcome = DocumentOutcome.model_validate_json(
            self._read(self.state.prefix + folder + storage.item_file(item.n))
        )
        if outcome.parts:
            yield from (self._part(item, part) for part in outcome.parts)
        else:
            yield self._line(item, outcome)

    def _part(self, item: DocumentItem, part: PartOutcome) -> DocumentValues:
        line = self._line(item, part)
        pages = {"first_page": part.first_page, "last_page": part.last_page}
        return line.model_copy(update={**pages, "split_confidence": part.confidence})

    def _line(self, item: DocumentItem, outcome: DocumentOutcome | PartOutcome) -> DocumentValues:
        """Return the values, the error, or both where a language model alone failed."""
        if not outcome.extraction_id and outcome.error is not None:
            return self._failure(item, outcome.error)
        line = self._values(item.document_id, outcome.version, outcome.extraction_id)
        failed = outcome.error if line.error is None else line.error
        return line.model_copy(update={"error": failed})

    def _failure(self, item: DocumentItem, error: ItemError) -> DocumentValues:
        document = self.documents.document(self.state.input.tenant, item.document_id)
        path = document.path if document is not None else ""
        return DocumentValues(document_id=item.document_id, path=path, error=error)

    def _values(self, document_id: str, version: str, extraction_id: str) -> DocumentValues:
        """Return the values of a document, which may have been removed since."""
        tenant = self.state.input.tenant
        prefix = extraction_prefix(tenant, version, extraction_id)
        try:
            result = ExtractionResult.model_validate_json(self._read(prefix + RESULT))
        except NotFound:
            gone = ItemError(type="NotFound", message="The document was removed meanwhile.")
            return DocumentValues(document_id=document_id, error=gone)
        return DocumentValues(
            document_id=document_id,
            path=result.facts.path,
            extractor=result.facts.extractor,
            extraction_id=extraction_id,
            status=result.facts.status,
            lowest_confidence=result.facts.lowest_confidence,
            reasons=result.facts.reasons,
            values=result.values,
        )

    def _read(self, key: str) -> bytes:
        return self.objects.read(self.state.input.bucket, key)
