"""Texts as requests to each embedding model on Bedrock (InvokeModel), and their vectors.

A format that takes one text per request yields as many requests as there are texts.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.errors import InvalidInput, ModelFailure, Unsupported

if TYPE_CHECKING:
    from chalicelib.contracts.generations import EmbedCall


Body = dict[str, Any]
_COHERE_TEXTS = 96
"""The most texts that Cohere's models take per request."""


@dataclass(frozen=True, slots=True)
class EmbeddedTexts:
    """The result of one request; `tokens` is None if the answer does not count them."""

    vectors: tuple[tuple[float, ...], ...]
    tokens: int | None


class EmbeddingFormat(Protocol):
    """The request and the response of a family of models."""

    def requests(self, call: EmbedCall) -> Iterator[Body]:
        """Yield the bodies that `call` takes, in order of its texts."""

    def answer(self, body: Mapping[str, Any]) -> EmbeddedTexts:
        """Return the content of a response. Raises `ModelFailure` for another shape."""


def require_texts(call: EmbedCall, model: str) -> None:
    """Raise `Unsupported` for images: none of these formats can send one."""
    if call.images:
        raise Unsupported(
            f"{model} is asked for vectors of texts only; for those of pictures name a model that"
            " this stage trained.",
            field="images",
        )


class TitanV2:
    """Amazon Titan Text Embeddings V2: one text per request; 256, 512 or 1,024 dimensions."""

    def requests(self, call: EmbedCall) -> Iterator[Body]:
        """Yield one body per text."""
        for text in call.texts:
            body: Body = {"inputText": text}
            if call.dimensions is not None:
                body["dimensions"] = call.dimensions
            yield body

    def answer(self, body: Mapping[str, Any]) -> EmbeddedTexts:
        """Return the one vector, and the tokens of its text."""
        return EmbeddedTexts(
            (_vector(_has(body, "embedding")),), int(_has(body, "inputTextTokenCount"))
        )


class Cohere:
    """Cohere Embed v3 and v4: up to 96 texts per request."""

    def __init__(self, *, dimensions: bool) -> None:
        """Send `dimensions` of a call only if the model accepts them: v4 does, v3 does not."""
        self._dimensions = dimensions

    def requests(self, call: EmbedCall) -> Iterator[Body]:
        """Yield one body for each 96 texts."""
        if call.dimensions is not None and not self._dimensions:
            raise InvalidInput(
                "This model embeds in one number of dimensions only; leave dimensions out.",
                field="dimensions",
            )
        for first in range(0, len(call.texts), _COHERE_TEXTS):
            body: Body = {
                "texts": list(call.texts[first : first + _COHERE_TEXTS]),
                "input_type": "search_document",
                "embedding_types": ["float"],
            }
            if call.dimensions is not None:
                body["output_dimension"] = call.dimensions
            yield body

    def answer(self, body: Mapping[str, Any]) -> EmbeddedTexts:
        """Return one vector per text. Cohere counts its tokens in a header, not in the body."""
        return EmbeddedTexts(tuple(map(_vector, _has(_has(body, "embeddings"), "float"))), None)


class Nova:
    """Amazon Nova Multimodal Embeddings: one text per request; 256 to 3,072 dimensions."""

    def requests(self, call: EmbedCall) -> Iterator[Body]:
        """Yield one body per text."""
        for text in call.texts:
            parameters: Body = {
                "embeddingPurpose": "GENERIC_INDEX",
                "text": {"truncationMode": "NONE", "value": text},
            }
            if call.dimensions is not None:
                parameters["embeddingDimension"] = call.dimensions
            yield {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": parameters}

    def answer(self, body: Mapping[str, Any]) -> EmbeddedTexts:
        """Return the one vector."""
        embeddings = _has(body, "embeddings")
        if len(embeddings) != 1:
            raise ModelFailure("The embedding model's answer has no vector of its one text.")
        return EmbeddedTexts((_vector(_has(embeddings[0], "embedding")),), None)


BEDROCK_FORMATS: Mapping[str, EmbeddingFormat] = {
    "titan-embed-v2": TitanV2(),
    "cohere-embed-v3": Cohere(dimensions=False),
    "cohere-embed-v4": Cohere(dimensions=True),
    "nova-embed": Nova(),
}
"""Formats by the schema that the catalogue names for a model."""


def _has(body: Mapping[str, Any], name: str) -> Any:
    try:
        return body[name]
    except (KeyError, TypeError) as error:
        raise ModelFailure(f"The embedding model's answer has no {name}.") from error


def _vector(numbers: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(number) for number in numbers)


TEXTS_A_REQUEST = 32
"""The default limit of texts per request in Text Embeddings Inference (max-client-batch-size)."""


class EmbeddingBody(Protocol):
    """The request and the response of a kind of container."""

    def requests(self, call: EmbedCall) -> Iterator[Body]:
        """Yield the bodies that `call` takes, in order of its texts. Raises `InvalidInput`."""

    def answer(self, body: Any) -> EmbeddedTexts:
        """Return the content of a response. Raises `ModelFailure` for another shape."""


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

    def answer(self, body: Any) -> EmbeddedTexts:
        """Return the vectors."""
        try:
            return EmbeddedTexts(tuple(tuple(map(float, vector)) for vector in body), None)
        except (TypeError, ValueError) as error:
            raise ModelFailure(f"The endpoint's answer is no list of vectors: {error}.") from error


class OpenAiEmbeddings:
    """OpenAI's embeddings, as vLLM returns them: vectors with their indices, and tokens."""

    def requests(self, call: EmbedCall) -> Iterator[Body]:
        """Yield one body for each 32 texts."""
        optional_fields: Body = {} if call.dimensions is None else {"dimensions": call.dimensions}
        for texts in _slices(call):
            yield {"input": texts, "encoding_format": "float", **optional_fields}

    def answer(self, body: Any) -> EmbeddedTexts:
        """Return the vectors in the order of their indices."""
        try:
            found = sorted(body["data"], key=lambda each: int(each["index"]))
            vectors = tuple(tuple(map(float, each["embedding"])) for each in found)
            return EmbeddedTexts(vectors, int(body["usage"]["prompt_tokens"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFailure(f"The endpoint's answer is no embeddings: {error!r}.") from error


ENDPOINT_FORMATS: Mapping[str, EmbeddingBody] = {
    "tei-embedding": TextEmbeddingsInference(),
    "openai-embedding": OpenAiEmbeddings(),
}
"""Bodies by the name that a served model's backend gives them."""


def _slices(call: EmbedCall) -> Iterator[list[str]]:
    for first in range(0, len(call.texts), TEXTS_A_REQUEST):
        yield list(call.texts[first : first + TEXTS_A_REQUEST])
