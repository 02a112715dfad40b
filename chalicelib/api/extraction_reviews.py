"""`/v1/reviews`: people look at doubtful extractions, correct them, and approve or reject them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.cursors import read_cursor, read_offset, write_cursor, write_offset
from chalicelib.api.http import (
    json_response,
    limit_of,
    parse_body,
    query_value,
    reviewer_of,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.labelling import new_id, pause_before_attempt
from chalicelib.contracts.extraction_reviews import (
    ClaimReviewRequest,
    CorrectionList,
    CorrectionRow,
    NextReview,
    PutReviewRequest,
    ReviewQueue,
    ReviewState,
)
from chalicelib.contracts.extractions import ExtractionFacts
from chalicelib.contracts.functions.extract_fields import IndexFieldsRequest
from chalicelib.contracts.operations import CURSOR, Operation, limit_parameter
from chalicelib.errors import Conflict, NotFound, QuotaExceeded
from chalicelib.extraction.storage import REVIEWED
from chalicelib.labelling.extraction_reviews import ExtractionReviews
from chalicelib.labelling.search_fields import filters_by

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts

MAX_PAGE = 100
MAX_ROWS_A_PAGE = 500
_PLACE_PATTERN = r"\d{4}#ext_[a-z0-9]{24}_[0-9A-HJKMNP-TV-Z]{26}"
_REVIEW = "/v1/reviews/{extraction_id}"


@dataclass(frozen=True, slots=True)
class ExtractionReviewServices:
    """The collaborators of the views of this module."""

    reviews: ExtractionReviews


def build_services(parts: ApiParts) -> ExtractionReviewServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.events import EventBridgeBus
    from chalicelib.adapters.records.collections import CollectionTable
    from chalicelib.adapters.records.extractions import ExtractionTable
    from chalicelib.labelling.extraction_library import ExtractionLibrary
    from chalicelib.settings import FeedbackSettings

    settings = FeedbackSettings.from_environ(parts.environ)
    objects = parts.batch_objects
    library = ExtractionLibrary(ExtractionTable(parts.table), objects, settings.bucket)
    bus = EventBridgeBus(aws.events(), settings.event_bus)

    collections = CollectionTable(parts.table)

    def index(tenant: str, facts: ExtractionFacts) -> object:
        if not filters_by(facts.extractor, collections.declaration(tenant, facts.collection)):
            return None
        from chalicelib.adapters.functions import ExtractFunction

        function = ExtractFunction(aws.renderings(), parts.settings.extract_function)
        return function.index(
            IndexFieldsRequest(
                tenant=tenant,
                bucket=settings.bucket,
                extraction_id=facts.extraction_id,
                folder=REVIEWED,
                correlation_id=facts.extraction_id,
            )
        )

    return ExtractionReviewServices(
        ExtractionReviews(library, objects, bus, utcnow, new_id, pause_before_attempt, index)
    )


def routes(
    services: Callable[[], ExtractionReviewServices], authorizer: ChaliceAuthorizer
) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/reviews", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("extractions", {200: ReviewQueue}, query=(limit_parameter(MAX_PAGE), CURSOR)),
    )
    def list_reviews() -> Response:
        """List the extractions that wait for a review, the least certain first."""
        return json_response(_queue(blueprint.current_request, services().reviews))

    @blueprint.route("/v1/reviews/claims", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "extractions",
            {200: NextReview},
            body=ClaimReviewRequest,
            errors=(NotFound, Conflict),
        ),
    )
    def claim_review() -> Response:
        """Take the extraction that is least certain, or one by its id, until the claim expires."""
        request = blueprint.current_request
        body = parse_body(request, ClaimReviewRequest)
        reviewer = reviewer_of(request, body.reviewer)
        return json_response(services().reviews.claim(tenant_of(request), reviewer, body))

    @blueprint.route(_REVIEW, methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("extractions", {200: ReviewState}, errors=(NotFound,)))
    def get_review(extraction_id: str) -> Response:
        """Show the review of an extraction: its edits with what was before, and its approvals."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(services().reviews.state(tenant, extraction_id))

    @blueprint.route(_REVIEW, methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "extractions",
            {200: ReviewState},
            body=PutReviewRequest,
            errors=(NotFound, Conflict, QuotaExceeded),
        ),
    )
    def put_review(extraction_id: str) -> Response:
        """Change values of a claimed extraction, and approve or reject it."""
        request = blueprint.current_request
        body = parse_body(request, PutReviewRequest)
        reviewer = reviewer_of(request, body.reviewer)
        put = services().reviews.put(tenant_of(request), extraction_id, reviewer, body)
        return json_response(put)

    @blueprint.route(_REVIEW + "/rows", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "extractions",
            {200: CorrectionList},
            query=(limit_parameter(MAX_ROWS_A_PAGE), CURSOR),
            errors=(NotFound, Conflict),
        ),
    )
    def list_correction_rows(extraction_id: str) -> Response:
        """List the fields of a reviewed extraction as rows to train on, a page at a time."""
        return json_response(_rows(blueprint.current_request, extraction_id, services().reviews))

    return blueprint


def _queue(request: Request, reviews: ExtractionReviews) -> ReviewQueue:
    limit, cursor = limit_of(request, MAX_PAGE), query_value(request, "cursor")
    after = read_cursor(cursor, {}, _PLACE_PATTERN) if cursor is not None else ""
    items: list[ReviewState] = []
    for place, stored in reviews.waiting(tenant_of(request), after):
        if len(items) == limit:
            return ReviewQueue(items=tuple(items), next_cursor=write_cursor(after, {}))
        items.append(ReviewState(extraction=stored.facts, review=stored.review))
        after = place
    return ReviewQueue(items=tuple(items), next_cursor=None)


def _rows(request: Request, extraction_id: str, reviews: ExtractionReviews) -> CorrectionList:
    tenant, limit = tenant_of(request), limit_of(request, MAX_ROWS_A_PAGE)
    stored = reviews.library.stored(tenant, extraction_id)
    asked = {"rows": extraction_id}
    cursor = query_value(request, "cursor")
    at = read_offset(cursor, asked)[0] if cursor is not None else 0
    items: list[CorrectionRow] = []
    for row, behind in reviews.rows(tenant, stored, at):
        if len(items) == limit:
            return CorrectionList(items=tuple(items), next_cursor=write_offset(at, asked, ""))
        items.append(row)
        at = behind
    return CorrectionList(items=tuple(items), next_cursor=None)
