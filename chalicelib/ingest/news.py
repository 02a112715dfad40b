"""What the bus is told when an execution is settled: what its state machine could not say."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.events import (
    DocumentEvent,
    DocumentFailed,
    DocumentReady,
    DocumentRejected,
)

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ExecutionStatus
    from chalicelib.contracts.documents import Version
    from chalicelib.contracts.ingest import IngestInput
    from chalicelib.jobs.ingest_settlement import IngestSettlement

REJECTED = "Rejected"
"""The error of a rejection that only the settlement could announce: its kind is not recorded."""


def news(
    work: IngestInput,
    version: Version | None,
    decision: IngestSettlement,
    status: ExecutionStatus,
    error: str | None,
    now: datetime,
) -> DocumentEvent | None:
    """Return the event that the bus still has to get, None if it has heard all there is.

    An execution that recorded a good end or a rejection and did not succeed could not announce it,
    or was stopped right after: the event may so come twice, as any event may.
    """
    who = _who(work, now)
    if decision.is_failure:
        return DocumentFailed(**who, error=error or status, reason=decision.reason)
    if version is None or status == "SUCCEEDED":
        return None
    if version.status == "rejected":
        return DocumentRejected(**who, error=REJECTED, reason=version.reason)
    if version.status == "ready" and version.receipt is not None:
        return DocumentReady(**who, **_facts(version))
    return None


def _who(work: IngestInput, now: datetime) -> dict[str, Any]:
    names = ("tenant", "document_id", "version", "collection", "path", "correlation_id")
    return {**{name: getattr(work, name) for name in names}, "time": now}


def _facts(version: Version) -> dict[str, Any]:
    names = ("media_type", "sha256", "bytes", "pages", "pages_needing_ocr", "chunks", "receipt")
    return {name: getattr(version, name) for name in names}
