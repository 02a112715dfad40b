"""`POST /v1/search`: passages by meaning and by words, a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.cursors import read_offset, write_offset
from chalicelib.api.http import key_id_of, parse_body, request_id_of, serve_operation, tenant_of
from chalicelib.api.idempotency import run_once
from chalicelib.contracts.operations import Operation
from chalicelib.contracts.search import SearchRequest, SearchResponse
from chalicelib.errors import ModelFailure, NotFound
from chalicelib.observability import spent
from chalicelib.retrieval.answer.answer_log import (
    NOT_LOGGED,
    AnswerLog,
    AnswerRecord,
    first_passage_span,
)
from chalicelib.retrieval.search.image_vectors import join_labels
from chalicelib.retrieval.search.query import Query, SearchResult
from chalicelib.retrieval.search.ranking import add_neighbours
from chalicelib.retrieval.search.searcher import Searcher
from chalicelib.rollouts.arms import ArmAssignment, ReadTraffic, no_traffic

if TYPE_CHECKING:
    from chalicelib.api.idempotency import ResponseRecords
    from chalicelib.contracts.receipts import Receipt
    from chalicelib.wiring.api import ApiParts

_NOT_OF_SEARCH = {"limit", "cursor", "neighbours", "rateable", "end_user"}
"""Fields that may differ between the pages of one search."""


@dataclass(frozen=True, slots=True)
class SearchServices:
    """The collaborators of the view of this module."""

    searcher: Searcher
    answer_log: AnswerLog
    answers: ResponseRecords
    receipt: Callable[[SearchResult], Receipt]
    traffic: ReadTraffic = no_traffic


def build_services(parts: ApiParts) -> SearchServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.wiring.rollouts import live_traffic

    return SearchServices(
        searcher=parts.searcher,
        answer_log=parts.answer_log,
        answers=parts.records,
        receipt=lambda found: parts.prices.search(
            found.embedding, found.rerank_result, found.image_labels, found.image_query
        ),
        traffic=lambda tenant: live_traffic(parts.environ)(tenant),
    )


def routes(services: Callable[[], SearchServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/search", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "answers",
            {200: SearchResponse},
            body=SearchRequest,
            once=True,
            errors=(ModelFailure, NotFound),
        ),
    )
    def search() -> Response:
        """Find passages by meaning and by words, or by a picture, best first, a page at a time.

        Give a `query` or an `image`. Pictures are found by both, and find texts.
        """
        request, deps = blueprint.current_request, services()
        body = parse_body(request, SearchRequest)
        query = Query(
            tenant=tenant_of(request),
            text=body.query or "",
            collection=body.collection,
            top_k=body.top_k,
            correlation_id=request_id_of(request),
            filter=body.filter,
            rerank=body.rerank,
            image=b"" if body.image is None else body.image.data,
            key=key_id_of(request),
            end_user=body.end_user,
        )
        return run_once(request, deps.answers, lambda: _search(query, body, deps))

    return blueprint


def _search(query: Query, body: SearchRequest, deps: SearchServices) -> SearchResponse:
    """Return the page of passages after the cursor.

    Each page ranks as many passages as the first one did, so that nothing is stored between pages;
    the order stays the same as long as no document changes and nobody rates. All pages are one
    search for ratings, which the first page logs, if it is to be kept.
    """
    asked = body.model_dump(mode="json", exclude=_NOT_OF_SEARCH)
    begin, search_id = read_offset(body.cursor, asked) if body.cursor is not None else (0, "")
    query, arm = _assigned(query, body, deps)
    found = deps.searcher.search(query)
    notices = found.notices
    if body.cursor is None and _is_kept(body, found):
        labels = found.image_labels
        text = query.text if labels is None else join_labels(labels.labels)
        record = AnswerRecord("search", text, text, cited=first_passage_span(found.passages))
        search_id = deps.answer_log.record(query, record, found)
        notices += () if search_id else (NOT_LOGGED,)
    end = begin + body.limit
    hits = found.passages[begin:end]
    if body.neighbours and hits and found.index is not None:
        hits = add_neighbours(deps.searcher.index, found.index, hits, body.neighbours)
    more = end < len(found.passages)
    receipt = arm.mark(deps.receipt(found))
    spent(receipt)
    return SearchResponse(
        search_id=search_id,
        hits=hits,
        next_cursor=write_offset(end, asked, search_id) if more else None,
        receipt=receipt,
        notices=notices,
        seen=None if found.image_labels is None else found.image_labels.labels,
    )


def _assigned(
    query: Query, body: SearchRequest, deps: SearchServices
) -> tuple[Query, ArmAssignment]:
    """Return the query with the retrieval setting of its collection; pictures have none."""
    from chalicelib.rollouts.retrieval import assign_setting

    if body.image is not None:
        return query, ArmAssignment("")
    return assign_setting(query, body.model_fields_set, deps.traffic(query.tenant))


def _is_kept(body: SearchRequest, found: SearchResult) -> bool:
    """Return whether a search is logged for ratings: each is a write and an item for 30 days."""
    if body.rateable is not None:
        return body.rateable
    return found.index is not None and found.index.votes > 0
