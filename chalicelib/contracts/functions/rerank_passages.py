"""Input and output of `rerank_passages`: how well each passage fits a query."""

from __future__ import annotations

from pydantic import Field

from chalicelib.contracts.base import Contract

MAX_PASSAGES = 100
MAX_TEXT = 8_192
"""Characters of a query or a passage; the model reads its first 256 tokens."""
MAX_HEADING = 2_048


class RerankPassage(Contract):
    """A passage that was found; `share` is its score over the best one's, from 0 to 1."""

    text: str = Field(min_length=1, max_length=MAX_TEXT)
    heading: str = Field(default="", max_length=MAX_HEADING)
    share: float = Field(ge=0, le=1)


class RerankRequest(Contract):
    """The input of `rerank_passages`: passages in the order of the index."""

    query: str = Field(min_length=1, max_length=MAX_TEXT)
    passages: tuple[RerankPassage, ...] = Field(min_length=1, max_length=MAX_PASSAGES)
    correlation_id: str = ""


class RerankResult(Contract):
    """The output of `rerank_passages`: a score a passage, in order, and what that took.

    Higher is better; scores of one query can be compared, those of two cannot.
    """

    scores: tuple[float, ...]
    model: str
    tokens: int = Field(ge=0)
    seconds: float = Field(ge=0)
