"""Body formats of Cohere Embed, Nova Multimodal Embeddings and Titan, served by MiniLM.

MiniLM has 384 dimensions and reads text only. A request for another number of dimensions or for
images is refused; one that names no dimensions gets 384.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput
from localcloud.bedrock.bodies.body_format import Body, check_keys, malformed_request, required_key

MAX_COHERE_TEXTS = 96
_INPUT_TYPES = ("search_document", "search_query", "classification", "clustering")
_PURPOSES = (
    "GENERIC_INDEX",
    "GENERIC_RETRIEVAL",
    "TEXT_RETRIEVAL",
    "CLASSIFICATION",
    "CLUSTERING",
)


class LocalEmbedder(Protocol):
    """An embedding model that also counts tokens."""

    @property
    def dimensions(self) -> int:
        """The length of a vector."""

    def embed_counted(
        self, texts: Sequence[str], *, truncate: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        """Return the vectors of `texts` and their number of tokens."""


def embed_cohere(
    body: Body, embedder: LocalEmbedder, identity: Mapping[str, object]
) -> tuple[Body, int]:
    """Return Cohere's response body with the fields `identity`, and the input tokens."""
    check_keys(body, "texts", "input_type", "truncate", "embedding_types", "output_dimension")
    texts = required_key(body, "texts")
    if not _is_texts(texts) or not 1 <= len(texts) <= MAX_COHERE_TEXTS:
        raise malformed_request(f"texts must be 1 to {MAX_COHERE_TEXTS} texts.")
    _check_choice("input_type", required_key(body, "input_type"), _INPUT_TYPES)
    _check_dimensions("output_dimension", body.get("output_dimension"), embedder)
    kinds = body.get("embedding_types")
    if kinds not in (None, ["float"]):
        raise malformed_request("the local model embeds in float only; leave out embedding_types.")
    truncate = _parse_truncation("truncate", body.get("truncate", "NONE"))
    vectors, tokens = _embed(embedder, texts, truncate=truncate)
    by_type: Body = {"embeddings": vectors, "response_type": "embeddings_floats"}
    if kinds is not None:
        by_type = {"embeddings": {"float": vectors}, "response_type": "embeddings_by_type"}
    return {**by_type, "id": str(uuid.uuid4()), "texts": texts, **identity}, tokens


def embed_nova(
    body: Body, embedder: LocalEmbedder, identity: Mapping[str, object]
) -> tuple[Body, int]:
    """Return Nova's response body with the fields `identity`, and the input tokens."""
    check_keys(body, "schemaVersion", "taskType", "singleEmbeddingParams")
    if required_key(body, "taskType") != "SINGLE_EMBEDDING":
        raise malformed_request("the local model takes taskType SINGLE_EMBEDDING only.")
    request = required_key(body, "singleEmbeddingParams")
    if not isinstance(request, dict):
        raise malformed_request("singleEmbeddingParams must be an object.")
    check_keys(request, "embeddingPurpose", "embeddingDimension", "text")
    _check_choice("embeddingPurpose", required_key(request, "embeddingPurpose"), _PURPOSES)
    _check_dimensions("embeddingDimension", request.get("embeddingDimension"), embedder)
    text = required_key(request, "text")
    if not isinstance(text, dict) or not _is_texts([text.get("value")]):
        raise malformed_request("the local model reads text.value only, a text.")
    check_keys(text, "truncationMode", "value")
    truncate = _parse_truncation("truncationMode", required_key(text, "truncationMode"))
    vectors, tokens = _embed(embedder, [text["value"]], truncate=truncate)
    return {"embeddings": [{"embeddingType": "TEXT", "embedding": vectors[0]}], **identity}, tokens


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)


def _check_choice(name: str, value: Any, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise malformed_request(f"{name} must be one of {', '.join(allowed)}.")


def _check_dimensions(name: str, requested: Any, embedder: LocalEmbedder) -> None:
    if requested not in (None, embedder.dimensions):
        raise malformed_request(
            f"the local model embeds in {embedder.dimensions} dimensions only;"
            f" leave out {name}, or give {embedder.dimensions}."
        )


def _parse_truncation(name: str, mode: Any) -> bool:
    if mode not in ("NONE", "END"):
        raise malformed_request(f"the local model takes {name} NONE or END, not {mode}.")
    return bool(mode == "END")


def _embed(
    embedder: LocalEmbedder, texts: Sequence[str], *, truncate: bool
) -> tuple[list[list[float]], int]:
    try:
        vectors, tokens = embedder.embed_counted(texts, truncate=truncate)
    except InvalidInput as error:
        raise malformed_request(error.message) from error
    return vectors.tolist(), tokens


def embed_titan(
    body: Body, embedder: LocalEmbedder, identity: Mapping[str, object]
) -> tuple[Body, int]:
    """Return Titan's response body with the fields `identity`, and the input tokens."""
    text = _titan_text(body, embedder.dimensions)
    try:
        vectors, tokens = embedder.embed_counted((text,))
    except InvalidInput as error:
        raise malformed_request(error.message) from error
    vector = vectors[0].tolist()
    answer = {
        "embedding": vector,
        "embeddingsByType": {"float": vector},
        "inputTextTokenCount": tokens,
        **identity,
    }
    return answer, tokens


def _titan_text(body: Body, dimensions: int) -> str:
    check_keys(body, "inputText", "dimensions", "normalize", "embeddingTypes")
    text = body.get("inputText")
    if not isinstance(text, str) or not text:
        raise malformed_request("inputText must be a text of 1 character or more.")
    if body.get("dimensions", dimensions) != dimensions:
        raise malformed_request(
            f"the local model embeds in {dimensions} dimensions only;"
            f" leave out dimensions, or give {dimensions}."
        )
    if body.get("normalize", True) is not True:
        raise malformed_request(
            "the local model's vectors are always normalised; leave out normalize."
        )
    if body.get("embeddingTypes", ["float"]) != ["float"]:
        raise malformed_request("the local model embeds in float only; leave out embeddingTypes.")
    return text
