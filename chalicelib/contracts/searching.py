"""The bodies of `POST /v1/search`, and what is found."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.names import Collection
from chalicelib.contracts.receipts import Receipt

MAX_QUESTION_CHARACTERS = 8_192
MAX_TOP_K = 1_000
"""Of the 10,000 that the index gives: each hundred of them is one more call to it, and every page
of a search makes all of them anew.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""
MAX_HITS = 100
MAX_NEIGHBOURS = 3

Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARACTERS)]


class SearchRequest(HttpInput):
    """`POST /v1/search`: `top_k` passages in all, `limit` of them an answer, and the passages
    before and after each.
    """

    query: Question
    collection: Collection | None = None
    filter: Filter | None = None
    top_k: int = Field(10, ge=1, le=MAX_TOP_K)
    limit: int = Field(MAX_HITS, ge=1, le=MAX_HITS)
    cursor: str | None = None
    neighbours: int = Field(0, ge=0, le=MAX_NEIGHBOURS)
    rerank: bool | None = None
    """Whether a model looks at the first passages again; None leaves it to the stage."""


class VectorScore(Contract):
    """How near a passage is in meaning: `similarity` is its cosine with the query.

    `rank` counts from 1 among all passages that the filter lets through. It is None where it
    cannot be told for certain from what the index says.
    """

    rank: int | None = None
    similarity: float


class TextScore(Contract):
    """How well a passage matches the query's words; `rank` as for meaning."""

    rank: int | None = None
    bm25: float


class Scores(Contract):
    """Why a passage is where it is. What took no part is None.

    `fused` joins both rankings: the sum of 1 / (60 + rank) over them.
    """

    vector: VectorScore | None = None
    text: TextScore | None = None
    fused: float | None = None
    feedback: float | None = None
    rerank: float | None = None


class Neighbour(Contract):
    """A passage before or after one that was found, in the order of the document."""

    n: int
    page: int
    heading: str
    start: int
    end: int
    text: str


class Hit(Contract):
    """A passage: `text` is characters `start` to `end` of page `page`.

    It is chunk `n` of its version, or chunks `n` to `n_last` where several that overlap were
    found. The scores are those of the best of them.
    """

    document_id: str
    version: str
    path: str
    collection: str
    page: int
    heading: str
    start: int
    end: int
    text: str
    score: float
    n: int = 0
    n_last: int = 0
    scores: Scores = Field(default_factory=Scores)
    before: tuple[Neighbour, ...] = ()
    after: tuple[Neighbour, ...] = ()


class SearchResponse(Contract):
    """Passages, best first; `next_cursor` is None at the end.

    `search_id` names the search to `POST /v1/feedback`. It is the same on all pages, and empty
    where the search could not be kept.
    """

    search_id: str = ""
    hits: tuple[Hit, ...]
    next_cursor: str | None = None
    receipt: Receipt
    notices: tuple[str, ...] = ()
