"""Settlement of ingests: what the end of an execution means for its version, and its slot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ExecutionStatus
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.documents import Document, Version, VersionStatus
    from chalicelib.contracts.ingest import IngestInput
    from chalicelib.jobs.ingest_claims import ClaimOutcome, IngestClaim


_CAUSES: dict[ExecutionStatus, str] = {
    "SUCCEEDED": "",
    "FAILED": "The ingest failed before it could say why",
    "TIMED_OUT": "The ingest took longer than it may",
    "ABORTED": "The ingest was stopped",
}


@dataclass(frozen=True, slots=True)
class IngestSlot:
    """One of the running ingests that the stage allows, held until its execution is settled."""

    work: IngestInput
    attempt: int
    execution_arn: str
    started_at: datetime
    large: bool = False
    """Whether it counts among those that large files hold."""


@dataclass(frozen=True, slots=True)
class IngestSettlement:
    """The changes to record. `status` is None if the state machine has recorded the end itself.

    `confirms` says that the version answers as the newest upload, and that its document does
    not show that yet.
    """

    status: VersionStatus | None = None
    reason: str = ""
    confirms: bool = False

    @property
    def is_failure(self) -> bool:
        """Tell whether the failure is new, so that it has to be announced."""
        return self.status == "failed"


def decide_settlement(
    version: Version | None,
    document: Document | None,
    status: ExecutionStatus,
    error: str | None = None,
    cause: str | None = None,
) -> IngestSettlement:
    """Return how to settle an execution that ended.

    The state machine cannot distinguish a write that a newer upload forbids from one that other
    writes kept getting in the way of: DynamoDB cancels the transaction for both. `document`
    can.

    Args:
        version: the version that was processed, None if it was deleted.
        document: its document, None if it was deleted.
        status: how the execution ended.
        error: the name of its error, if any.
        cause: the description of that error, if any.
    """
    if version is None:
        return IngestSettlement()
    is_awaited = document is not None and _awaits(document, version)
    if version.status != "processing":
        answers = document is not None and document.version == version.version
        return IngestSettlement(confirms=is_awaited and answers and version.status == "ready")
    if status == "SUCCEEDED" and is_awaited:
        return IngestSettlement(
            "failed", f"Its end could not be recorded for other writes. {_advice(version)}"
        )
    if status == "SUCCEEDED":
        return IngestSettlement("superseded", "A newer upload of this file replaced this one.")
    detail = ": ".join(part for part in (error, cause) if part)
    reason = f"{_CAUSES[status]} ({detail})." if detail else f"{_CAUSES[status]}."
    return IngestSettlement("failed", f"{reason} {_advice(version)}")


def _advice(version: Version) -> str:
    """Return what the owner of a file may do, as `ExplainFailure` of the state machine says it."""
    return f"Trying again may help: `headrace retry {version.document_id}`."


def _awaits(document: Document, version: Version) -> bool:
    """Tell whether `document` still shows that it waits for `version`."""
    return document.status == "processing" and document.latest_version == version.version


def clearable_versions(
    document: Document, versions: Iterable[Version], ended: str
) -> list[Version]:
    """Return the versions whose vectors are no longer needed.

    These neither answer queries nor are being processed: they are settled, or they are `ended`,
    whose execution is over and is about to be settled.
    """
    return [
        version
        for version in versions
        if version.version != document.version
        and version.cleared_at is None
        and (version.settled_at is not None or version.version == ended)
    ]


class IngestRecords(Protocol):
    """Documents, their versions, and the slots of running ingests."""

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        """Return the declaration of a collection, or None."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return a version, or None."""

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        """Yield the versions of a document."""

    def claim(self, claim: IngestClaim, max_running: int) -> ClaimOutcome:
        """Create the version, take a slot and point the document at it, in one transaction."""

    def claim_again(self, claim: IngestClaim, max_running: int) -> ClaimOutcome:
        """Take a slot for another attempt at a failed version, in one transaction."""

    def place(self, execution_arn: str) -> IngestSlot | None:
        """Return the slot that an execution holds, or None once it is settled."""

    def running(self) -> Iterator[IngestSlot]:
        """Yield the slots that are held."""

    def settle(self, running: IngestSlot, settlement: IngestSettlement, now: datetime) -> bool:
        """Free the slot and record the end; return False if that was done before.

        Raises:
            Conflict: the version or its document changed since the settlement was decided.
        """

    def mark_cleared(self, tenant: str, version: Version, now: datetime) -> None:
        """Record that the vectors of `version` are gone."""
