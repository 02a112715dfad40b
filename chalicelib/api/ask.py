"""`POST /v1/ask`: an answer with a citation for every claim, or the nearest passages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import key_id_of, parse_body, request_id_of, serve_operation, tenant_of
from chalicelib.api.idempotency import run_once
from chalicelib.captures.recorder import NoCapture
from chalicelib.contracts.answers import AskRequest, AskResponse
from chalicelib.contracts.operations import Operation
from chalicelib.errors import ModelFailure, NotFound
from chalicelib.observability import spent
from chalicelib.retrieval.search.query import Query
from chalicelib.rollouts.arms import ReadTraffic, no_traffic

if TYPE_CHECKING:
    from chalicelib.api.idempotency import ResponseRecords
    from chalicelib.captures.recorder import CallCapture
    from chalicelib.retrieval.answer.pipeline import QuestionAnswerer
    from chalicelib.wiring.api import ApiParts


@dataclass(frozen=True, slots=True)
class AskServices:
    """The collaborators of the view of this module.

    `answerer` returns the pipeline with the language model that the stage uses now.
    """

    answerer: Callable[[], QuestionAnswerer]
    answers: ResponseRecords
    recorder: Callable[[], CallCapture] = NoCapture
    traffic: ReadTraffic = no_traffic


def build_services(parts: ApiParts) -> AskServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.wiring.captures import call_recorder
    from chalicelib.wiring.rollouts import live_traffic

    return AskServices(
        answerer=lambda: parts.answerer,
        answers=parts.records,
        recorder=lambda: call_recorder(parts.environ),
        traffic=lambda tenant: live_traffic(parts.environ)(tenant),
    )


def routes(services: Callable[[], AskServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/ask", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "answers",
            {200: AskResponse},
            body=AskRequest,
            once=True,
            errors=(ModelFailure, NotFound),
        ),
    )
    def ask() -> Response:
        """Answer a question from the documents, with a citation for every claim.

        The cheapest tier that suffices answers. If no sentence of the documents answers, the
        outcome is `nearest`, with the closest passages, or `not_found` if they are about something
        else, and `looked_at` says what was searched. An answer that may miss the point has the
        closest passages beside it.
        """
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
            key=key_id_of(request),
            end_user=body.end_user,
        )
        return run_once(request, deps.answers, lambda: _ask(query, body, deps))

    return blueprint


def _ask(query: Query, body: AskRequest, deps: AskServices) -> AskResponse:
    from chalicelib.captures.asks import RecordedAsk
    from chalicelib.rollouts.retrieval import assign_setting

    query, arm = assign_setting(query, body.model_fields_set, deps.traffic(query.tenant))
    recorded = RecordedAsk(deps.recorder(), query, body, version=arm.version, rollout=arm.captured)
    answer = recorded.answer(lambda: deps.answerer().answer(query, body.tier, body.history))
    spent(answer.receipt)
    return answer.model_copy(update={"receipt": arm.mark(answer.receipt)})
