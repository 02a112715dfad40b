"""Search: from a query, text or picture, to the passages of the tenant's current documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.budget_ports import Spender
from chalicelib.errors import HeadraceError, InvalidInput, NotFound, Unsupported
from chalicelib.retrieval.filters import (
    check_declared,
    compiled,
    has_metadata,
    named_collections,
    texts_only,
)
from chalicelib.retrieval.picturing import mean, prompts
from chalicelib.retrieval.question import query_text
from chalicelib.retrieval.ranking import current_only, fetch_count, merge_overlapping
from chalicelib.retrieval.reranking import RERANKED, dealt
from chalicelib.retrieval.terms import words
from chalicelib.retrieval.votes import Weights, ranked, weights

if TYPE_CHECKING:
    from chalicelib.contracts.embedding import EmbedTextResult
    from chalicelib.contracts.filters import Filter
    from chalicelib.contracts.labelling import LabelPictureResult
    from chalicelib.contracts.reranking import RerankResult
    from chalicelib.contracts.searching import Hit
    from chalicelib.ports import IndexRef, TenantRecords
    from chalicelib.query_ports import (
        CurrentVersions,
        Declarations,
        Embedder,
        IndexFilter,
        PassageIndex,
        PictureLabeller,
        Reranker,
        Votes,
    )

MAX_FETCHED = 10_000
"""Hits that one query of the index gives at most.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""

BATCH = 100
"""Hits that are looked at together: one page of the index, one read of the records."""


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
class Found:
    """The passages, best first, with the query's embedding, that later steps reuse, the index that
    they are in, None where the tenant has none, what was voted for questions like the query, what
    reranking took, None where the passages were not, and what was seen in the query's picture, None
    where it has none.
    """

    passages: tuple[Hit, ...]
    embedding: EmbedTextResult
    notices: tuple[str, ...]
    index: IndexRef | None = None
    voted: Weights = field(default_factory=dict)
    reranked: RerankResult | None = None
    seen: LabelPictureResult | None = None

    @property
    def vector(self) -> Sequence[float]:
        """Return the query's vector."""
        return self.embedding.vectors[0]


@dataclass(frozen=True, slots=True)
class Finder:
    """Hybrid search over a tenant's documents, in the index's order; a `reranker` orders the first
    passages anew where the query, or else `reranks`, says so; `votes` move them by a little.
    A `labeller` tells what is seen in pictures that are searched by.
    """

    embedder: Embedder
    tenants: TenantRecords
    index: PassageIndex
    versions: CurrentVersions
    declarations: Declarations
    reranker: Reranker | None = None
    votes: Votes | None = None
    reranks: bool = False
    labeller: PictureLabeller | None = None

    def find(self, query: Query) -> Found:
        """Return at most `top_k` passages of versions that answer queries.

        The tenant's pointer is read once: the model that embeds the query is that of the index
        which is searched, whatever a reindex job does meanwhile.
        """
        if not query.picture and not words(query.text):
            raise InvalidInput("There is no word in it to look for.", field=query.field)
        condition = self._condition(query)
        seen = self._seen(query)
        try:
            return self._search(query, condition, seen)
        except NotFound:  # a reindex job removed the index since the pointer was read
            return self._search(query, condition, seen)

    def _seen(self, query: Query) -> LabelPictureResult | None:
        if not query.picture:
            return None
        if self.labeller is None:
            raise Unsupported("Nothing is set up that looks at pictures.", field="image")
        return self.labeller.label(query.picture, query.correlation_id)

    def _embedded(
        self, query: Query, model: str, seen: LabelPictureResult | None
    ) -> EmbedTextResult:
        """Return the query's vector: that of its text, or the mean of what is seen."""
        if seen is None:
            return self.embedder.embed([query.text], query.correlation_id, model)
        parts = self.embedder.embed(prompts(seen.labels), query.correlation_id, model)
        vector = mean(seen.labels, parts.vectors)
        return parts.model_copy(update={"vectors": (tuple(vector),)})

    def _search(
        self, query: Query, condition: IndexFilter | None, seen: LabelPictureResult | None
    ) -> Found:
        index = self.tenants.live_index(query.tenant)
        model = "" if index is None else index.model
        embedding = self._embedded(query, model, seen)
        searched = query_text(query.text)
        hits: Iterable[Hit] = ()
        if index is not None:
            hits = self.index.query(
                index,
                embedding.vectors[0],
                searched.text,
                count=fetch_count(self._wanted(query), MAX_FETCHED),
                condition=condition,
            )
        voted = self._voted(query.tenant, index, embedding)
        passages, reranked, failure = self._reranked(query, self._answering(query, hits))
        notices = tuple(notice for notice in (searched.notice, failure) if notice)
        shown = ranked(passages, voted)[: query.top_k]
        return Found(tuple(shown), embedding, notices, index, voted, reranked, seen)

    def _reranks(self, query: Query) -> bool:
        asked = self.reranks if query.rerank is None else query.rerank
        return asked and self.reranker is not None and not query.picture

    def _wanted(self, query: Query) -> int:
        """Return how many passages it takes: the reranker chooses among more than it shows."""
        return max(query.top_k, RERANKED) if self._reranks(query) else query.top_k

    def _reranked(
        self, query: Query, passages: Sequence[Hit]
    ) -> tuple[Sequence[Hit], RerankResult | None, str]:
        """Return the passages, the first of them in the reranker's order, with what that took.

        A search does not fail with the reranker: the index's order stands, and a notice says so.
        """
        first = passages[:RERANKED]
        if self.reranker is None or not self._reranks(query) or not first:
            return passages, None, ""
        try:
            result = self.reranker.rerank(query.text, first, query.correlation_id)
        except HeadraceError as error:
            notice = f"The passages could not be reranked ({type(error).__name__})."
            return passages, None, notice
        return [*dealt(first, result.scores), *passages[RERANKED:]], result, ""

    def _voted(self, tenant: str, index: IndexRef | None, embedding: EmbedTextResult) -> Weights:
        if self.votes is None or index is None:
            return {}
        votes = self.votes.votes(tenant, index.votes)
        return weights(votes, embedding.model, embedding.vectors[0])

    def _answering(self, query: Query, hits: Iterable[Hit]) -> Sequence[Hit]:
        """Return the passages that the hits of current versions come to, best first.

        No more hits are taken than it takes to have what is wanted, which the pages of one search
        have in common: what follows could only make passages longer.
        """
        remaining = iter(hits)
        taken: list[Hit] = []
        current: dict[str, str] = {}
        passages: list[Hit] = []
        while batch := list(islice(remaining, BATCH)):
            taken += batch
            unknown = {hit.document_id for hit in batch} - current.keys()
            found = self.versions.current_versions(query.tenant, sorted(unknown))
            current |= {document: found.get(document, "") for document in unknown}
            passages = merge_overlapping(current_only(taken, current))
            if len(passages) >= self._wanted(query):
                break
        return passages

    def _condition(self, query: Query) -> IndexFilter | None:
        """Return the query's filter for the index; raise `InvalidInput` for what it cannot be."""
        condition = compiled(query.collection, query.filter)
        if query.filter is not None and has_metadata(query.filter):
            names = named_collections(query.collection, query.filter)
            found = (self.declarations.declaration(query.tenant, name) for name in names)
            check_declared(query.filter, [each for each in found if each is not None])
        return texts_only(condition) if query.texts_only else condition
