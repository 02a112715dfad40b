"""What is asked of a tenant's documents, and what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.budgets.spending import Spender
from chalicelib.retrieval.search.feedback_boost import VoteWeights
from chalicelib.retrieval.search.filters import IndexFilter
from chalicelib.retrieval.text.terms import STOP_WORDS, words

if TYPE_CHECKING:
    from chalicelib.contracts.embedding import EmbedTextResult
    from chalicelib.contracts.filters import Filter
    from chalicelib.contracts.labelling import LabelPictureResult
    from chalicelib.contracts.looking import EmbedImageResult
    from chalicelib.contracts.reranking import RerankResult
    from chalicelib.contracts.search import Hit, Neighbour
    from chalicelib.ports import IndexRef


@dataclass(frozen=True, slots=True)
class Query:
    """A question of one tenant. `collection` and `filter` must both hold; None holds for all.

    A `picture` is asked by in place of the text, which is empty then. `key` is the id of the API
    key by which it was put, whose budgets hold for what it costs.
    """

    tenant: str
    text: str
    collection: str | None
    top_k: int
    correlation_id: str
    field: str = "query"
    """What the caller called the text."""
    filter: Filter | None = None
    rerank: bool | None = None
    """Whether to rerank; None leaves it to the stage."""
    key: str = ""
    picture: bytes = b""
    texts_only: bool = False
    """Whether pictures are left out."""

    @property
    def spender(self) -> Spender:
        """Return who pays for models that are asked."""
        return Spender(self.tenant, self.key, self.collection or "", self.correlation_id)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The passages, best first, with the query's embedding, that later steps reuse, the index that
    they are in, None where the tenant has none, what was voted for questions like the query, what
    reranking took, None where the passages were not, and what was seen in the query's picture, None
    where it has none. `pictured` is the query as a collection's own model of pictures has it, None
    where none was asked; `embedding` is its too, where nothing but pictures was looked for.
    """

    passages: tuple[Hit, ...]
    embedding: EmbedTextResult
    notices: tuple[str, ...]
    index: IndexRef | None = None
    voted: VoteWeights = field(default_factory=dict)
    reranked: RerankResult | None = None
    seen: LabelPictureResult | None = None
    pictured: ImageQuery | None = None

    @property
    def vector(self) -> Sequence[float]:
        """Return the query's vector."""
        return self.embedding.vectors[0]


MAX_QUERY_TEXT = 1024
"""Characters of one entry of `queryTexts`.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_QueryVectors.html
"""


@dataclass(frozen=True, slots=True)
class QueryText:
    """The text to search for; `notice` tells the user when it is not the whole question."""

    text: str
    notice: str | None = None


def fit_query_text(question: str) -> QueryText:
    """Return `question`, or its rarest terms in their order where it is too long.

    A word is taken to be the rarer the longer it is, and a number or a code the rarest:
    the index reports no document frequencies, and common words are short in any language.
    """
    if len(question) <= MAX_QUERY_TEXT:
        return QueryText(question)
    kept = _fit(_distinct(question))
    return QueryText(
        " ".join(kept),
        f"The question has {len(question)} characters and text search takes at most "
        f"{MAX_QUERY_TEXT}: {_what_is_left(len(kept))} "
        "The search by meaning saw the question's beginning.",
    )


def _what_is_left(terms: int) -> str:
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


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """A query as the `model` of a collection embedded it: a text, or a picture where `images` is 1.

    `alone` says that nothing but pictures is looked for.
    """

    collection: str
    model: str
    embedding: EmbedImageResult
    images: int
    alone: bool


class PassageIndex(Protocol):
    """An index of chunks."""

    def query(
        self,
        index: IndexRef,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        condition: IndexFilter | None,
    ) -> Iterable[Hit]:
        """Yield at most `count` chunks, best first, by meaning and, unless `text` is empty,
        by words, of what `condition` lets through, a filter in the index's language.
        """

    def chunks(self, index: IndexRef, keys: Sequence[str]) -> Mapping[str, Neighbour]:
        """Return the chunks that there are under `keys`, by key."""
