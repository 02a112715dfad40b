"""Extract from some documents of a job, and write what became of each as soon as it is known.

Documents with an outcome are skipped, so that after a crash only the one in hands is read again.
Those for which there is no time stay without an outcome: another round reads them. One that is too
long even for a child of its own fails, with that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.batches import storage
from chalicelib.batches.outcomes import item_error
from chalicelib.contracts.extraction_orders import (
    DocumentItem,
    DocumentOutcome,
    ExtractionInput,
    ExtractionTerms,
    PartOutcome,
)
from chalicelib.contracts.functions.extract_fields import (
    MAX_DOCUMENT_SECONDS,
    ExtractDocumentRequest,
    ExtractDocumentResult,
    ExtractDocumentsRequest,
    ExtractDocumentsResult,
)
from chalicelib.errors import HeadraceError, QuotaExceeded, Throttled, Transient
from chalicelib.extraction.storage import TERMS, extraction_id
from chalicelib.jobs.lifecycle import JobState


@dataclass(frozen=True, slots=True)
class ChildSeconds:
    """The seconds of a child: Lambda kills it after 280.

    Further documents are begun for as long as `beginning`, each may be read for `document`, and the
    last has to be read when `all` are over.
    """

    beginning: float = 150.0
    document: float = MAX_DOCUMENT_SECONDS
    all: float = 265.0


class PacketReader(Protocol):
    """Reads packets, as `PacketExtractor` does."""

    def extract(
        self,
        request: ExtractDocumentRequest,
        others: Sequence[ExtractionTerms],
        *,
        split: bool,
    ) -> tuple[PartOutcome, ...] | None:
        """Return what became of each document within a file, None if there was too little time."""


class ExtractionJobs(Protocol):
    """The records of jobs."""

    def state(self, tenant: str, job_id: str) -> JobState | None:
        """Return a job, or None."""


@dataclass(frozen=True, slots=True)
class JobDocuments:
    """Reads the documents of children, one after the other.

    `read` extracts from one document, `packets` from those that have to be split, or whose terms
    are to be chosen; `clock` counts seconds from any start.
    """

    jobs: ExtractionJobs
    objects: storage.ItemObjects
    read: Callable[[ExtractDocumentRequest], ExtractDocumentResult]
    packets: PacketReader
    clock: Callable[[], float]
    memory_gb: float
    seconds: ChildSeconds = ChildSeconds()

    def extract(self, request: ExtractDocumentsRequest) -> ExtractDocumentsResult:
        """Read the documents that have no outcome, as many as there is time for.

        Raises:
            Transient, Throttled: a service did not answer; the same request may be repeated.
        """
        began = self.clock()
        done = failed = 0
        terms: ExtractionInput | None = None
        for item in request.items:
            state = self._running(request)
            if state is None or self.clock() - began > self.seconds.beginning:
                break
            if self._is_done(request, state, item):
                done += 1
                continue
            terms = terms or self._terms(request, state)
            left = min(self.seconds.document, self.seconds.all - (self.clock() - began))
            outcome = self._outcome(request, terms, item, left)
            if outcome is None:
                break
            folder = storage.OUTCOMES
            if outcome.error is not None:
                folder = storage.failures_prefix(request.given.epoch)
                failed += 1
            else:
                done += 1
            key = state.prefix + folder + storage.item_file(item.n)
            self.objects.write(request.given.bucket, key, outcome.model_dump_json().encode(), {})
        seconds = self.clock() - began
        return ExtractDocumentsResult(
            done=done,
            failed=failed,
            left=len(request.items) - done - failed,
            seconds=round(seconds, 6),
            gb_seconds=seconds * self.memory_gb,
        )

    def _outcome(
        self,
        request: ExtractDocumentsRequest,
        given: ExtractionInput,
        item: DocumentItem,
        seconds: float,
    ) -> DocumentOutcome | None:
        """Return what becomes of a document, None of one for which `seconds` were too few.

        What passes is raised, so that it is tried again.
        """
        job = request.given
        extraction = extraction_id(item.document_id, job.job_id)
        asked = ExtractDocumentRequest(
            tenant=job.tenant,
            bucket=job.bucket,
            extraction_id=extraction,
            document_id=item.document_id,
            terms=given.terms,
            version=given.version,
            job_id=job.job_id,
            key=given.key,
            correlation_id=job.correlation_id,
            seconds=seconds,
        )
        try:
            if given.split or given.others:
                parts = self.packets.extract(asked, given.others, split=given.split)
                return _packet_outcome(item, parts) if parts is not None else None
            read = self.read(asked)
        except (Transient, Throttled):
            raise
        except HeadraceError as error:
            if isinstance(error, QuotaExceeded) and seconds < self.seconds.document:
                return None
            return DocumentOutcome(n=item.n, document_id=item.document_id, error=item_error(error))
        return DocumentOutcome(
            n=item.n,
            document_id=item.document_id,
            extraction_id=extraction,
            version=read.version,
            status=read.status,
            error=read.error,
        )

    def _is_done(
        self, request: ExtractDocumentsRequest, state: JobState, item: DocumentItem
    ) -> bool:
        folder = state.prefix + storage.OUTCOMES
        before = folder + storage.item_file(item.n - 1) if item.n else ""
        keys = self.objects.keys(request.given.bucket, folder, before, 1)
        return next(iter(keys), "") == folder + storage.item_file(item.n)

    def _terms(self, request: ExtractDocumentsRequest, state: JobState) -> ExtractionInput:
        body = self.objects.read(request.given.bucket, state.prefix + TERMS)
        return ExtractionInput.model_validate_json(body)

    def _running(self, request: ExtractDocumentsRequest) -> JobState | None:
        """Return the job, or None if nothing is to be done for it any more."""
        given = request.given
        state = self.jobs.state(given.tenant, given.job_id)
        if state is None or state.job.status != "running" or state.job.attempt != given.attempt:
            return None
        return state


def _packet_outcome(item: DocumentItem, parts: tuple[PartOutcome, ...]) -> DocumentOutcome:
    """Return the outcome of a packet, which failed where one of its documents did."""
    failed = [part.error for part in parts if part.error is not None]
    error = None
    if failed:
        message = f"{len(failed)} of {len(parts)} documents could not be read: {failed[0].message}"
        error = failed[0].model_copy(update={"message": message})
    return DocumentOutcome(n=item.n, document_id=item.document_id, error=error, parts=parts)
