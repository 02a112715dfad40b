"""InvokeModel of Cohere Embed and Amazon Nova Multimodal Embeddings, answered by MiniLM.

It has 384 dimensions and reads text only; what asks for others is refused, not answered otherwise.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput
from localcloud.bedrock.bodies.family import Body, malformed, only, required

COHERE_TEXTS = 96
_INPUT_TYPES = ("search_document", "search_query", "classification", "clustering")
_PURPOSES = (
    "GENERIC_INDEX",
    "GENERIC_RETRIEVAL",
    "TEXT_RETRIEVAL",
    "CLASSIFICATION",
    "CLUSTERING",
)


class Embedder(Protocol):
    """What the answer needs of an embedding model."""

    @property
    def dimensions(self) -> int:
        """Return how many numbers a vector has."""

    def embed_counted(
        self, texts: Sequence[str], *, truncate: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        """Return the vectors and how many tokens they took."""


def cohere(body: Body, embedder: Embedder, named: Mapping[str, object]) -> tuple[Body, int]:
    """Return Cohere's response to a body, with `named` added, and the tokens that it took."""
    only(body, "texts", "input_type", "truncate", "embedding_types", "output_dimension")
    texts = required(body, "texts")
    if not _is_texts(texts) or not 1 <= len(texts) <= COHERE_TEXTS:
        raise malformed(f"texts must be 1 to {COHERE_TEXTS} texts.")
    _one_of("input_type", required(body, "input_type"), _INPUT_TYPES)
    _check_dimensions("output_dimension", body.get("output_dimension"), embedder)
    kinds = body.get("embedding_types")
    if kinds not in (None, ["float"]):
        raise malformed("the local model embeds in float only; leave out embedding_types.")
    truncate = _truncates("truncate", body.get("truncate", "NONE"))
    vectors, tokens = _embedded(embedder, texts, truncate=truncate)
    by_type: Body = {"embeddings": vectors, "response_type": "embeddings_floats"}
    if kinds is not None:
        by_type = {"embeddings": {"float": vectors}, "response_type": "embeddings_by_type"}
    return {**by_type, "id": str(uuid.uuid4()), "texts": texts, **named}, tokens


def nova(body: Body, embedder: Embedder, named: Mapping[str, object]) -> tuple[Body, int]:
    """Return Nova's response to a body, with `named` added, and the tokens that it took."""
    only(body, "schemaVersion", "taskType", "singleEmbeddingParams")
    if required(body, "taskType") != "SINGLE_EMBEDDING":
        raise malformed("the local model takes taskType SINGLE_EMBEDDING only.")
    asked = required(body, "singleEmbeddingParams")
    if not isinstance(asked, dict):
        raise malformed("singleEmbeddingParams must be an object.")
    only(asked, "embeddingPurpose", "embeddingDimension", "text")
    _one_of("embeddingPurpose", required(asked, "embeddingPurpose"), _PURPOSES)
    _check_dimensions("embeddingDimension", asked.get("embeddingDimension"), embedder)
    text = required(asked, "text")
    if not isinstance(text, dict) or not _is_texts([text.get("value")]):
        raise malformed("the local model reads text.value only, a text.")
    only(text, "truncationMode", "value")
    truncate = _truncates("truncationMode", required(text, "truncationMode"))
    vectors, tokens = _embedded(embedder, [text["value"]], truncate=truncate)
    return {"embeddings": [{"embeddingType": "TEXT", "embedding": vectors[0]}], **named}, tokens


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)


def _one_of(name: str, value: Any, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise malformed(f"{name} must be one of {', '.join(allowed)}.")


def _check_dimensions(name: str, asked: Any, embedder: Embedder) -> None:
    if asked not in (None, embedder.dimensions):
        raise malformed(
            f"the local model embeds in {embedder.dimensions} dimensions only;"
            f" leave out {name}, or give {embedder.dimensions}."
        )


def _truncates(name: str, mode: Any) -> bool:
    if mode not in ("NONE", "END"):
        raise malformed(f"the local model takes {name} NONE or END, not {mode}.")
    return bool(mode == "END")


def _embedded(
    embedder: Embedder, texts: Sequence[str], *, truncate: bool
) -> tuple[list[list[float]], int]:
    try:
        vectors, tokens = embedder.embed_counted(texts, truncate=truncate)
    except InvalidInput as error:
        raise malformed(error.message) from error
    return vectors.tolist(), tokens
