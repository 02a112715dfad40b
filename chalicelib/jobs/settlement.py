"""Settlement: what the end of an execution means for its version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.contracts import IngestInput, Version, VersionStatus
from chalicelib.contracts.arrivals import ExecutionStatus

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
    """What to record. `status` is None when the state machine has recorded the end itself."""

    status: VersionStatus | None = None
    reason: str = ""

    @property
    def is_failure(self) -> bool:
        """Tell whether the failure is news, which has to be announced."""
        return self.status == "failed"


def settlement(
    version: Version | None,
    status: ExecutionStatus,
    error: str | None = None,
    cause: str | None = None,
) -> Settlement:
    """Return how to settle `version`, None if it was deleted, whose execution ended so."""
    if version is None or version.status != "processing":
        return Settlement()
    if status == "SUCCEEDED":
        return Settlement("superseded", "A newer upload of this file replaced this one.")
    detail = ": ".join(part for part in (error, cause) if part)
    reason = f"{_CAUSES[status]} ({detail})." if detail else f"{_CAUSES[status]}."
    return Settlement("failed", reason)
