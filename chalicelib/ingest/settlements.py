"""Settlements: the end of an execution frees its place and clears what nobody needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from chalicelib.errors import Conflict, NotFound
from chalicelib.ingest.departures import Container, Departures, Remover
from chalicelib.ingest.news import news
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
    from chalicelib.contracts.ingest import IngestInput
    from chalicelib.contracts.receipts import Receipt
    from chalicelib.jobs.ingest_settlement import IngestRecords
    from chalicelib.ports import EventBus, Executions, ObjectStore, TenantStates, VectorIndex

GRACE = timedelta(seconds=60)
"""How long an execution is left to its own status event before the sweeper looks at it."""

LINES = "lines"
"""The metadata of `chunks.jsonl` that counts its lines, for versions whose record does not."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Settled:
    """What an execution that was settled came to; no status where its version is gone."""

    status: VersionStatus | None = None
    receipt: Receipt | None = None


Swept = Settled | Literal["started", "left"]
"""What a sweep did about one place: nothing, where it is left."""


@dataclass(frozen=True, slots=True)
class Settlements:
    """Settles executions, each exactly once."""

    records: IngestRecords
    tenants: TenantStates
    executions: Executions
    objects: ObjectStore
    vectors: VectorIndex
    departures: Departures
    remover: Callable[[str], Remover]
    """Returns what removes documents of a bucket."""
    bus: EventBus
    now: Callable[[], datetime]

    def settle_event(self, event: ExecutionEnded) -> Settled | None:
        """Settle the execution that `event` tells of; None when it was settled before."""
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
    ) -> Settled | None:
        """Clear, announce, then free the place; None when it was freed before.

        The place goes last: whatever interrupts this, the sweeper finds the place and repeats it.

        Raises:
            Conflict: the version kept changing, which nothing should do after its execution.
        """
        work = running.work
        for _ in range(_ATTEMPTS):
            version = self.records.version(work.tenant, work.document_id, work.version)
            document = self.records.document(work.tenant, work.document_id)
            if version and document and self._is_left_behind(work, version, document):
                self.remover(work.bucket).remove(work.tenant, document)
                version = document = None
            self._clear(work, version, document)
            decision = decide_settlement(version, document, status, error, cause)
            event = news(work, version, decision, status, error, self.now())
            if event is not None:
                self.bus.publish(event)
            try:
                freed = self.records.settle(running, decision, self.now())
            except Conflict:
                continue
            return _settled(version, decision) if freed else None
        raise Conflict(f"{work.version} keeps changing while it is settled.")

    def sweep(self, running: IngestSlot) -> Swept:
        """Look after one place: start what never started, settle what ended unnoticed."""
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
        """Tell whether all there is of `document` is an upload that could not be read any more.

        It was removed with its document while its event was taken.
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


def _settled(version: Version | None, decision: IngestSettlement) -> Settled:
    if version is None:
        return Settled()
    return Settled(decision.status or version.status, version.receipt)


def _container(work: IngestInput) -> Container:
    return Container(work.bucket, work.tenant, work.collection, work.document_id)
