"""The Lambda function `stream_answer`, which runs its own loop: see `bootstrap`."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any

from chalicelib.contracts.api import AskRequest
from chalicelib.contracts.asking import AskEvent
from chalicelib.errors import HeadraceError
from chalicelib.observability import logger, observed
from chalicelib.query_wiring import QueryServices
from chalicelib.retrieval.finding import Query
from chalicelib.streaming import Streamed, serve
from functions.stream_answer import core

SERVICE = "stream_answer"


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    services = QueryServices(os.environ)

    def ask(body: AskRequest, tenant: str, request_id: str) -> Iterator[AskEvent]:
        query = Query(
            tenant=tenant,
            text=body.question,
            collection=body.collection,
            top_k=body.top_k,
            correlation_id=request_id,
            field="question",
            filter=body.filter,
            rerank=body.rerank,
        )
        return services.asker.events(query, body.tier, body.history)

    return core.Deps(ask, _log)


def handler(event: dict[str, Any], context: object = None) -> Streamed:
    """Answer API Gateway's proxy `event` with a stream."""
    with observed(SERVICE, str(event["requestContext"]["requestId"])):
        return core.run(event, deps())


def _log(error: HeadraceError) -> None:
    logger(SERVICE).info("refused", extra={"error": type(error).__name__, "why": error.message})


if __name__ == "__main__":
    serve(handler, os.environ["AWS_LAMBDA_RUNTIME_API"])
