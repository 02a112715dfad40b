"""Embeddings.

https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.openai.base import ModelCallInput, Receipted


class EmbeddingRequest(ModelCallInput):
    """`POST /v1/embeddings`. Token numbers in place of texts are refused: they are of one
    tokenizer, and which model answers is not known before.
    """

    model: str
    input: str | tuple[str, ...] | tuple[int, ...] | tuple[tuple[int, ...], ...]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1)


class Embedding(Contract):
    """One vector: numbers, or their little-endian 32 bit floats as base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: tuple[float, ...] | str


class EmbeddingUsage(Contract):
    """Tokens of the texts."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Contract):
    """A vector for each text, in order."""

    object: Literal["list"] = "list"
    data: tuple[Embedding, ...]
    model: str
    usage: EmbeddingUsage
    headrace: Receipted
