"""Calls answered by endpoints of SageMaker: chat and vectors, in real time or asynchronously."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.models.text_embedding import embed_texts
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    EmbedCall,
    Reply,
)
from chalicelib.errors import ModelFailure, Unsupported
from chalicelib.generation.bodies import embeddings, openai_chat
from chalicelib.generation.models import EndpointBackend, ModelRoute, ServedModel

if TYPE_CHECKING:
    from chalicelib.adapters.models.endpoint_client import AsyncInvocations, RealTimeInvocations
    from chalicelib.generation.dependencies import CallContext
    from chalicelib.generation.streams import Delta


class EndpointCaller:
    """Every model behind an endpoint of the stage's own account."""

    def __init__(self, in_time: RealTimeInvocations, later: AsyncInvocations) -> None:
        self._in_time = in_time
        self._later = later

    def generate(
        self, model: ServedModel, route: ModelRoute, call: Call, asking: CallContext
    ) -> Reply:
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
        self, model: ServedModel, route: ModelRoute, call: ChatCall, asking: CallContext
    ) -> Iterator[Delta]:
        """Yield the answer as it is made. Raises as `generate` does, also while it is made."""
        backend = _backend(model)
        if backend.schema != openai_chat.SCHEMA:
            raise _unsupported(model, call)
        if backend.asynchronous:
            raise Unsupported(f"{model.name} answers all at once; it does not stream.")
        request = openai_chat.build_request(call, stream=True)
        pieces = self._in_time.stream(route.model_id, request, asking.seconds_left, asking.variant)
        yield from openai_chat.parse_stream(pieces, call)

    def _chat(
        self, model: ServedModel, route: ModelRoute, call: ChatCall, asking: CallContext
    ) -> Reply:
        if _backend(model).schema != openai_chat.SCHEMA:
            raise _unsupported(model, call)
        answered = self._asked(
            model, route, openai_chat.build_request(call), asking, asking.seconds_left
        )
        return openai_chat.chat_reply(answered, call, model.name, route.model_id)

    def _embed(
        self, model: ServedModel, route: ModelRoute, call: EmbedCall, asking: CallContext
    ) -> Reply:
        body = embeddings.ENDPOINT_FORMATS.get(_backend(model).schema)
        if body is None:
            raise _unsupported(model, call)
        return embed_texts(
            model.name,
            route.model_id,
            call,
            body,
            lambda request, left: self._asked(model, route, request, asking, left),
            asking.seconds_left,
        )

    def _asked(
        self,
        model: ServedModel,
        route: ModelRoute,
        body: Mapping[str, Any],
        asking: CallContext,
        left: float | None,
    ) -> Any:
        """Return the JSON that the endpoint answered in what is `left` of the call's time."""
        if _backend(model).asynchronous:
            raw = self._later.ask(route.model_id, body, asking.tenant, asking.correlation_id, left)
        else:
            raw = self._in_time.ask(route.model_id, body, left, asking.variant)
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
