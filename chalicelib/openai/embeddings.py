"""An embedding request as a call in our terms, and vectors as OpenAI's clients read them.

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
from chalicelib.openai.completions import receipted


def embed_call(request: EmbeddingRequest) -> EmbedCall:
    """Return the call that `request` asks for.

    Raises:
        Unsupported: it holds numbers of tokens.
        InvalidInput: it holds no text, an empty one, or too many.
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
    """Return which models may answer. No other takes the place of one that is named: vectors of
    two models cannot be compared.
    """
    return Terms(model=request.model, fallback=False)


def embedding_list(
    generation: Generation, output: EmbedOutput, request: EmbeddingRequest
) -> EmbeddingList:
    """Return the vectors as `request` wants them written."""
    write = packed if request.encoding_format == "base64" else tuple
    tokens = generation.usage.tokens_in
    return EmbeddingList(
        data=tuple(
            Embedding(index=n, embedding=write(vector)) for n, vector in enumerate(output.vectors)
        ),
        model=generation.model,
        usage=EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens),
        headrace=receipted(generation),
    )


def packed(vector: Sequence[float]) -> str:
    """Return a vector's little-endian 32 bit floats as base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
