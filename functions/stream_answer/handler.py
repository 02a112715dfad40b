"""The Lambda function `stream_answer`, which runs its own loop: see `bootstrap`."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.lambda_runtime import serve
from chalicelib.api.proxy_events import request_id_in
from chalicelib.contracts.answers import AskDone, AskEvent
from chalicelib.contracts.http import Streamed
from chalicelib.observability import log_refusal, logger, observed, spent, told_under
from chalicelib.retrieval.search.query import Query
from chalicelib.wiring.generation import generator
from chalicelib.wiring.queries import QueryServices
from functions.stream_answer import core

if TYPE_CHECKING:
    from chalicelib.contracts.answers import AskRequest
    from chalicelib.errors import HeadraceError
    from chalicelib.rollouts.arms import ArmAssignment

SERVICE = "stream_answer"
ANSWER_SECONDS = 45.0
"""The seconds in which a language model must rewrite a question, and again answer it, of the 120 s
after which Lambda stops the function.
"""


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    asks_models = functools.cache(lambda: generator(os.environ))
    services = QueryServices(os.environ, asks_models, ANSWER_SECONDS)

    def ask(body: AskRequest, tenant: str, key: str, request_id: str) -> Iterator[AskEvent]:
        from chalicelib.captures.asks import RecordedAsk
        from chalicelib.rollouts.retrieval import assign_setting
        from chalicelib.wiring.captures import call_recorder
        from chalicelib.wiring.rollouts import live_traffic

        query = Query(
            tenant=tenant,
            text=body.question,
            collection=body.collection,
            top_k=body.top_k,
            correlation_id=request_id,
            field="question",
            filter=body.filter,
            rerank=body.rerank,
            key=key,
            end_user=body.end_user,
        )
        query, arm = assign_setting(query, body.model_fields_set, live_traffic(os.environ)(tenant))
        recorded = RecordedAsk(
            call_recorder(os.environ), query, body, version=arm.version, rollout=arm.captured
        )
        events = recorded.stream(lambda: services.answerer.stream(query, body.tier, body.history))
        return counted(marked(events, arm))

    return core.Deps(ask, log_error, os.environ.get("HEADRACE_ALLOWED_ORIGINS", "none"))


def marked(events: Iterator[AskEvent], arm: ArmAssignment) -> Iterator[AskEvent]:
    """Yield `events`, of which the last one's receipt says the arm of a rollout."""
    for event in events:
        if isinstance(event, AskDone):
            yield event.model_copy(update={"receipt": arm.mark(event.receipt)})
        else:
            yield event


def counted(events: Iterator[AskEvent]) -> Iterator[AskEvent]:
    """Yield `events`, and count the receipt of the last one as spending of the stage."""
    for event in events:
        if isinstance(event, AskDone):
            spent(event.receipt)
        yield event


def handler(event: dict[str, Any], context: object = None) -> Streamed:
    """Answer API Gateway's proxy `event` with a stream."""
    request_id = request_id_in(event)
    with observed(SERVICE, request_id):
        answer = core.run(event, deps())
    return replace(answer, body=told_under(SERVICE, request_id, answer.body))


def log_error(error: HeadraceError) -> None:
    """Log an error that the caller cannot be told."""
    log_refusal(logger(SERVICE), error, answered=True)


if __name__ == "__main__":
    serve(handler, os.environ["AWS_LAMBDA_RUNTIME_API"])
