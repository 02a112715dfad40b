"""`POST /v1/search`: passages by meaning and by words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import answering, parse_body, request_id_of, tenant_of
from chalicelib.api.idempotency import once
from chalicelib.contracts import Receipt, SearchRequest, SearchResponse
from chalicelib.query_ports import AnswerRecords
from chalicelib.retrieval.finding import Finder, Found, Query


@dataclass(frozen=True, slots=True)
class SearchServices:
    """What the view of this module stands on."""

    finder: Finder
    answers: AnswerRecords
    receipt: Callable[[Found], Receipt]


def routes(services: Callable[[], SearchServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the blueprint; `services` is asked for when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/search", methods=["POST"], authorizer=authorizer)
    @answering(blueprint)
    def search() -> Response:
        request, deps = blueprint.current_request, services()
        body = parse_body(request, SearchRequest)
        query = Query(
            tenant=tenant_of(request),
            text=body.query,
            collection=body.collection,
            top_k=body.top_k,
            correlation_id=request_id_of(request),
        )
        return once(request, deps.answers, lambda: _search(query, deps))

    return blueprint


def _search(query: Query, deps: SearchServices) -> SearchResponse:
    found = deps.finder.find(query)
    return SearchResponse(hits=found.passages, receipt=deps.receipt(found), notices=found.notices)
