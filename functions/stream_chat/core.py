"""Route a request of OpenAI's API that calls models, and return errors as OpenAI does.

All routes stream: not every answer comes in pieces, but a streamed one is not limited to 29 seconds
and 6 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from chalicelib.api.proxy_events import Event, body_of, header_of, key_in, request_id_in, tenant_in
from chalicelib.budgets.spender import Spender
from chalicelib.contracts.http import Head, Streamed, cross_origin, retry_after
from chalicelib.errors import HeadraceError
from chalicelib.openai.errors import error_response
from functions.stream_chat import chat, embeddings, images, responses, transcriptions
from functions.stream_chat.route import Deps, RouteRequest

ROUTES: Mapping[str, Callable[[RouteRequest, Deps], Streamed]] = {
    "/v1/chat/completions": chat.answer,
    "/v1/responses": responses.answer,
    "/v1/embeddings": embeddings.answer,
    "/v1/images/generations": images.answer,
    "/v1/audio/transcriptions": transcriptions.answer,
    "/v1/audio/translations": transcriptions.answer_translation,
}

FIELD_NAMES: Mapping[str, Mapping[str, str]] = {
    "/v1/responses": {"messages": "input", "max_tokens": "max_output_tokens"},
    "/v1/embeddings": {"texts": "input"},
}
"""The names that a route has for fields of a call, where they are not the call's own."""


def run(event: Event, deps: Deps) -> Streamed:
    """Return the answer to API Gateway's proxy `event`.

    An invalid request, and a failure before the answer begins, get an HTTP error with OpenAI's
    body. A later failure is the last message of the stream.
    """
    request_id = request_id_in(event)
    spender = Spender(tenant_in(event), key_in(event), correlation_id=request_id)
    readable = cross_origin(deps.allowed_origins, header_of(event, "origin"))
    route = str(event["resource"])
    try:
        content_type = header_of(event, "content-type") or ""
        asked = RouteRequest(body_of(event), spender, request_id, content_type)
        answer = ROUTES[route](asked, deps)
    except HeadraceError as error:
        deps.log(error)
        error.field = FIELD_NAMES.get(route, {}).get(error.field or "", error.field)
        answer = _refusal(error, request_id)
    return replace(answer, head=Head(answer.head.status, {**answer.head.headers, **readable}))


def _refusal(error: HeadraceError, request_id: str) -> Streamed:
    status, body = error_response(error, request_id)
    seconds = retry_after(error)
    again = {} if seconds is None else {"Retry-After": str(seconds)}
    headers = {"Content-Type": "application/json", **again}
    return Streamed(Head(status, headers), [body.model_dump_json().encode()])
