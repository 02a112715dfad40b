"""Settlement of ingests: frees the slot of an ended execution, and announces its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from chalicelib.contracts.events import (
    DocumentEvent,
    DocumentFailed,
    DocumentReady,
    DocumentRejected,
)
from chalicelib.errors import Conflict, NotFound
from chalicelib.ingest.departures import DepartureAnnouncer, DocumentRemover, MemberContainer
from chalicelib.jobs.ingest_settlement import (
    IngestSettlement,
    IngestSlot,
    clearable_versions,
    decide_settlement,
)
from chalicelib.retrieval.ids import chunks_key, vector_key, version_prefix

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ExecutionEnded, ExecutionStatus
    from chalicelib.contracts.documents import Document, Version, VersionStatus
    from chalicelib.contracts.events import EventBus
    from chalicelib.contracts.indexes import TenantStates, VectorIndex
    from chalicelib.contracts.ingest import IngestInput
    from chalicelib.contracts.objects import ObjectStore
    from chalicelib.contracts.receipts import Receipt
    from chalicelib.ingest.arrivals import Executions
    from chalicelib.jobs.ingest_settlement import IngestRecords


REJECTED = "Rejected"
"""The error of a rejection that only the settlement could announce: its kind is not recorded."""


def pending_event(
    work: IngestInput,
    version: Version | None,
    decision: IngestSettlement,
    status: ExecutionStatus,
    error: str | None,
    now: datetime,
) -> DocumentEvent | None:
    """Return the event that is still to be published, None if all were.

    An execution that recorded a success or a rejection but did not succeed could not announce
    it, or was stopped right after: the event may come twice, as any event may.
    """
    identity = _event_identity(work, now)
    if decision.is_failure:
        return DocumentFailed(**identity, error=error or status, reason=decision.reason)
    if version is None or status == "SUCCEEDED":
        return None
    if version.status == "rejected":
        return DocumentRejected(**identity, error=REJECTED, reason=version.reason)
    if version.status == "ready" and version.receipt is not None:
        return DocumentReady(**identity, **_version_facts(version))
    return None


def _event_identity(work: IngestInput, now: datetime) -> dict[str, Any]:
    names = ("tenant", "document_id", "version", "collection", "path", "correlation_id")
    return {**{name: getattr(work, name) for name in names}, "time": now}


def _version_facts(version: Version) -> dict[str, Any]:
    names = ("media_type", "sha256", "bytes", "pages", "pages_needing_ocr", "chunks", "receipt")
    return {name: getattr(version, name) for name in names}


GRACE = timedelta(seconds=60)
"""The time that an execution has to report its own end before the sweeper looks at it."""

PARTS = "parts/"
"""Folder of samples and texts that are written only to be joined, such as the sound of a recording:
nothing joins them once the version is rejected."""
LINES = "lines"
"""The metadata of `chunks.jsonl` that counts its lines, for versions whose record does not."""

_MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class SettledIngest:
    """The end of a settled ingest; no status if its version is gone."""

    status: VersionStatus | None = None
    receipt: Receipt | None = None


SweepResult = SettledIngest | Literal["started", "left"]
"""The result of a sweep of one slot; "left" if nothing was due."""


@dataclass(frozen=True, slots=True)
class IngestSettler:
    """Settles executions, each exactly once."""

    records: IngestRecords
    tenants: TenantStates
    executions: Executions
    objects: ObjectStore
    vectors: VectorIndex
    departures: DepartureAnnouncer
    remover: Callable[[str], DocumentRemover]
    """Returns the remover of documents in a bucket."""
    bus: EventBus
    ready: Callable[[IngestInput, Version], None]
    """Begins what follows on a version that answers now; it may be called twice."""
    now: Callable[[], datetime]

    def settle_event(self, event: ExecutionEnded) -> SettledIngest | None:
        """Settle the execution that `event` is about; None if it was settled before."""
        detail = event.detail
        running = self.records.place(detail.execution_arn)
        if running is None:
            return None
        return self.settle(running, detail.status, detail.error, detail.cause)

    def settle(
        self,
        running: IngestSlot,
        status: ExecutionStatus,
        error: str | None = None,
        cause: str | None = None,
    ) -> SettledIngest | None:
        """Clear, announce, begin what follows, then free the slot; None if it was freed before.

        The slot goes last: whatever interrupts this, the sweeper finds the slot and repeats it.

        Raises:
            Conflict: the version kept changing, which nothing should do after its execution.
        """
        work = running.work
        for _ in range(_MAX_ATTEMPTS):
            version = self.records.version(work.tenant, work.document_id, work.version)
            document = self.records.document(work.tenant, work.document_id)
            if version and document and self._is_left_behind(work, version, document):
                self.remover(work.bucket).remove(work.tenant, document)
                version = document = None
            self._clear(work, version, document)
            decision = decide_settlement(version, document, status, error, cause)
            event = pending_event(work, version, decision, status, error, self.now())
            if event is not None:
                self.bus.publish(event)
            if version and document and _answers(version, document):
                self.ready(work, version)
            try:
                freed = self.records.settle(running, decision, self.now())
            except Conflict:
                continue
            return _settled_ingest(version, decision) if freed else None
        raise Conflict(f"{work.version} keeps changing while it is settled.")

    def sweep(self, running: IngestSlot) -> SweepResult:
        """Start an execution that never started, or settle one whose end was missed."""
        if self.now() - running.started_at < GRACE:
            return "left"
        try:
            status = self.executions.ended(running.execution_arn)
        except NotFound:
            self.executions.start(running.execution_arn.rsplit(":", 1)[-1], running.work)
            return "started"
        if status is None:
            return "left"
        return self.settle(running, status) or "left"

    def _is_left_behind(self, work: IngestInput, version: Version, document: Document) -> bool:
        """Tell whether `document` consists only of an upload that can no longer be read.

        It was removed with its document while its event was processed.
        """
        if version.status != "rejected" or document.version:
            return False
        if document.latest_version != version.version:
            return False
        try:
            self.objects.metadata(work.bucket, work.key, work.object_version_id)
        except NotFound:
            return True
        return False

    def _clear(self, work: IngestInput, version: Version | None, document: Document | None) -> None:
        """Remove the vectors of versions that no longer answer, or all traces of a deleted one."""
        if version is None or document is None:
            self._remove_vectors(work, work.version, self._lines(work, work.version))
            self.departures.announce(_container(work), [work.version], kept=())
            prefix = version_prefix(work.tenant, work.document_id, work.version)
            self.objects.delete_prefix(work.bucket, prefix)
            return
        if version.status == "rejected":
            place = (work.tenant, work.document_id, work.version)
            self.objects.delete_prefix(work.bucket, version_prefix(*place) + PARTS)
        kept = {document.version, document.latest_version} - {""}
        versions = self.records.versions(work.tenant, work.document_id)
        for old in clearable_versions(document, versions, ended=work.version):
            count = old.chunks if old.status == "ready" else self._lines(work, old.version)
            self._remove_vectors(work, old.version, count)
            if old.version not in kept:
                self.departures.announce(_container(work), [old.version], kept)
            self.records.mark_cleared(work.tenant, old, self.now())

    def _remove_vectors(self, work: IngestInput, version: str, count: int) -> None:
        state = self.tenants.tenant_state(work.tenant)
        if state is None or count == 0:
            return
        keys = [vector_key(work.document_id, version, n) for n in range(count)]
        for index in state.all_indexes:
            with suppress(NotFound):  # an index that is gone took its vectors along
                self.vectors.delete(index, keys)

    def _lines(self, work: IngestInput, version: str) -> int:
        """Return how many chunks of `version` may have vectors, by the file it wrote."""
        key = chunks_key(work.tenant, work.document_id, version)
        try:
            return int(self.objects.metadata(work.bucket, key)[LINES])
        except NotFound:
            return 0


def _settled_ingest(version: Version | None, decision: IngestSettlement) -> SettledIngest:
    if version is None:
        return SettledIngest()
    return SettledIngest(decision.status or version.status, version.receipt)


def _answers(version: Version, document: Document) -> bool:
    return version.status == "ready" and document.version == version.version


def _container(work: IngestInput) -> MemberContainer:
    return MemberContainer(work.bucket, work.tenant, work.collection, work.document_id)
