"""Calls answered by any server of OpenAI's API: Ollama, vLLM, llama.cpp, LM Studio, OpenAI.

https://platform.openai.com/docs/api-reference/chat/create
https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.adapters.models.text_embedding import embed_texts
from chalicelib.contracts.generations import Call, ChatCall, EmbedCall, Reply
from chalicelib.errors import Unsupported
from chalicelib.generation.bodies import embeddings, openai_chat
from chalicelib.generation.models import ModelRoute, OpenAiBackend, ServedModel

if TYPE_CHECKING:
    from chalicelib.adapters.models.openai_client import OpenAiServers
    from chalicelib.generation.dependencies import CallContext
    from chalicelib.generation.streams import Delta

CHAT_PATH = "/chat/completions"
EMBEDDINGS_PATH = "/embeddings"


class OpenAiCompatibleCaller:
    """Every model that an operator added by the address of its server."""

    def __init__(self, open_servers: Callable[[], OpenAiServers], seconds: int) -> None:
        """Ask by the servers that `open_servers` returns, and wait for `seconds` at most.

        They are opened at the first call, as most stages have none.
        """
        self._open_servers = open_servers
        self._seconds = seconds

    @cached_property
    def _servers(self) -> OpenAiServers:
        return self._open_servers()

    def generate(
        self, model: ServedModel, route: ModelRoute, call: Call, asking: CallContext
    ) -> Reply:
        """Return the answer of `model` to `call`.

        Raises:
            Throttled, Transient: it may be asked again.
            InvalidInput: it does not take the call.
            Unsupported: its body has no such calls.
            ModelFailure: it gave nothing usable.
            HeadraceError: an operator has to act, such as on a refused key.
        """
        began = time.monotonic()
        backend = _backend(model)
        if isinstance(call, ChatCall) and backend.schema in openai_chat.TOKEN_LIMITS:
            reply = self._chat(model, backend, call, asking)
        elif isinstance(call, EmbedCall) and backend.schema in embeddings.ENDPOINT_FORMATS:
            reply = self._embed(model, backend, call, asking)
        else:
            raise _unsupported(model, call)
        return reply.model_copy(update={"seconds": round(time.monotonic() - began, 6)})

    def stream(
        self, model: ServedModel, route: ModelRoute, call: ChatCall, asking: CallContext
    ) -> Iterator[Delta]:
        """Yield the answer as it is made. Raises as `generate` does, also while it is made."""
        backend = _backend(model)
        if backend.schema not in openai_chat.TOKEN_LIMITS:
            raise _unsupported(model, call)
        body = openai_chat.build_request(call, stream=True, schema=backend.schema)
        pieces = self._servers.stream(
            backend,
            CHAT_PATH,
            {"model": backend.model_id, **body},
            self._timeout(asking.seconds_left),
        )
        yield from openai_chat.parse_stream(pieces, call)

    def _chat(
        self, model: ServedModel, backend: OpenAiBackend, call: ChatCall, asking: CallContext
    ) -> Reply:
        body = openai_chat.build_request(call, schema=backend.schema)
        answer = self._servers.ask(
            backend,
            CHAT_PATH,
            {"model": backend.model_id, **body},
            self._timeout(asking.seconds_left),
        )
        return openai_chat.chat_reply(answer, call, model.name, backend.model_id)

    def _embed(
        self, model: ServedModel, backend: OpenAiBackend, call: EmbedCall, asking: CallContext
    ) -> Reply:
        return embed_texts(
            model.name,
            backend.model_id,
            call,
            embeddings.ENDPOINT_FORMATS[backend.schema],
            lambda body, left: self._servers.ask(
                backend,
                EMBEDDINGS_PATH,
                {"model": backend.model_id, **body},
                self._timeout(left),
            ),
            asking.seconds_left,
        )

    def _timeout(self, left: float | None) -> float:
        return self._seconds if left is None else min(left, self._seconds)


def _backend(model: ServedModel) -> OpenAiBackend:
    assert isinstance(model.backend, OpenAiBackend), "the plan goes by the kind of the backend"
    return model.backend


def _unsupported(model: ServedModel, call: Call) -> Unsupported:
    return Unsupported(f"{model.name} does not answer calls of {call.task}.", field="model")
