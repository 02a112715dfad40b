"""Texts as embedding containers of endpoints take them, and their vectors back. Pure.

https://huggingface.github.io/text-embeddings-inference/
https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.generation.bodies.embedding import Body, Vectors

if TYPE_CHECKING:
    from chalicelib.contracts.generations import EmbedCall

TEXTS_A_REQUEST = 32
"""What Text Embeddings Inference takes unless it is told otherwise (max-client-batch-size)."""


class EmbeddingBody(Protocol):
    """The request and the response of a kind of container."""

    def requests(self, call: EmbedCall) -> Iterator[Body]:
        """Yield the bodies that `call` takes, in order of its texts. Raises `InvalidInput`."""

    def answer(self, body: Any) -> Vectors:
        """Return what a response holds. Raises `ModelFailure` for another shape."""


class TextEmbeddingsInference:
    """Text Embeddings Inference: a list of vectors, without a count of tokens."""

    def requests(self, call: EmbedCall) -> Iterator[Body]:
        """Yield one body for each 32 texts; texts that are too long are refused, not cut."""
        if call.dimensions is not None:
            raise InvalidInput(
                "This model embeds in one number of dimensions only; leave dimensions out.",
                field="dimensions",
            )
        for texts in _slices(call):
            yield {"inputs": texts, "normalize": True, "truncate": False}

    def answer(self, body: Any) -> Vectors:
        """Return the vectors."""
        try:
            return Vectors(tuple(tuple(map(float, vector)) for vector in body), None)
        except (TypeError, ValueError) as error:
            raise ModelFailure(f"The endpoint's answer is no list of vectors: {error}.") from error


class OpenAiEmbeddings:
    """OpenAI's embeddings, as vLLM answers them: vectors with their places, and their tokens."""

    def requests(self, call: EmbedCall) -> Iterator[Body]:
        """Yield one body for each 32 texts."""
        asked: Body = {} if call.dimensions is None else {"dimensions": call.dimensions}
        for texts in _slices(call):
            yield {"input": texts, "encoding_format": "float", **asked}

    def answer(self, body: Any) -> Vectors:
        """Return the vectors in order of their places."""
        try:
            found = sorted(body["data"], key=lambda each: int(each["index"]))
            vectors = tuple(tuple(map(float, each["embedding"])) for each in found)
            return Vectors(vectors, int(body["usage"]["prompt_tokens"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFailure(f"The endpoint's answer is no embeddings: {error!r}.") from error


SCHEMAS: Mapping[str, EmbeddingBody] = {
    "tei-embedding": TextEmbeddingsInference(),
    "openai-embedding": OpenAiEmbeddings(),
}
"""By what a served model's backend names them."""


def _slices(call: EmbedCall) -> Iterator[list[str]]:
    for first in range(0, len(call.texts), TEXTS_A_REQUEST):
        yield list(call.texts[first : first + TEXTS_A_REQUEST])
