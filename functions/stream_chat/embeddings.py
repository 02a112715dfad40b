"""`POST /v1/embeddings`, compatible with OpenAI's clients.

https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.contracts.generations import EmbedOutput
from chalicelib.contracts.http import parsed
from chalicelib.contracts.openai.embeddings import EmbeddingList, EmbeddingRequest
from chalicelib.contracts.operations import Operation
from chalicelib.errors import ModelFailure, NotFound
from chalicelib.openai.embeddings import embed_call, embedding_list, terms
from functions.stream_chat.route import Deps, RouteRequest, json_answer

if TYPE_CHECKING:
    from chalicelib.contracts.http import Streamed

OPERATION = Operation(
    "openai", {200: EmbeddingList}, body=EmbeddingRequest, errors=(NotFound, ModelFailure)
)
"""Embed texts: a vector for each, in order, by one model.

A model that is named answers itself or not at all, since vectors of two models cannot be compared.
"""


def answer(asked: RouteRequest, deps: Deps) -> Streamed:
    """Return the answer to a request."""
    request = parsed(asked.body, EmbeddingRequest, plain=True)
    generation = deps.generator.generate(
        embed_call(request), terms(request), asked.spender_for(request)
    )
    if not isinstance(generation.output, EmbedOutput):
        raise ModelFailure(f"{generation.model} did not answer with vectors.")
    return json_answer(embedding_list(generation, generation.output, request))
