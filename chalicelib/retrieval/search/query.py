"""Queries of a tenant's documents, the index that they search, and their results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.budgets.spender import Spender
from chalicelib.retrieval.search.feedback_boost import VoteWeights
from chalicelib.retrieval.text.search_terms import question_terms
from chalicelib.retrieval.text.terms import STOP_WORDS, words

if TYPE_CHECKING:
    from chalicelib.contracts.answer_log import ArmName
    from chalicelib.contracts.filters import Filter
    from chalicelib.contracts.functions.embed_text import EmbedTextResult
    from chalicelib.contracts.functions.label_picture import LabelPictureResult
    from chalicelib.contracts.functions.rerank_passages import RerankResult
    from chalicelib.contracts.indexes import IndexRef
    from chalicelib.contracts.search import Hit, Neighbour
    from chalicelib.contracts.vision import EmbedImageResult
    from chalicelib.retrieval.search.filters import IndexFilter


@dataclass(frozen=True, slots=True)
class Query:
    """A query of one tenant: by `text`, or by an `image` with an empty text.

    Results must match both `collection` and `filter`; None matches everything. `key` is the id of
    the API key that sent the query; its budgets pay for language models.
    """

    tenant: str
    text: str
    collection: str | None
    top_k: int
    correlation_id: str
    field: str = "query"
    """The name of the text in the request, for error messages."""
    filter: Filter | None = None
    rerank: bool | None = None
    """True to rerank, False not to; None leaves it to the deployment."""
    key: str = ""
    image: bytes = b""
    end_user: str = ""
    """Whom the tenant asks for, "" if it does not say."""
    texts_only: bool = False
    """True to leave images out of the results."""
    rollout_id: str = ""
    """The rollout of retrievals that serves end users and has a part in the query, "" for none."""
    arm: ArmName = ""
    """The arm of that rollout."""

    @property
    def spender(self) -> Spender:
        """Return the spender that pays for language models."""
        return Spender(
            self.tenant,
            self.key,
            self.collection or "",
            self.correlation_id,
            end_user=self.end_user,
        )


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """A query as the image `model` of a collection embedded it.

    `images` is 1 if the query is an image, 0 if it is a text. `images_only` says that the search is
    for images only.
    """

    collection: str
    model: str
    embedding: EmbedImageResult
    images: int
    images_only: bool


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The passages that a search found, best first, and its data that later steps need."""

    passages: tuple[Hit, ...]
    embedding: EmbedTextResult
    """The embedding of the query; that of `image_query` if it looked for images only."""
    notices: tuple[str, ...]
    index: IndexRef | None = None
    """The index that the passages are in; None if the tenant has none."""
    vote_weights: VoteWeights = field(default_factory=dict)
    """The votes of ratings on similar queries."""
    rerank_result: RerankResult | None = None
    """The scores by the reranker; None if it was not used."""
    image_labels: LabelPictureResult | None = None
    """The labels of the image of the query; None if it has none."""
    image_query: ImageQuery | None = None
    """The query by the image model of its collection; None if no such model was used."""

    @property
    def vector(self) -> Sequence[float]:
        """Return the vector of the query."""
        return self.embedding.vectors[0]


class PassageIndex(Protocol):
    """A vector index of chunks."""

    def query(
        self,
        index: IndexRef,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        condition: IndexFilter | None,
    ) -> Iterable[Hit]:
        """Yield at most `count` chunks that match `condition`, best first.

        They are ranked by the cosine with `vector` and, unless `text` is empty, by words.
        """

    def chunks(self, index: IndexRef, keys: Sequence[str]) -> Mapping[str, Neighbour]:
        """Return the chunks under those of `keys` that exist, by key."""


MAX_QUERY_TEXT = 1024
"""The most characters of one entry of `queryTexts`.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_QueryVectors.html
"""


@dataclass(frozen=True, slots=True)
class QueryText:
    """The text to search for; `notice` tells the user if it is not the whole question."""

    text: str
    notice: str | None = None


def fit_query_text(question: str, *, as_terms: bool = False) -> QueryText:
    """Return what text search is asked for: `question`, or its stemmed terms if `as_terms`.

    If that is too long for text search, it is cut to its rarest terms, in their order.

    A longer word is taken to be rarer, and a number or a code the rarest: the index reports no
    document frequencies, and common words are short in any language.
    """
    distinct = question_terms(question) if as_terms else _distinct(question)
    whole = " ".join(distinct) if as_terms else question
    if len(whole) <= MAX_QUERY_TEXT:
        return QueryText(whole)
    fitting = _fit(distinct)
    return QueryText(
        " ".join(fitting),
        f"The question has {len(question)} characters and text search takes at most "
        f"{MAX_QUERY_TEXT}: {_describe_cut(len(fitting))} "
        "The search by meaning saw the question's beginning.",
    )


def _describe_cut(terms: int) -> str:
    if terms == 0:
        return "only common words are in it, so it was searched for by meaning alone."
    return f"it was cut to its {f'{terms} rarest terms' if terms > 1 else 'rarest term'}."


def _distinct(question: str) -> list[str]:
    return list(dict.fromkeys(word for word in words(question) if word not in STOP_WORDS))


def _fit(candidates: list[str]) -> list[str]:
    """Return the rarest of `candidates` that fit, joined by spaces, in their order."""
    ranked = sorted(range(len(candidates)), key=lambda at: (-_rarity(candidates[at]), at))
    room = MAX_QUERY_TEXT
    chosen: list[int] = []
    for at in ranked:
        needed = len(candidates[at]) + (1 if chosen else 0)
        if needed <= room:
            chosen.append(at)
            room -= needed
    if not chosen:
        return [word[:MAX_QUERY_TEXT] for word in candidates[:1]]
    return [candidates[at] for at in sorted(chosen)]


def _rarity(word: str) -> int:
    return len(word) + (100 if any(character.isdigit() for character in word) else 0)
