"""The records that jobs keep: what the ingest asks of the table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.documents import Document, Version
    from chalicelib.jobs.claims import Claim, ClaimOutcome
    from chalicelib.jobs.settlement import Running, Settlement


class IngestRecords(Protocol):
    """Documents, their versions, and the places that running ingests hold."""

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        """Return what is declared of a collection, or None."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return a version, or None."""

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        """Yield the versions of a document."""

    def claim(self, claim: Claim, max_running: int) -> ClaimOutcome:
        """Create the version, take a place and point the document at it; all or nothing."""

    def claim_again(self, claim: Claim, max_running: int) -> ClaimOutcome:
        """Take a place for one more attempt at a failed version; all or nothing."""

    def place(self, execution_arn: str) -> Running | None:
        """Return the place that an execution holds, or None once it is settled."""

    def running(self) -> Iterator[Running]:
        """Yield the places that are held."""

    def settle(self, running: Running, settlement: Settlement, now: datetime) -> bool:
        """Give the place back and record the end; False when that was done before.

        Raises:
            Conflict: the version or its document changed since the settlement was decided.
        """

    def mark_cleared(self, tenant: str, version: Version, now: datetime) -> None:
        """Record that the vectors of `version` are gone."""
