"""An answer as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.api.proxy_events import body_of, header_of, key_in, request_id_in, tenant_in
from chalicelib.contracts.answers import (
    AskCitation,
    AskClaim,
    AskDone,
    AskEvent,
    AskExtract,
    AskNearest,
    AskRefused,
    AskRequest,
    AskRetrieved,
)
from chalicelib.contracts.http import (
    NO_ORIGIN,
    STATUS_OF,
    ErrorBody,
    Head,
    Streamed,
    cross_origin,
    error_body,
    kind_of,
    parsed,
    retry_after,
)
from chalicelib.contracts.operations import Media, Operation
from chalicelib.errors import HeadraceError, ModelFailure, NotFound

if TYPE_CHECKING:
    from chalicelib.contracts.base import Contract

HEADERS: Mapping[str, str] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
}

OPERATION = Operation(
    "answers",
    {
        200: Media(
            "text/event-stream",
            "Server-sent events, each with its name and one line of JSON.",
            {
                "retrieved": AskRetrieved,
                "extract": AskExtract,
                "citation": AskCitation,
                "claim": AskClaim,
                "refused": AskRefused,
                "nearest": AskNearest,
                "done": AskDone,
                "error": ErrorBody,
            },
        )
    },
    body=AskRequest,
    errors=(ModelFailure, NotFound),
)
"""Answer a question as a stream of events, each as soon as it is true.

`retrieved` comes first and `done` last. An `extract` is the answer in the documents' own sentences,
before a language model is asked to improve it. A `citation` comes before the first `claim` that
cites it, and a claim once it is supported, or marked as unsupported. Without an answer, `refused`
says so in place of claims, and `nearest` has the closest passages; it also follows claims that may
miss the point. An invalid request is an HTTP error; an error after the first event is an event
`error`, the last one. Nothing is kept under an `Idempotency-Key`.
"""

Ask = Callable[[AskRequest, str, str, str], Iterator[AskEvent]]
"""Answers the request of a tenant, by one of its keys and under a correlation id; refuses it before
the first event.
"""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `log` records errors that the caller cannot be told."""

    ask: Ask
    log: Callable[[HeadraceError], None]
    allowed_origins: str = NO_ORIGIN


def run(event: Mapping[str, Any], deps: Deps) -> Streamed:
    """Return the answer to API Gateway's proxy `event`.

    An invalid request gets an HTTP error. An error after the first event is an event `error`, the
    last one.
    """
    request_id = request_id_in(event)
    readable = cross_origin(deps.allowed_origins, header_of(event, "origin"))
    try:
        body = parsed(body_of(event), AskRequest)
        events = deps.ask(body, tenant_in(event), key_in(event), request_id)
        first = next(events)
    except HeadraceError as error:
        deps.log(error)
        return _refusal(error, request_id, readable)
    return Streamed(Head(200, {**HEADERS, **readable}), _told(first, events, request_id, deps))


def _told(
    first: AskEvent, events: Iterator[AskEvent], request_id: str, deps: Deps
) -> Iterator[bytes]:
    try:
        for event in itertools.chain((first,), events):
            yield server_sent(event.event, event)
    except HeadraceError as error:
        deps.log(error)
        yield server_sent("error", error_body(error, request_id))


def _refusal(error: HeadraceError, request_id: str, readable: Mapping[str, str]) -> Streamed:
    headers = {"Content-Type": "application/json", **readable}
    seconds = retry_after(error)
    if seconds is not None:
        headers["Retry-After"] = str(seconds)
    body = error_body(error, request_id).model_dump_json().encode()
    return Streamed(Head(STATUS_OF[kind_of(error)], headers), [body])


def server_sent(name: str, content: Contract) -> bytes:
    """Return one event of the stream: its name, and its content as one line of JSON."""
    return f"event: {name}\ndata: {content.model_dump_json()}\n\n".encode()
