"""Calls answered by endpoints of SageMaker: chat and vectors, in real time or asynchronously."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.call_bounds import after, left_of
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    EmbedCall,
    EmbedOutput,
    Reply,
    Usage,
)
from chalicelib.errors import ModelFailure, Unsupported
from chalicelib.generation.bodies import endpoint_embedding, openai_chat
from chalicelib.generation.bodies.embedding import texts_only
from chalicelib.generation.served import EndpointBackend, Route, ServedModel
from chalicelib.generation.tokens import estimated_tokens

if TYPE_CHECKING:
    from chalicelib.adapters.endpoint_invocations import AsyncInvocations, Invocations
    from chalicelib.generation.dependencies import Asking
    from chalicelib.generation.streams import Delta


class EndpointBackendCalls:
    """Every model behind an endpoint of the stage's own account."""

    def __init__(self, in_time: Invocations, later: AsyncInvocations) -> None:
        self._in_time = in_time
        self._later = later

    def generate(self, model: ServedModel, route: Route, call: Call, asking: Asking) -> Reply:
        """Return the answer of `model` to `call`.

        Raises:
            Throttled, Transient: it may be asked again; Transient tells when, of a model that is
                being woken.
            Unsupported: its body has no such calls.
            InvalidInput: it does not take the call.
            ModelFailure: it gave nothing usable.
        """
        began = time.monotonic()
        if isinstance(call, ChatCall):
            reply = self._chat(model, route, call, asking)
        elif isinstance(call, EmbedCall):
            reply = self._embed(model, route, call, asking)
        else:
            raise _unsupported(model, call)
        return reply.model_copy(update={"seconds": round(time.monotonic() - began, 6)})

    def stream(
        self, model: ServedModel, route: Route, call: ChatCall, asking: Asking
    ) -> Iterator[Delta]:
        """Yield the answer as it is made. Raises as `generate` does, also while it is made."""
        backend = _backend(model)
        if backend.schema != openai_chat.SCHEMA:
            raise _unsupported(model, call)
        if backend.asynchronous:
            raise Unsupported(f"{model.name} answers all at once; it does not stream.")
        request = openai_chat.request(call, stream=True)
        pieces = self._in_time.stream(route.model_id, request, asking.seconds)
        yield from openai_chat.deltas(pieces, call)

    def _chat(self, model: ServedModel, route: Route, call: ChatCall, asking: Asking) -> Reply:
        if _backend(model).schema != openai_chat.SCHEMA:
            raise _unsupported(model, call)
        answered = self._asked(model, route, openai_chat.request(call), asking, asking.seconds)
        read = openai_chat.answer(answered)
        return Reply(
            model=model.name,
            answered_by=read.answered_by or route.model_id,
            output=read.output,
            usage=read.usage,
            seconds=0.0,
        )

    def _embed(self, model: ServedModel, route: Route, call: EmbedCall, asking: Asking) -> Reply:
        body = endpoint_embedding.SCHEMAS.get(_backend(model).schema)
        if body is None:
            raise _unsupported(model, call)
        texts_only(call, model.name)
        vectors: list[tuple[float, ...]] = []
        tokens = 0
        began = time.monotonic()
        for request in body.requests(call):
            with after(Usage(tokens_in=tokens)):
                left = left_of(asking.seconds, time.monotonic() - began)
                found = body.answer(self._asked(model, route, request, asking, left))
            texts = call.texts[len(vectors) : len(vectors) + len(found.vectors)]
            vectors += found.vectors
            told = found.tokens
            tokens += told if told is not None else sum(map(estimated_tokens, texts))
        if len(vectors) != len(call.texts):
            raise ModelFailure(
                f"{model.name} gave {len(vectors)} vectors for {len(call.texts)} texts.",
                usage=Usage(tokens_in=tokens),
            )
        return Reply(
            model=model.name,
            answered_by=route.model_id,
            output=EmbedOutput(vectors=tuple(vectors)),
            usage=Usage(tokens_in=tokens),
            seconds=0.0,
        )

    def _asked(
        self,
        model: ServedModel,
        route: Route,
        body: Mapping[str, Any],
        asking: Asking,
        left: float | None,
    ) -> Any:
        """Return the JSON that the endpoint answered in what is `left` of the call's time."""
        if _backend(model).asynchronous:
            raw = self._later.ask(route.model_id, body, asking.tenant, asking.correlation_id, left)
        else:
            raw = self._in_time.ask(route.model_id, body, left)
        try:
            return json.loads(raw)
        except ValueError as error:
            raise ModelFailure(f"{route.model_id} answered what is not JSON.") from error


def _backend(model: ServedModel) -> EndpointBackend:
    assert isinstance(model.backend, EndpointBackend), "the plan goes by the kind of the backend"
    return model.backend


def _unsupported(model: ServedModel, call: Call) -> Unsupported:
    return Unsupported(
        f"{model.name} does not answer calls of {call.task} by {_backend(model).schema}.",
        field="model",
    )
