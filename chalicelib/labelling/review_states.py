"""Reviews of extractions: who has one in hands, what was changed, and how many approved. Pure.

A claim is a lease: an expired one makes way for the next reviewer, and counts as long as nobody
came. Where two people have to approve, the second sees the first one's changes; a change after an
approval asks for that approval anew, so that all who approve have seen the same values.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.contracts.extraction_reviews import (
    MAX_EDIT_BYTES,
    MAX_EDITS,
    ExtractionReview,
    FieldEdit,
    ReviewLease,
)
from chalicelib.errors import Conflict, QuotaExceeded


def can_claim_review(review: ExtractionReview, reviewer: str, now: datetime) -> bool:
    """Return whether the reviewer may take the extraction now."""
    if review.decision != "open" or reviewer in review.approved_by:
        return False
    lease = review.lease
    return lease is None or lease.reviewer == reviewer or lease.expires_at <= now


def claim_review(
    review: ExtractionReview, reviewer: str, claim_id: str, minutes: int, now: datetime
) -> ExtractionReview:
    """Return the review with a new lease of a reviewer who may have one."""
    lease = ReviewLease(
        claim_id=claim_id,
        reviewer=reviewer,
        claimed_at=now,
        expires_at=now + timedelta(minutes=minutes),
    )
    return review.model_copy(update={"lease": lease})


def held_lease(review: ExtractionReview, claim_id: str, reviewer: str) -> ReviewLease:
    """Return the reviewer's lease of this id; raise `Conflict` if it was given to another."""
    lease = review.lease
    if review.decision != "open":
        raise Conflict(f"The extraction is {review.decision} already.", field="claim_id")
    if lease is None or (lease.claim_id, lease.reviewer) != (claim_id, reviewer):
        if lease is not None and lease.reviewer == reviewer:
            raise Conflict(
                "This reviewer has claimed the extraction again: go on with the newest claim.",
                field="claim_id",
            )
        raise Conflict(
            "This reviewer has no such claim. If there was one, it expired, and the extraction was"
            " given to another reviewer: claim the next one.",
            field="claim_id",
        )
    return lease


def edit_review(review: ExtractionReview, edits: tuple[FieldEdit, ...]) -> ExtractionReview:
    """Return the review with further edits; those who approved before have to look again.

    Raises:
        QuotaExceeded: an extraction would have more edits, or longer ones, than a review keeps.
    """
    if not edits:
        return review
    if len(review.edits) + len(edits) > MAX_EDITS:
        raise QuotaExceeded(
            f"A review keeps {MAX_EDITS} edits; reject the extraction, and extract with another"
            " schema.",
            field="edits",
            limit=str(MAX_EDITS),
        )
    kept = (*review.edits, *edits)
    size = sum(len(edit.model_dump_json().encode()) for edit in kept)
    if size > MAX_EDIT_BYTES:
        raise QuotaExceeded(
            f"The edits of the review would take {size} bytes, with the values before them and"
            f" where they stand; a review keeps {MAX_EDIT_BYTES}. Give shorter values, or reject"
            " the extraction.",
            field="edits",
            limit=str(MAX_EDIT_BYTES),
        )
    return review.model_copy(update={"edits": kept, "approved_by": ()})


def approve_review(review: ExtractionReview, reviewer: str, now: datetime) -> ExtractionReview:
    """Return the review with an approval; it is decided once as many approved as it asks for."""
    approved = (*review.approved_by, reviewer)
    done = len(approved) >= review.eyes
    update = {
        "approved_by": approved,
        "lease": None,
        "decision": "reviewed" if done else "open",
        "decided_at": now if done else None,
    }
    return review.model_copy(update=update)


def reject_review(
    review: ExtractionReview, reviewer: str, reason: str, now: datetime
) -> ExtractionReview:
    """Return the review decided as rejected: its values are not to be used."""
    update = {
        "lease": None,
        "decision": "rejected",
        "reason": reason,
        "rejected_by": reviewer,
        "decided_at": now,
    }
    return review.model_copy(update=update)
