"""`POST /v1/ask`: an answer with a citation for every claim, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import answering, parse_body, request_id_of, tenant_of
from chalicelib.api.idempotency import once
from chalicelib.contracts import AskRequest
from chalicelib.query_ports import AnswerRecords
from chalicelib.retrieval.asking import Asker
from chalicelib.retrieval.finding import Query


@dataclass(frozen=True, slots=True)
class AskServices:
    """What the view of this module stands on."""

    asker: Asker
    answers: AnswerRecords


def routes(services: Callable[[], AskServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the blueprint; `services` is asked for when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/ask", methods=["POST"], authorizer=authorizer)
    @answering(blueprint)
    def ask() -> Response:
        request, deps = blueprint.current_request, services()
        body = parse_body(request, AskRequest)
        query = Query(
            tenant=tenant_of(request),
            text=body.question,
            collection=body.collection,
            top_k=body.top_k,
            correlation_id=request_id_of(request),
            field="question",
            filter=body.filter,
            rerank=body.rerank,
        )
        return once(request, deps.answers, lambda: deps.asker.ask(query, body.tier, body.history))

    return blueprint
