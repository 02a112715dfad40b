"""Settlement: what the end of an execution means for its version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ExecutionStatus
    from chalicelib.contracts.documents import Document, Version, VersionStatus
    from chalicelib.contracts.ingest import IngestInput

_CAUSES: dict[ExecutionStatus, str] = {
    "SUCCEEDED": "",
    "FAILED": "The ingest failed before it could say why",
    "TIMED_OUT": "The ingest took longer than it may",
    "ABORTED": "The ingest was stopped",
}


@dataclass(frozen=True, slots=True)
class Running:
    """A place in the running ingests that one execution holds until it is settled."""

    work: IngestInput
    attempt: int
    execution_arn: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """What to record. `status` is None when the state machine has recorded the end itself.

    `confirms` tells that the version answers as the newest upload, and that its document does not
    say so yet.
    """

    status: VersionStatus | None = None
    reason: str = ""
    confirms: bool = False

    @property
    def is_failure(self) -> bool:
        """Tell whether the failure is news, which has to be announced."""
        return self.status == "failed"


def settlement(
    version: Version | None,
    document: Document | None,
    status: ExecutionStatus,
    error: str | None = None,
    cause: str | None = None,
) -> Settlement:
    """Return how to settle `version`, None if it was deleted, whose execution ended so.

    The state machine cannot tell a write that a newer upload forbids from one that other writes
    kept getting in the way of: DynamoDB cancels the transaction for both. `document` can.
    """
    if version is None:
        return Settlement()
    is_awaited = document is not None and _waits(document, version)
    if version.status != "processing":
        answers = document is not None and document.version == version.version
        return Settlement(confirms=is_awaited and answers and version.status == "ready")
    if status == "SUCCEEDED" and is_awaited:
        return Settlement("failed", "Its end could not be recorded for other writes; try it again.")
    if status == "SUCCEEDED":
        return Settlement("superseded", "A newer upload of this file replaced this one.")
    detail = ": ".join(part for part in (error, cause) if part)
    reason = f"{_CAUSES[status]} ({detail})." if detail else f"{_CAUSES[status]}."
    return Settlement("failed", reason)


def _waits(document: Document, version: Version) -> bool:
    """Tell whether `document` still shows that it waits for `version`."""
    return document.status == "processing" and document.latest_version == version.version
