"""`POST /v1/chat/completions`, compatible with OpenAI's clients.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import Generation
from chalicelib.contracts.http import parsed
from chalicelib.contracts.openai.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionRequest,
)
from chalicelib.contracts.operations import Media, Operation
from chalicelib.errors import HeadraceError, ModelFailure, NotFound
from chalicelib.openai.chat import chat_call, terms
from chalicelib.openai.completions import CompletionChunks, chat_completion
from chalicelib.openai.errors import error_response
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

DONE = b"data: [DONE]\n\n"

OPERATION = Operation(
    "openai",
    {
        200: Media(
            "text/event-stream",
            "The answer. With `stream`, its pieces as server-sent events, and `[DONE]` last.",
            {"": ChatCompletionChunk},
            whole=ChatCompletion,
        )
    },
    body=ChatCompletionRequest,
    errors=(NotFound, ModelFailure),
)
"""Answer a conversation, whole or in pieces as they are made.

`model` is a name of `GET /v1/models`, or `auto` for the cheapest that suffices. What was tried, why
and at what price stands under `headrace`; a stream tells it with the piece that ends the answer.
What goes wrong once pieces are on their way is the last of them, without `[DONE]` after it.
"""


def answer(asked: RouteRequest, deps: Deps) -> Streamed:
    """Return the answer to a request. Raises an error that occurs before the first piece."""
    request = parsed(asked.body, ChatCompletionRequest, plain=True)
    call, call_terms = chat_call(request), terms(request)
    if not request.stream:
        generation = deps.generator.generate(call, call_terms, asked.spender_for(request))
        return json_answer(chat_completion(generation, chat_output(generation)))
    pieces = deps.generator.stream(call, call_terms, asked.spender_for(request))
    first = next(pieces)
    chunks = CompletionChunks(
        f"chatcmpl-{asked.request_id}", int(deps.now().timestamp()), request.model
    )
    options = request.stream_options
    accounts = options is not None and bool(options.include_usage)
    return event_stream(_told(itertools.chain((first,), pieces), chunks, accounts, asked, deps))


def _told(
    pieces: Iterator[Piece],
    chunks: CompletionChunks,
    accounts: bool,
    asked: RouteRequest,
    deps: Deps,
) -> Iterator[bytes]:
    yield server_sent_event(chunks.first())
    try:
        for piece in pieces:
            if not isinstance(piece, Generation):
                yield server_sent_event(chunks.delta(piece))
                continue
            yield server_sent_event(chunks.last(piece, chat_output(piece)))
            if accounts:
                yield server_sent_event(chunks.usage(piece))
    except HeadraceError as error:
        deps.log(error)
        yield server_sent_event(error_response(error, asked.request_id)[1])
        return
    yield DONE
