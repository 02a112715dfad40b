"""Conversion of an embedding request into a model call, and of vectors into its response.

https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence

from chalicelib.contracts.generations import MAX_TEXTS, EmbedCall, EmbedOutput, Generation, Terms
from chalicelib.contracts.openai.embeddings import (
    Embedding,
    EmbeddingList,
    EmbeddingRequest,
    EmbeddingUsage,
)
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.openai.completions import generation_receipt


def embed_call(request: EmbeddingRequest) -> EmbedCall:
    """Return the call that `request` asks for.

    Raises:
        Unsupported: It holds tokens instead of texts.
        InvalidInput: It holds no text, an empty one, or too many.
    """
    given = (request.input,) if isinstance(request.input, str) else request.input
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) != len(given):
        raise Unsupported("input takes texts, not tokens; send what they stand for.", field="input")
    if not texts or not all(texts):
        raise InvalidInput("input has to hold texts that are not empty.", field="input")
    if len(texts) > MAX_TEXTS:
        raise InvalidInput(
            f"input takes {MAX_TEXTS} texts at most.", field="input", limit=str(MAX_TEXTS)
        )
    return EmbedCall(texts=tuple(texts), dimensions=request.dimensions)


def terms(request: EmbeddingRequest) -> Terms:
    """Return the terms of `request`, without fallback.

    Vectors of two models cannot be compared, so no other model may take the place of the named one.
    """
    return Terms(model=request.model, fallback=False)


def embedding_list(
    generation: Generation, output: EmbedOutput, request: EmbeddingRequest
) -> EmbeddingList:
    """Return the vectors in the encoding that `request` names."""
    write = encode_vector if request.encoding_format == "base64" else tuple
    tokens = generation.usage.tokens_in
    return EmbeddingList(
        data=tuple(
            Embedding(index=n, embedding=write(vector)) for n, vector in enumerate(output.vectors)
        ),
        model=generation.model,
        usage=EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens),
        headrace=generation_receipt(generation),
    )


def encode_vector(vector: Sequence[float]) -> str:
    """Return a vector's little-endian 32 bit floats as base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
