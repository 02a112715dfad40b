"""The bodies of `POST /v1/search`, and what is found."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Base64Bytes, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import Contract, HttpInput, is_none
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.names import Collection, EndUser
from chalicelib.contracts.page_times import Milliseconds, Timeline, parse_timeline
from chalicelib.contracts.picture_labels import Label, Labels, PictureType
from chalicelib.contracts.receipts import Receipt

MAX_QUESTION_CHARACTERS = 8_192
MAX_TOP_K = 1_000
"""Of the 10,000 that the index gives: each hundred of them is one more call to it, and every page
of a search makes all of them anew.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""
MAX_HITS = 100
MAX_NEIGHBOURS = 3
MAX_IMAGE_BYTES = 4 * 1024 * 1024
"""The size limit of a request and of an invocation of a function, 6 MB each, as base64."""

ParsedTimeline = Annotated[
    Timeline,
    BeforeValidator(lambda given: parse_timeline(given) if isinstance(given, str) else given),
]
"""A timeline, also as the index keeps it."""

Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARACTERS)]


class QueryImage(HttpInput):
    """A picture to search by, by its bytes; its content tells what it is, whatever is claimed."""

    media_type: PictureType
    data: Annotated[
        Base64Bytes,
        Field(min_length=1, max_length=MAX_IMAGE_BYTES),
        WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
    ]


class SearchRequest(HttpInput):
    """`POST /v1/search`: by a `query` or by an `image`, `top_k` passages in all, `limit` of them an
    answer, and the passages before and after each.
    """

    query: Question | None = None
    image: QueryImage | None = None
    collection: Collection | None = None
    filter: Filter | None = None
    top_k: int = Field(10, ge=1, le=MAX_TOP_K)
    limit: int = Field(MAX_HITS, ge=1, le=MAX_HITS)
    cursor: str | None = None
    neighbours: int = Field(0, ge=0, le=MAX_NEIGHBOURS)
    rerank: bool | None = None
    """Have a model rerank the first passages; null takes the default of the stage."""
    rateable: bool | None = None
    """Keep the search, so that it can be rated; null keeps it if the tenant has rated before."""
    end_user: EndUser = ""
    """Whom the passages are for; the same end user stays in one arm of a rollout."""

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if (self.query is None) == (self.image is None):
            raise PydanticCustomError("one_of", "give a query or an image, one of them")
        if self.image is not None and self.rerank:
            raise PydanticCustomError("rerank", "what an image finds cannot be reranked")
        return self


class VectorScore(Contract):
    """The score of a passage by meaning: `similarity` is its cosine with the query.

    `rank` counts from 1 among all passages that the filter lets through. It is None where it
    cannot be told for certain from what the index says.
    """

    rank: int | None = None
    similarity: float


class TextScore(Contract):
    """The score of a passage by the words of the query; `rank` is as in `VectorScore`."""

    rank: int | None = None
    bm25: float


class PictureScore(Contract):
    """The score of a picture by the served model that its collection names.

    `similarity` is its cosine with the query by that `version`; `rank` counts from 1 among all
    pictures that the filter lets through.
    """

    rank: int | None = None
    similarity: float
    version: str


class Scores(Contract):
    """Why a passage is where it is. What took no part is None.

    `fused` joins both rankings of texts: the sum of 1 / (60 + rank) over them. `joined` is
    1 / (60 + rank) of the place among texts, or among pictures of a `picture` model, where both
    were searched.
    """

    vector: VectorScore | None = None
    text: TextScore | None = None
    fused: float | None = None
    picture: PictureScore | None = None
    joined: float | None = None
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
    start_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    end_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)


class Hit(Contract):
    """A passage: `text` is characters `start` to `end` of page `page`.

    It is chunk `n` of its version, or chunks `n` to `n_last` where several that overlap were
    found. The scores are those of the best of them. `labels` are what is seen in a picture, the
    likeliest first; its `text` says some of it in words, which nobody wrote. A recording says or
    shows it from `start_ms` to `end_ms`; `timeline` has, for each sentence, the character of the
    page at which it begins, and when it does. What is `described` was neither said nor written in
    it: what is seen in a shot, and that it is a recording.
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
    media_type: str = ""
    labels: Labels = ()
    start_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    end_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    timeline: ParsedTimeline = Field(default=(), exclude_if=lambda points: not points)
    described: bool = Field(default=False, exclude_if=lambda described: not described)
    before: tuple[Neighbour, ...] = ()
    after: tuple[Neighbour, ...] = ()


class SearchResponse(Contract):
    """Passages, best first; `next_cursor` is None at the end.

    `search_id` names the search to `POST /v1/feedback`. It is the same on all pages, and empty
    where the search was not kept. `seen` is what the picture shows that was searched by, None
    where that was a text.
    """

    search_id: str = ""
    hits: tuple[Hit, ...]
    next_cursor: str | None = None
    receipt: Receipt
    notices: tuple[str, ...] = ()
    seen: tuple[Label, ...] | None = None
