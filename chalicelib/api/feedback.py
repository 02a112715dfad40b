"""`POST /v1/feedback`: a rating of an answer or of a search.

A rating is stored under the id of what was rated, so that rating it again replaces the rating and
sending it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import parse_body, request_id_of, serve_operation, tenant_of, utcnow
from chalicelib.api.idempotency import ResponseRecords, run_once
from chalicelib.api.retries import VersionLookup
from chalicelib.contracts.answer_log import ASKED_DAYS, QuotedSpan, RatedSpan, Rating
from chalicelib.contracts.feedback import (
    BetterPassage,
    FeedbackReceived,
    FeedbackRequest,
    FeedbackResponse,
    FeedbackRow,
)
from chalicelib.contracts.operations import Operation
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.retrieval.answer.answer_log import EmbeddedAnswer, RatedAnswer
from chalicelib.retrieval.search.feedback_boost import marks_for_rating
from chalicelib.retrieval.search.ranking import CurrentVersions

if TYPE_CHECKING:
    from chalicelib.contracts.events import EventBus
    from chalicelib.wiring.api import ApiParts

CREATED = 201


class RatedDocuments(VersionLookup, CurrentVersions, Protocol):
    """Looks up documents, their versions, and the versions that answer queries."""


class RatingRecords(Protocol):
    """Logged answers, and votes."""

    def get_answer(self, tenant: str, asked_id: str) -> EmbeddedAnswer | None:
        """Return the logged answer, None if there is none or it has expired."""

    def rate(
        self,
        tenant: str,
        rated: RatedAnswer,
        kept: EmbeddedAnswer,
        marks: Sequence[RatedSpan],
        rating: Rating,
    ) -> None:
        """Store a rating and its marks in place of those of an earlier rating of the same answer.

        Raises:
            Conflict: the tenant, or a document of `rated`, is being removed.
        """

    def stands(self, tenant: str, rated: RatedAnswer) -> bool:
        """Say whether a rating still exists: it is removed with any of its documents."""


class FeedbackRows(Protocol):
    """Rows of ratings for training, and the pages that they are about."""

    def page_text(self, tenant: str, document_id: str, version: str, page: int) -> str:
        """Return the text of a page; raise `NotFound`."""

    def write_row(self, key: str, row: FeedbackRow) -> None:
        """Write a row, replacing the row of an earlier rating."""

    def remove_row(self, key: str) -> None:
        """Remove every version of a row."""


@dataclass(frozen=True, slots=True)
class FeedbackServices:
    """The collaborators of the view of this module."""

    documents: RatedDocuments
    ratings: RatingRecords
    rows: FeedbackRows
    bus: EventBus
    answers: ResponseRecords
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> FeedbackServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.events import EventBridgeBus
    from chalicelib.adapters.feedback_objects import FeedbackObjects
    from chalicelib.adapters.s3_streams import StreamedObjects
    from chalicelib.settings import FeedbackSettings

    settings = FeedbackSettings.from_environ(parts.environ)
    return FeedbackServices(
        documents=parts.records,
        ratings=parts.ratings,
        rows=FeedbackObjects(StreamedObjects(aws.s3()), settings.bucket),
        bus=EventBridgeBus(aws.events(), settings.event_bus),
        answers=parts.records,
        now=utcnow,
    )


def routes(services: Callable[[], FeedbackServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/feedback", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "answers",
            {201: FeedbackResponse},
            body=FeedbackRequest,
            once=True,
            errors=(NotFound, Conflict),
        ),
    )
    def rate() -> Response:
        """Rate an answer or a search; rating the same again replaces what was said before."""
        request, deps = blueprint.current_request, services()
        body = parse_body(request, FeedbackRequest)
        tenant, request_id = tenant_of(request), request_id_of(request)
        return run_once(
            request, deps.answers, lambda: _rate(tenant, body, request_id, deps), CREATED
        )

    return blueprint


def _rate(
    tenant: str, body: FeedbackRequest, request_id: str, deps: FeedbackServices
) -> FeedbackResponse:
    """Store a rating: first the record that leads to its row, then the row.

    So a row is always removed with its documents. If a document is removed between the two writes,
    the row is removed again.

    Raises:
        NotFound: the answer cannot be rated, or the better passage names no document.
        InvalidInput: the better passage is not on its page.
        Conflict: a document of the answer is being removed.
    """
    kept = _logged_answer(tenant, body, deps)
    better = _better_span(tenant, body.better_passage, deps)
    named = list(dict.fromkeys((*kept.answer.numbered, *([better] if better else []))))
    documents = list(dict.fromkeys(place.document_id for place in named))
    current = deps.documents.current_versions(tenant, documents)
    _check_documents_exist(kept, current, body)
    marks = tuple(
        mark
        for mark in marks_for_rating(kept.answer, body.rating, better)
        if current.get(mark.document_id) == mark.version
    )
    ulid = kept.answer.id.rpartition("_")[2]
    row = FeedbackRow(
        feedback_id=f"fb_{ulid}",
        rating=body.rating,
        correction=body.correction or "",
        better_passage=better,
        comment=body.comment or "",
        asked=kept.answer,
        marks=marks,
        received_at=deps.now(),
    )
    key = f"feedback/{tenant}/{kept.answer.asked_at:%Y-%m-%d}/{row.feedback_id}.json"
    about = ((place.document_id, place.version) for place in named if place.document_id in current)
    rated = RatedAnswer(ulid, key, tuple(dict.fromkeys(about)))
    deps.ratings.rate(tenant, rated, kept, marks, body.rating)
    deps.rows.write_row(key, row)
    if not deps.ratings.stands(tenant, rated):
        deps.rows.remove_row(key)
        raise _deleted(body)
    deps.bus.publish(_event(tenant, row, request_id))
    return FeedbackResponse(feedback_id=row.feedback_id, ranks=bool(marks))


def _logged_answer(tenant: str, body: FeedbackRequest, deps: FeedbackServices) -> EmbeddedAnswer:
    kept = deps.ratings.get_answer(tenant, body.rated)
    if kept is None or kept.answer.kind != body.kind:
        raise NotFound(
            f"There is no {body.kind} {body.rated}; one can be rated for {ASKED_DAYS} days.",
            field=body.field,
            limit=str(ASKED_DAYS),
        )
    return kept


def _check_documents_exist(
    kept: EmbeddedAnswer, current: Mapping[str, str], body: FeedbackRequest
) -> None:
    """Raise `NotFound` if a document of an answer was deleted: the answer quotes it."""
    if body.kind == "answer" and any(
        place.document_id not in current for place in kept.answer.numbered
    ):
        raise _deleted(body)


def _deleted(body: FeedbackRequest) -> NotFound:
    return NotFound(
        "It rests on a document that was deleted, and cannot be rated any more.", field=body.field
    )


def _better_span(
    tenant: str, given: BetterPassage | None, deps: FeedbackServices
) -> QuotedSpan | None:
    """Return the better passage with its text, or None if none is given.

    Raises:
        NotFound: there is no such document or version.
        InvalidInput: the version has no such page, or the page no such characters.
    """
    if given is None:
        return None
    document = deps.documents.document(tenant, given.document_id)
    if document is None:
        raise NotFound(
            f"There is no document {given.document_id}.", field="better_passage.document_id"
        )
    version = given.version or document.version
    found = deps.documents.version(tenant, given.document_id, version) if version else None
    if found is None:
        raise NotFound(
            f"The document has no version {version}." if version else "No version of it answers.",
            field="better_passage.version",
        )
    if given.page > found.pages:
        raise InvalidInput(
            f"The document has {found.pages} pages in this version.",
            field="better_passage.page",
            limit=str(found.pages),
        )
    text = deps.rows.page_text(tenant, given.document_id, version, given.page)
    if given.end > len(text):
        raise InvalidInput(
            f"The page has {len(text)} characters.",
            field="better_passage.end",
            limit=str(len(text)),
        )
    return QuotedSpan(
        document_id=given.document_id,
        version=version,
        page=given.page,
        start=given.start,
        end=given.end,
        path=document.path,
        quote=text[given.start : given.end],
    )


def _event(tenant: str, row: FeedbackRow, request_id: str) -> FeedbackReceived:
    return FeedbackReceived(
        tenant=tenant,
        feedback_id=row.feedback_id,
        rated=row.asked.id,
        kind=row.asked.kind,
        rating=row.rating,
        corrected=bool(row.correction),
        ranks=bool(row.marks),
        correlation_id=request_id,
        time=row.received_at,
    )
