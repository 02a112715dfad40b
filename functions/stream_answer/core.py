"""An answer as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.contracts.api import AskRequest
from chalicelib.contracts.asking import AskEvent
from chalicelib.contracts.base import Contract
from chalicelib.contracts.http import RETRY_AFTER, STATUS_OF, error_body, kind_of, parsed
from chalicelib.errors import HeadraceError
from chalicelib.streaming import Head, Streamed

HEADERS: Mapping[str, str] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
}

Ask = Callable[[AskRequest, str, str], Iterator[AskEvent]]
"""Answers the request of a tenant, under a correlation id; refuses it before the first event."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What the function works with; `log` hears of what cannot be told to the caller."""

    ask: Ask
    log: Callable[[HeadraceError], None]


def run(event: Mapping[str, Any], deps: Deps) -> Streamed:
    """Return the answer to API Gateway's proxy `event`.

    What is wrong with the request is an HTTP error. What goes wrong once events are on their way
    is an event `error`, the last one.
    """
    context = event["requestContext"]
    request_id = str(context["requestId"])
    try:
        body = parsed(_raw(event), AskRequest)
        events = deps.ask(body, str(context["authorizer"]["tenant"]), request_id)
        first = next(events)
    except HeadraceError as error:
        deps.log(error)
        return _refusal(error, request_id)
    return Streamed(Head(200, HEADERS), _told(first, events, request_id, deps))


def _raw(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else str(body).encode()


def _told(
    first: AskEvent, events: Iterator[AskEvent], request_id: str, deps: Deps
) -> Iterator[bytes]:
    try:
        for told in itertools.chain((first,), events):
            yield server_sent(told.event, told)
    except HeadraceError as error:
        deps.log(error)
        yield server_sent("error", error_body(error, request_id))


def _refusal(error: HeadraceError, request_id: str) -> Streamed:
    kind = kind_of(error)
    headers = {"Content-Type": "application/json"}
    if kind in RETRY_AFTER:
        headers["Retry-After"] = str(RETRY_AFTER[kind])
    body = error_body(error, request_id).model_dump_json().encode()
    return Streamed(Head(STATUS_OF[kind], headers), [body])


def server_sent(name: str, content: Contract) -> bytes:
    """Return one event of the stream: its name, and its content as one line of JSON."""
    return f"event: {name}\ndata: {content.model_dump_json()}\n\n".encode()
