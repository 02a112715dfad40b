"""Claims of ingests: an upload is processed once, however often its event is delivered.

No more ingests run at once than the stage allows; further ones are deferred.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import IngestInput
from chalicelib.contracts.metadata import same_metadata
from chalicelib.jobs.ingest_seats import is_large
from chalicelib.retrieval.ids import parse_inbox_key, version_id, version_order

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ObjectCreated
    from chalicelib.contracts.documents import Document, Version


class ClaimOutcome(Enum):
    """The result of an attempt to claim."""

    CLAIMED = auto()
    DUPLICATE = auto()
    """The version exists: another delivery of the event claimed it."""
    FULL = auto()
    """As many ingests run as may run; nothing was written."""
    OVERTAKEN = auto()
    """A newer version of the document was claimed before; nothing was written."""
    CANCELLED = auto()
    """The announcement of the upload was deleted before it came; nothing was written."""
    REMOVING = auto()
    """The tenant is being removed, or was; nothing was written."""


@dataclass(frozen=True, slots=True)
class IngestClaim:
    """One attempt at one version, which is written as a whole or not at all."""

    work: IngestInput
    attempt: int
    execution_arn: str
    now: datetime

    @property
    def execution_name(self) -> str:
        """Return the name under which the state machine runs this attempt."""
        return execution_name(self.work.version, self.attempt)

    @property
    def is_large(self) -> bool:
        """Tell whether the file is large, so that it takes no seat that is kept for others."""
        return is_large(self.work.bytes)


def ingest_input(event: ObjectCreated) -> IngestInput:
    """Return the ingest that the arrival of an object asks for.

    Raises:
        InvalidInput: the object lies where no tenant's documents do.
    """
    created = event.detail.object
    place = parse_inbox_key(created.key)
    bucket = event.detail.bucket.name
    return IngestInput(
        tenant=place.tenant,
        document_id=place.document_id,
        version=version_id(bucket, created.key, created.version_id),
        order=version_order(created.sequencer),
        collection=place.collection,
        path=place.path,
        bucket=bucket,
        key=created.key,
        object_version_id=created.version_id,
        bytes=created.size,
        correlation_id=event.id,
        uploaded_at=event.time,
    )


def with_ready_version(work: IngestInput, document: Document | None) -> IngestInput:
    """Return `work` with the version that answers now, so that equal bytes change nothing.

    Without it where the metadata changed: that is searched, too.
    """
    if document is None or not document.version:
        return work
    if not same_metadata(work.metadata, document.metadata):
        return work
    return work.model_copy(
        update={"ready_version": document.version, "ready_sha256": document.sha256}
    )


def retry_input(version: Version, tenant: str, correlation_id: str) -> IngestInput:
    """Return the ingest of another attempt at `version`."""
    return IngestInput(
        tenant=tenant,
        document_id=version.document_id,
        version=version.version,
        order=version.order,
        collection=version.collection,
        path=version.path,
        bucket=version.bucket,
        key=version.key,
        object_version_id=version.object_version_id,
        bytes=version.bytes,
        correlation_id=correlation_id,
        uploaded_at=version.uploaded_at or version.created_at,
    )


def execution_name(version: str, attempt: int) -> str:
    """Return the execution's name: it stays taken for 90 days, so a repeat starts nothing."""
    return f"{version}-{attempt}"


def execution_arn(machine_arn: str, name: str) -> str:
    """Return the ARN of the execution `name` of a Standard state machine."""
    return f"{machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"
