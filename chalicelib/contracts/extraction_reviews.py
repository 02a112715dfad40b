"""Reviews of extractions by people: `/v1/reviews`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from chalicelib.contracts.base import AnyJson, Contract, HttpInput
from chalicelib.contracts.extractions import ExtractionFacts, ExtractionView, FieldEvidence
from chalicelib.contracts.labelling import CommentText, ReviewerName
from chalicelib.contracts.names import Collection

MAX_EDITS = 200
"""Edits of one review."""
MAX_EDIT_BYTES = 300_000
"""Bytes of the edits of one review: its record is one item of DynamoDB, which holds 400 KB."""
MAX_EVIDENCE = 20
MAX_POINTER_CHARACTERS = 1_024
MAX_EYES = 2
CLAIM_PATTERN = r"^rvc_[0-9A-HJKMNP-TV-Z]{26}$"

ReviewDecision = Literal["open", "reviewed", "rejected"]
Eyes = Annotated[int, Field(ge=1, le=MAX_EYES)]


class ReviewLease(Contract):
    """An extraction in the hands of a reviewer until `expires_at`."""

    claim_id: str
    reviewer: str
    claimed_at: AwareDatetime
    expires_at: AwareDatetime


class FieldEdit(Contract):
    """A change of one value, with what it was; evidence is that of the new value."""

    pointer: str
    before: AnyJson = None
    after: AnyJson = None
    evidence: tuple[FieldEvidence, ...] = ()
    reviewer: str
    at: AwareDatetime


class ExtractionReview(Contract):
    """The review of one extraction. `eyes` is how many reviewers have to approve."""

    eyes: Eyes = 1
    decision: ReviewDecision = "open"
    lease: ReviewLease | None = None
    edits: tuple[FieldEdit, ...] = ()
    approved_by: tuple[str, ...] = ()
    rejected_by: str = ""
    reason: str = ""
    decided_at: AwareDatetime | None = None


class ClaimReviewRequest(HttpInput):
    """`POST /v1/reviews/claims`: the next extraction, the least certain first, or one by its id.

    A reviewer is an API key, or a name under it. `eyes` 2 asks for a second approval of it.
    """

    reviewer: ReviewerName | None = None
    extraction_id: Annotated[str, Field(max_length=64)] | None = None
    collection: Collection | None = None
    minutes: int = Field(default=30, ge=1, le=1_440)
    eyes: Eyes | None = None


class ReviewClaim(Contract):
    """An extraction that a reviewer has taken, with its review so far."""

    claim_id: str
    expires_at: AwareDatetime
    extraction: ExtractionView
    review: ExtractionReview


class NextReview(Contract):
    """The reviewer's claim; none where no extraction is left that this reviewer could take."""

    claim: ReviewClaim | None


class EditRequest(HttpInput):
    """A new value of a leaf; null says that the document has none.

    `evidence` is where the value stands. Left out, that of the extraction is kept.
    """

    pointer: str = Field(min_length=1, max_length=MAX_POINTER_CHARACTERS)
    value: AnyJson
    evidence: Annotated[tuple[FieldEvidence, ...], Field(max_length=MAX_EVIDENCE)] | None = None


class PutReviewRequest(HttpInput):
    """`PUT /v1/reviews/{extraction_id}`: edits, and a decision that ends the claim.

    Without a decision the claim goes on. A rejection says why.
    """

    claim_id: str = Field(pattern=CLAIM_PATTERN)
    reviewer: ReviewerName | None = None
    edits: Annotated[tuple[EditRequest, ...], Field(max_length=MAX_EDITS)] = ()
    decision: Literal["approve", "reject"] | None = None
    reason: CommentText | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.decision == "reject" and self.reason is None:
            raise ValueError("give a reason: a rejection says why the values are not to be used")
        return self


class ReviewState(Contract):
    """A review with its extraction in short, as it is shown."""

    extraction: ExtractionFacts
    review: ExtractionReview


class ReviewQueue(Contract):
    """One page of extractions that wait for a review, the least certain first."""

    items: tuple[ReviewState, ...]
    next_cursor: str | None


class CorrectionRow(Contract):
    """A row to train on: a leaf of a reviewed extraction, as it was read and as it is right."""

    extraction_id: str
    document_id: str
    version: str
    schema_sha256: str
    pointer: str
    proposed: AnyJson = None
    value: AnyJson = None
    proposed_evidence: tuple[FieldEvidence, ...] = ()
    evidence: tuple[FieldEvidence, ...] = ()
    confidence: float
    correct: bool


class CorrectionList(Contract):
    """One page of rows to train on; `next_cursor` is None at the end."""

    items: tuple[CorrectionRow, ...]
    next_cursor: str | None
