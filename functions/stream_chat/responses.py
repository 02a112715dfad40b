"""`POST /v1/responses`, compatible with OpenAI's clients.

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import Generation
from chalicelib.contracts.http import parsed
from chalicelib.contracts.openai.response_objects import (
    AnyResponseEvent,
    ResponseArgumentsDelta,
    ResponseArgumentsDone,
    ResponseCompleted,
    ResponseCreated,
    ResponseFailed,
    ResponseIncomplete,
    ResponseInProgress,
    ResponseItemAdded,
    ResponseItemDone,
    ResponseObject,
    ResponsePartAdded,
    ResponsePartDone,
    ResponseTextDelta,
    ResponseTextDone,
)
from chalicelib.contracts.openai.responses import ResponseRequest
from chalicelib.contracts.operations import Media, Operation
from chalicelib.errors import HeadraceError, ModelFailure, NotFound
from chalicelib.openai.response_events import ResponseEvents
from chalicelib.openai.responses import chat_call, terms
from functions.stream_chat.route import (
    Deps,
    Piece,
    RouteRequest,
    chat_output,
    event_stream,
    json_answer,
    server_sent_event,
)

if TYPE_CHECKING:
    from chalicelib.contracts.http import Streamed

OPERATION = Operation(
    "openai",
    {
        200: Media(
            "text/event-stream",
            "The response. With `stream`, its events, each with its name and one line of JSON.",
            {
                "response.created": ResponseCreated,
                "response.in_progress": ResponseInProgress,
                "response.output_item.added": ResponseItemAdded,
                "response.content_part.added": ResponsePartAdded,
                "response.output_text.delta": ResponseTextDelta,
                "response.output_text.done": ResponseTextDone,
                "response.content_part.done": ResponsePartDone,
                "response.function_call_arguments.delta": ResponseArgumentsDelta,
                "response.function_call_arguments.done": ResponseArgumentsDone,
                "response.output_item.done": ResponseItemDone,
                "response.completed": ResponseCompleted,
                "response.incomplete": ResponseIncomplete,
                "response.failed": ResponseFailed,
            },
            whole=ResponseObject,
        )
    },
    body=ResponseRequest,
    errors=(NotFound, ModelFailure),
)
"""Answer a conversation as a response, whole or as the events that it is made of.

Nothing is stored: the whole conversation comes with each request, and `previous_response_id` is
refused. What goes wrong once events are on their way is told by `response.failed`, the last one.
"""


def answer(asked: RouteRequest, deps: Deps) -> Streamed:
    """Return the answer to a request. Raises an error that occurs before the first piece."""
    request = parsed(asked.body, ResponseRequest, plain=True)
    call, call_terms = chat_call(request), terms(request)
    events = ResponseEvents(request, asked.request_id, int(deps.now().timestamp()))
    if not request.stream:
        generation = deps.generator.generate(call, call_terms, asked.spender_for(request))
        return json_answer(events.whole_response(generation, chat_output(generation)))
    pieces = deps.generator.stream(call, call_terms, asked.spender_for(request))
    first = next(pieces)
    return event_stream(_told(itertools.chain((first,), pieces), events, deps))


def _told(pieces: Iterator[Piece], events: ResponseEvents, deps: Deps) -> Iterator[bytes]:
    yield from _sent(events.begin())
    try:
        for piece in pieces:
            if isinstance(piece, Generation):
                yield from _sent(events.end(piece, chat_output(piece)))
            else:
                yield from _sent(events.add(piece))
    except HeadraceError as error:
        deps.log(error)
        yield from _sent(events.fail(error))


def _sent(events: Iterable[AnyResponseEvent]) -> Iterator[bytes]:
    for event in events:
        yield server_sent_event(event, event.type)
