"""InvokeModel of Titan Text Embeddings V2, answered by MiniLM.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html

MiniLM has 384 dimensions and Titan 256, 512 or 1,024, so a request that names one of Titan's is
refused rather than answered with another; one that names none gets 384.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput
from localcloud.bedrock.conversation import invalid

_UNDERSTOOD = frozenset({"inputText", "dimensions", "normalize", "embeddingTypes"})


class Embedder(Protocol):
    """What the answer needs of an embedding model."""

    @property
    def dimensions(self) -> int:
        """Return how many numbers a vector has."""

    def embed_counted(self, texts: tuple[str, ...]) -> tuple[NDArray[np.float32], int]:
        """Return the vectors and how many tokens they took."""


def embed(body: bytes, embedder: Embedder, named: Mapping[str, object]) -> bytes:
    """Return Titan's response to a request body, with `named` added. Raises ValidationException."""
    text = _checked(body, embedder.dimensions)
    try:
        vectors, tokens = embedder.embed_counted((text,))
    except InvalidInput as error:
        raise invalid(f"Malformed input request: {error.message}") from error
    vector = vectors[0].tolist()
    answer = {
        "embedding": vector,
        "embeddingsByType": {"float": vector},
        "inputTextTokenCount": tokens,
        **named,
    }
    return json.dumps(answer).encode()


def _checked(body: bytes, dimensions: int) -> str:
    try:
        request: Any = json.loads(body)
    except ValueError as error:
        raise invalid("Malformed input request: the body is not JSON.") from error
    if not isinstance(request, dict):
        raise invalid("Malformed input request: the body is not an object.")
    unknown = sorted(set(request) - _UNDERSTOOD)
    if unknown:
        raise invalid(f"Malformed input request: extraneous key [{unknown[0]}] is not permitted.")
    text = request.get("inputText")
    if not isinstance(text, str) or not text:
        raise invalid("Malformed input request: inputText must be a text of 1 character or more.")
    if request.get("dimensions", dimensions) != dimensions:
        raise invalid(
            f"The local model embeds in {dimensions} dimensions only;"
            f" leave out dimensions, or give {dimensions}."
        )
    if request.get("normalize", True) is not True:
        raise invalid("The local model's vectors are always normalised; leave out normalize.")
    if request.get("embeddingTypes", ["float"]) != ["float"]:
        raise invalid("The local model embeds in float only; leave out embeddingTypes.")
    return text
