"""Reviews of extractions: people claim the least certain first, correct them, and decide.

Every change is a write on condition that the extraction is as it was read; who comes second reads
again. Files of a reviewed extraction are written before it is decided, so that a decision that was
cut off is made anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chalicelib.contracts.events import EventBus
from chalicelib.contracts.extraction_reviews import (
    ClaimReviewRequest,
    CorrectionRow,
    ExtractionReview,
    FieldEdit,
    NextReview,
    PutReviewRequest,
    ReviewClaim,
    ReviewState,
)
from chalicelib.contracts.extractions import (
    MAX_REASONS,
    OPEN_TO_CLAIMS,
    OPEN_TO_REVIEW,
    ExtractedField,
    ExtractionFacts,
    ExtractionReady,
    ExtractionResult,
    ExtractionStatus,
)
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.errors import Conflict, InvalidInput, Throttled
from chalicelib.extraction.exports import fields_csv, rows_csv
from chalicelib.extraction.schema import extraction_schema
from chalicelib.extraction.storage import (
    FIELDS,
    FIELDS_TABLE,
    RESULT,
    REVIEWED,
    ROWS_TABLE,
    SCHEMA,
    extraction_prefix,
)
from chalicelib.labelling.extraction_library import ExtractionLibrary, StoredExtraction
from chalicelib.labelling.field_edits import check_edit, edited_fields, edited_values
from chalicelib.labelling.review_states import (
    approve_review,
    can_claim_review,
    claim_review,
    edit_review,
    held_lease,
    reject_review,
)

ATTEMPTS = 12
"""How often a change is tried while others change the same extraction."""
CHANGED = "A reviewer has begun to look at what was complete."
"""The reason why an extraction waits that needed no review."""
MAX_LOOKED_AT = 1_000
"""Extractions that are looked at for one that a reviewer can take."""


class ReviewedObjects(Protocol):
    """Writes the files of reviewed extractions."""

    def write(self, bucket: str, key: str, body: bytes, metadata: dict[str, str]) -> None:
        """Write an object."""


@dataclass(frozen=True, slots=True)
class ExtractionReviews:
    """Claims, edits and decisions of reviewers of all tenants.

    `pause` waits a little before attempt n at a change that others came before.
    """

    library: ExtractionLibrary
    objects: ReviewedObjects
    bus: EventBus
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    pause: Callable[[int], None]
    index: Callable[[str, ExtractionFacts], object]
    """Has the reviewed values of a tenant's extraction filter searches, if they are to."""

    def state(self, tenant: str, extraction_id: str) -> ReviewState:
        """Return the review of an extraction; raise `NotFound`."""
        stored = self.library.stored(tenant, extraction_id)
        return ReviewState(extraction=stored.facts, review=stored.review)

    def waiting(self, tenant: str, after: str) -> Iterator[tuple[str, StoredExtraction]]:
        """Yield place and extraction of what waits, the least certain first."""
        for place, extraction_id in self.library.records.waiting(tenant, after):
            stored = self.library.records.extraction(tenant, extraction_id)
            if stored is not None and stored.facts.status in OPEN_TO_REVIEW:
                yield place, stored

    def claim(self, tenant: str, reviewer: str, given: ClaimReviewRequest) -> NextReview:
        """Give the reviewer an extraction: the one that is named, or the least certain.

        Raises:
            NotFound: there is no extraction of this id.
            Conflict: the named one is decided, or in other hands.
            Throttled: others kept taking what was found, for as long as we tried.
        """
        for attempt in range(ATTEMPTS):
            self.pause(attempt)
            stored = self._claimable(tenant, reviewer, given)
            if stored is None:
                return NextReview(claim=None)
            claim_id, now = f"rvc_{self.new_id()}", self.now()
            review = claim_review(stored.review, reviewer, claim_id, given.minutes, now)
            if given.eyes is not None and given.eyes > review.eyes:
                review = review.model_copy(update={"eyes": given.eyes})
            after = replace(stored, review=review, revision=stored.revision + 1)
            if self.library.records.change(tenant, stored, after):
                return NextReview(claim=self._claim(tenant, after))
        raise Throttled("Others kept changing the same extraction.")

    def put(
        self, tenant: str, extraction_id: str, reviewer: str, given: PutReviewRequest
    ) -> ReviewState:
        """Make the edits of a claim, and the decision if there is one.

        Raises:
            InvalidInput: an edit names no value of the schema, or a value that it cannot have.
            NotFound: there is no such extraction.
            Conflict: the claim was given to another, or the extraction is decided.
            QuotaExceeded: the review has as many edits as it keeps.
        """
        for attempt in range(ATTEMPTS):
            self.pause(attempt)
            stored = self.library.stored(tenant, extraction_id)
            held_lease(stored.review, given.claim_id, reviewer)
            after = self._edited(tenant, stored, reviewer, given)
            if given.decision is not None:
                after = self._decided(tenant, after, reviewer, given)
            after = _queued_if_begun(after)
            if self.library.records.change(tenant, stored, after):
                self._announce(tenant, after)
                return ReviewState(extraction=after.facts, review=after.review)
            if after.facts.status == "reviewed":
                self._rewrite(tenant, extraction_id)
        raise Throttled("Others kept changing the same extraction.")

    def rows(
        self, tenant: str, stored: StoredExtraction, start: int
    ) -> Iterator[tuple[CorrectionRow, int]]:
        """Yield rows to train on, each with the offset of the next, as `fields` of the library.

        Raises:
            Conflict: the extraction is not reviewed.
        """
        if stored.facts.status != "reviewed":
            raise Conflict(
                f"The extraction is {stored.facts.status}; only what is reviewed is learned from.",
                field="extraction_id",
            )
        read = replace(stored, facts=stored.facts.model_copy(update={"status": "complete"}))
        for proposed, behind in self.library.fields(tenant, read, start):
            (right,) = edited_fields([proposed], stored.review.edits)
            yield (
                CorrectionRow(
                    extraction_id=stored.facts.extraction_id,
                    document_id=stored.facts.document_id,
                    version=stored.facts.version,
                    schema_sha256=stored.facts.schema_sha256,
                    pointer=proposed.pointer,
                    proposed=proposed.value,
                    value=right.value,
                    proposed_evidence=proposed.evidence,
                    evidence=right.evidence,
                    confidence=proposed.confidence,
                    correct=proposed.value == right.value,
                ),
                behind,
            )

    def _claimable(
        self, tenant: str, reviewer: str, given: ClaimReviewRequest
    ) -> StoredExtraction | None:
        now = self.now()
        if given.extraction_id is not None:
            stored = self.library.stored(tenant, given.extraction_id)
            if stored.facts.status in OPEN_TO_CLAIMS and can_claim_review(
                stored.review, reviewer, now
            ):
                return stored
            raise Conflict(_why_not(stored, reviewer), field="extraction_id")
        for looked_at, (_, stored) in enumerate(self.waiting(tenant, "")):
            wanted = given.collection in {None, stored.facts.collection}
            if wanted and can_claim_review(stored.review, reviewer, now):
                return stored
            if looked_at == MAX_LOOKED_AT:
                break
        return None

    def _claim(self, tenant: str, stored: StoredExtraction) -> ReviewClaim | None:
        lease = stored.review.lease
        if lease is None:
            return None
        return ReviewClaim(
            claim_id=lease.claim_id,
            expires_at=lease.expires_at,
            extraction=self.library.view(tenant, stored),
            review=stored.review,
        )

    def _edited(
        self, tenant: str, stored: StoredExtraction, reviewer: str, given: PutReviewRequest
    ) -> StoredExtraction:
        review = stored.review
        if given.edits:
            edits = tuple(self._edits(tenant, stored, reviewer, given))
            review = edit_review(review, edits)
        return replace(stored, review=review, revision=stored.revision + 1)

    def _edits(
        self, tenant: str, stored: StoredExtraction, reviewer: str, given: PutReviewRequest
    ) -> Iterator[FieldEdit]:
        prefix = extraction_prefix(tenant, stored.facts.version, stored.facts.extraction_id)
        source = json.loads(self.library.objects.read(self.library.bucket, prefix + SCHEMA))
        schema = extraction_schema(source)
        wanted = {edit.pointer for edit in given.edits}
        if len(wanted) < len(given.edits):
            raise InvalidInput("Give one edit of each value.", field="edits")
        for edit in given.edits:
            check_edit(edit, schema, stored.facts.pages)
        self._check_places(tenant, stored, given)
        known = self._known(tenant, stored, wanted)
        for edit in given.edits:
            before = known.get(edit.pointer)
            if before is None:
                raise InvalidInput(
                    f"The extraction has no field {edit.pointer}; a review changes values and adds"
                    " no rows.",
                    field="edits",
                )
            yield FieldEdit(
                pointer=edit.pointer,
                before=before.value,
                after=edit.value,
                evidence=before.evidence if edit.evidence is None else edit.evidence,
                reviewer=reviewer,
                at=self.now(),
            )

    def _check_places(self, tenant: str, stored: StoredExtraction, given: PutReviewRequest) -> None:
        """Check that all evidence ends within the text of its page; raise `InvalidInput`."""
        places = [(edit.pointer, place) for edit in given.edits for place in edit.evidence or ()]
        lengths = self.library.page_lengths(tenant, stored, {place.page for _, place in places})
        for pointer, place in places:
            length = lengths.get(place.page, 0)
            if place.end > length:
                raise InvalidInput(
                    f"The evidence of {pointer} ends at character {place.end} of page"
                    f" {place.page}, which has {length}.",
                    field="edits",
                    limit=str(length),
                )

    def _known(
        self, tenant: str, stored: StoredExtraction, wanted: set[str]
    ) -> dict[str, ExtractedField]:
        """Return the fields at the `wanted` pointers, with the edits so far."""
        fields = (field for field, _ in self.library.fields(tenant, stored, 0))
        found = (field for field in fields if field.pointer in wanted)
        return {each.pointer: each for each in edited_fields(found, stored.review.edits)}

    def _decided(
        self, tenant: str, stored: StoredExtraction, reviewer: str, given: PutReviewRequest
    ) -> StoredExtraction:
        now = self.now()
        if given.decision == "reject":
            review = reject_review(stored.review, reviewer, given.reason or "", now)
        else:
            review = approve_review(stored.review, reviewer, now)
        if review.decision == "open":
            return replace(stored, review=review)
        status: ExtractionStatus = review.decision
        facts = stored.facts.model_copy(update={"status": status, "updated_at": now})
        decided = replace(stored, facts=facts, review=review)
        if status == "reviewed":
            decided = replace(decided, facts=self._write(tenant, stored, decided))
            self.index(tenant, decided.facts)
        return decided

    def _write(
        self, tenant: str, read: StoredExtraction, decided: StoredExtraction
    ) -> ExtractionFacts:
        """Write the files with all edits in them; return the facts, which count its values."""
        bucket, edits = self.library.bucket, decided.review.edits
        prefix = self.library.folder(tenant, read)
        result = ExtractionResult.model_validate_json(
            self.library.objects.read(bucket, prefix + RESULT)
        )
        values = edited_values(result.values, edits)
        read_fields = (field for field, _ in self.library.fields(tenant, read, 0))
        fields = list(edited_fields(read_fields, edits))
        found = sum(field.value is not None for field in fields)
        facts = decided.facts.model_copy(update={"found": found})
        result = result.model_copy(update={"facts": facts, "values": values})
        bodies = {
            FIELDS: dump_lines(fields),
            FIELDS_TABLE: fields_csv(fields),
            ROWS_TABLE: rows_csv(values),
            RESULT: result.model_dump_json().encode(),
        }
        for name, body in bodies.items():
            self.objects.write(bucket, prefix + REVIEWED + name, body, {})
        return facts

    def _rewrite(self, tenant: str, extraction_id: str) -> None:
        """Write the files of a review that was decided while another approval wrote its own."""
        stored = self.library.stored(tenant, extraction_id)
        if stored.facts.status != "reviewed":
            return
        read = replace(stored, facts=stored.facts.model_copy(update={"status": "complete"}))
        self._write(tenant, read, stored)
        self.index(tenant, stored.facts)

    def _announce(self, tenant: str, stored: StoredExtraction) -> None:
        facts = stored.facts
        if facts.status != "reviewed":
            return
        self.bus.publish(
            ExtractionReady(
                tenant=tenant,
                extraction_id=facts.extraction_id,
                document_id=facts.document_id,
                version=facts.version,
                collection=facts.collection,
                extractor=facts.extractor,
                job_id=facts.job_id,
                lowest_confidence=facts.lowest_confidence,
                correlation_id=facts.extraction_id,
                time=self.now(),
                status="reviewed",
            )
        )


def _queued_if_begun(stored: StoredExtraction) -> StoredExtraction:
    """Return a complete extraction whose review has begun as one that waits until it is decided."""
    review, facts = stored.review, stored.facts
    if facts.status != "complete" or not (review.edits or review.approved_by):
        return stored
    reasons = (CHANGED, *facts.reasons)[:MAX_REASONS]
    return replace(
        stored, facts=facts.model_copy(update={"status": "needs_review", "reasons": reasons})
    )


def _why_not(stored: StoredExtraction, reviewer: str) -> str:
    review: ExtractionReview = stored.review
    if stored.facts.status not in OPEN_TO_CLAIMS:
        return f"The extraction is {stored.facts.status} already; extract again to change it."
    if reviewer in review.approved_by:
        return "This reviewer has approved it; another one has to look at it now."
    return "Another reviewer has it; claim the next one, or this one once the claim has expired."
