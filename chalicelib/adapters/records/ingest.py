"""The records table: documents, versions, tenants, and the places of running ingests.

Every item has the string keys `pk` and `sk`:

    TENANT#<tenant>   TENANT                       where the tenant's vectors are
    TENANT#<tenant>   DOCUMENT#<id>                what the API shows
    TENANT#<tenant>   VERSION#<id>#<version>       one upload; its creation is the claim
    TENANT#<tenant>   UPLOAD#<id>#<request>        an upload that was announced, and has not come
    ADMISSION         ingest                       how many places are taken: running, and
                                                   running_large by large files
    ADMISSION         RUNNING#<version>-<attempt>  one place; its deletion is the settlement
    WAITING           <tenant>#<due>#<version>-<attempt>  an arrival that waits for a place
    WAITING           #large#<tenant>#<due>#<version>-<attempt>  one of a large file
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import TransactionRefused, Write
from chalicelib.adapters.records.documents import DocumentTable
from chalicelib.adapters.records.writes import (
    count_down,
    document_failed,
    document_ready,
    free_slot,
    latest_again,
    new_latest,
    new_version,
    next_attempt,
    take_slot,
    tenant_stays,
    upload_arrived,
    version_settled,
)
from chalicelib.errors import Conflict
from chalicelib.jobs.ingest_claims import ClaimOutcome, IngestClaim
from chalicelib.jobs.ingest_seats import large_seats

if TYPE_CHECKING:
    from chalicelib.jobs.ingest_settlement import IngestSettlement, IngestSlot


class IngestTable(DocumentTable):
    """Claims and settles ingests in the records table."""

    def claim(self, claim: IngestClaim, max_running: int) -> ClaimOutcome:
        """Create the version, take a slot and point the document at it, in one transaction."""
        writes: list[Write] = [
            new_version(claim),
            *take_slot(claim, max_running, large_seats(max_running)),
            new_latest(claim),
            tenant_stays(claim.work.tenant),
            upload_arrived(claim),
        ]
        return self._claimed(writes)

    def claim_again(self, claim: IngestClaim, max_running: int) -> ClaimOutcome:
        """Take a slot for another attempt at a failed version, in one transaction."""
        writes: list[Write] = [
            next_attempt(claim),
            *take_slot(claim, max_running, large_seats(max_running)),
            latest_again(claim),
            tenant_stays(claim.work.tenant),
        ]
        return self._claimed(writes)

    def settle(self, running: IngestSlot, settlement: IngestSettlement, now: datetime) -> bool:
        """Free the slot and record the end; return False if that was done before.

        Raises:
            Conflict: the version or its document changed since the settlement was decided.
        """
        work = running.work
        writes: list[Write] = [free_slot(running), count_down(running)]
        if self.version(work.tenant, work.document_id, work.version) is not None:
            writes.append(version_settled(work, settlement, now))
            document = self.document(work.tenant, work.document_id)
            if settlement.is_failure and document and document.latest_version == work.version:
                writes.append(document_failed(work, settlement, now))
            if settlement.confirms:
                writes.append(document_ready(work, now))
        try:
            self._table.transact(writes)
        except TransactionRefused as error:
            if 0 in error.refused:
                return False
            raise Conflict(f"{work.version} changed while it was settled.") from error
        return True

    def _claimed(self, writes: list[Write]) -> ClaimOutcome:
        """Write a claim: version, place, counter, document, tenant and announcement, in order."""
        try:
            self._table.transact(writes)
        except TransactionRefused as error:
            if 4 in error.refused:
                return ClaimOutcome.REMOVING
            if 5 in error.refused:
                return ClaimOutcome.CANCELLED
            if error.refused & {0, 1}:
                return ClaimOutcome.DUPLICATE
            return ClaimOutcome.OVERTAKEN if 3 in error.refused else ClaimOutcome.FULL
        return ClaimOutcome.CLAIMED
