"""Search: from a query, text or picture, to the passages of the tenant's current documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import HeadraceError, InvalidInput, NotFound, Unsupported
from chalicelib.retrieval.search.feedback_boost import (
    Vote,
    VoteWeights,
    boost_by_votes,
    vote_weights,
)
from chalicelib.retrieval.search.filters import (
    Declarations,
    admits_images,
    admits_texts,
    check_filter_declared,
    compile_filter,
    exclude_images,
    filters_by_metadata,
    required_collections,
)
from chalicelib.retrieval.search.fusion import fuse_rankings
from chalicelib.retrieval.search.image_vectors import image_vector, label_prompts
from chalicelib.retrieval.search.images import as_text_embedding
from chalicelib.retrieval.search.query import Query, QueryText, SearchResult, fit_query_text
from chalicelib.retrieval.search.ranking import (
    CurrentVersions,
    fetch_count,
    keep_current_versions,
    merge_overlapping,
)
from chalicelib.retrieval.search.reranker import MAX_RERANKED, apply_rerank_scores
from chalicelib.retrieval.text.terms import words

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.embedding import EmbedTextResult
    from chalicelib.contracts.labelling import LabelPictureResult
    from chalicelib.contracts.reranking import RerankResult
    from chalicelib.contracts.search import Hit
    from chalicelib.ports import IndexRef, TenantRecords
    from chalicelib.retrieval.search.filters import IndexFilter
    from chalicelib.retrieval.search.images import ImageSearcher
    from chalicelib.retrieval.search.query import ImageQuery, PassageIndex


MAX_FETCHED = 10_000
"""Hits that one query of the index gives at most.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""

HITS_PER_BATCH = 100
"""Hits that are looked at together: one page of the index, one read of the records."""


@dataclass(frozen=True, slots=True)
class _PreparedSearch:
    """A query with what was made of it: its filter for the index, what is seen in its picture, and
    the vector by its collection's model of pictures, or a `notice` of why there is none.
    """

    query: Query
    condition: IndexFilter | None
    seen: LabelPictureResult | None
    pictured: ImageQuery | None
    notice: str


@dataclass(frozen=True, slots=True)
class Searcher:
    """Hybrid search over a tenant's documents, in the index's order; a `reranker` orders the first
    passages anew where the query, or else `reranks`, says so; `votes` move them by a little.
    A `labeller` tells what is seen in pictures that are searched by; `pictures` finds those of a
    collection that names a model for them.
    """

    embedder: QueryEmbedder
    tenants: TenantRecords
    index: PassageIndex
    versions: CurrentVersions
    declarations: Declarations
    reranker: Reranker | None = None
    votes: VoteRecords | None = None
    reranks: bool = False
    labeller: ImageLabeller | None = None
    pictures: ImageSearcher | None = None

    def find(self, query: Query) -> SearchResult:
        """Return at most `top_k` passages of versions that answer queries.

        The tenant's pointer is read once: the model that embeds the query is that of the index
        which is searched, whatever a reindex job does meanwhile.
        """
        if not query.picture and not words(query.text):
            raise InvalidInput("There is no word in it to look for.", field=query.field)
        condition, declared = self._condition(query)
        seen = self._seen(query)
        pictured, notice = self._pictured(query, declared)
        asked = _PreparedSearch(query, condition, seen, pictured, notice)
        try:
            return self._search(asked)
        except NotFound:  # a reindex job removed the index since the pointer was read
            return self._search(asked)

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
        parts = self.embedder.embed(label_prompts(seen.labels), query.correlation_id, model)
        vector = image_vector(seen.labels, parts.vectors)
        return parts.model_copy(update={"vectors": (tuple(vector),)})

    def _pictured(
        self, query: Query, declared: Sequence[Declaration]
    ) -> tuple[ImageQuery | None, str]:
        """Return the query by the model that its one collection names for pictures; or None, and
        why it has none although it should.
        """
        names = required_collections(query.collection, query.filter)
        if self.pictures is None or query.texts_only or not (len(names) == len(declared) == 1):
            return None, ""
        (collection,) = declared
        if collection.picture_model is None or not admits_images(query.filter):
            return None, ""
        alone = not admits_texts(query.filter)
        return self.pictures.embedded(
            collection, query.text, query.picture, query.correlation_id, alone=alone
        )

    def _search(self, asked: _PreparedSearch) -> SearchResult:
        query, pictured = asked.query, asked.pictured
        index = self.tenants.live_index(query.tenant)
        model = "" if index is None else index.model
        if pictured is not None and pictured.alone:
            embedding, searched = as_text_embedding(pictured), QueryText("")
            texts: Sequence[Hit] = []
        else:
            embedding = self._embedded(query, model, asked.seen)
            searched = fit_query_text(query.text)
            texts = self._texts(asked, index, embedding, searched.text)
        passages, reranked, failure = self._reranked(query, texts)
        passages, others = self._with_pictures(asked, passages)
        voted = self._voted(query.tenant, index, embedding)
        notices = tuple(filter(None, (searched.notice, failure, asked.notice, others)))
        shown = boost_by_votes(passages, voted)[: query.top_k]
        return SearchResult(
            tuple(shown), embedding, notices, index, voted, reranked, asked.seen, pictured
        )

    def _texts(
        self, asked: _PreparedSearch, index: IndexRef | None, embedding: EmbedTextResult, words: str
    ) -> Sequence[Hit]:
        """Return passages of the tenant's own index, pictures by what is seen in them among them
        unless a model of their own looks for these.
        """
        if index is None:
            return []
        condition = asked.condition
        hits = self.index.query(
            index,
            embedding.vectors[0],
            words,
            count=fetch_count(self._wanted(asked.query), MAX_FETCHED),
            condition=condition if asked.pictured is None else exclude_images(condition),
        )
        return self._answering(asked.query, hits)

    def _with_pictures(
        self, asked: _PreparedSearch, texts: Sequence[Hit]
    ) -> tuple[Sequence[Hit], str]:
        """Return texts and pictures in one order, and what there is to say of other pictures."""
        query, pictured = asked.query, asked.pictured
        if self.pictures is None or pictured is None:
            return texts, ""
        count = fetch_count(query.top_k, MAX_FETCHED)
        hits, notice = self.pictures.find(pictured, query.tenant, count, asked.condition)
        pictures = self._answering(query, hits)
        if pictured.alone:
            return pictures, notice
        first, second = (pictures, texts) if query.picture else (texts, pictures)
        return fuse_rankings(first, second), notice

    def _reranks(self, query: Query) -> bool:
        asked = self.reranks if query.rerank is None else query.rerank
        return asked and self.reranker is not None and not query.picture

    def _wanted(self, query: Query) -> int:
        """Return how many passages it takes: the reranker chooses among more than it shows."""
        return max(query.top_k, MAX_RERANKED) if self._reranks(query) else query.top_k

    def _reranked(
        self, query: Query, passages: Sequence[Hit]
    ) -> tuple[Sequence[Hit], RerankResult | None, str]:
        """Return the passages, the first of them in the reranker's order, with what that took.

        A search does not fail with the reranker: the index's order stands, and a notice says so.
        """
        first = passages[:MAX_RERANKED]
        if self.reranker is None or not self._reranks(query) or not first:
            return passages, None, ""
        try:
            result = self.reranker.rerank(query.text, first, query.correlation_id)
        except HeadraceError as error:
            notice = f"The passages could not be reranked ({type(error).__name__})."
            return passages, None, notice
        return [*apply_rerank_scores(first, result.scores), *passages[MAX_RERANKED:]], result, ""

    def _voted(
        self, tenant: str, index: IndexRef | None, embedding: EmbedTextResult
    ) -> VoteWeights:
        if self.votes is None or index is None:
            return {}
        votes = self.votes.votes(tenant, index.votes)
        return vote_weights(votes, embedding.model, embedding.vectors[0])

    def _answering(self, query: Query, hits: Iterable[Hit]) -> Sequence[Hit]:
        """Return the passages that the hits of current versions come to, best first.

        No more hits are taken than it takes to have what is wanted, which the pages of one search
        have in common: what follows could only make passages longer.
        """
        remaining = iter(hits)
        taken: list[Hit] = []
        current: dict[str, str] = {}
        passages: list[Hit] = []
        while batch := list(islice(remaining, HITS_PER_BATCH)):
            taken += batch
            unknown = {hit.document_id for hit in batch} - current.keys()
            found = self.versions.current_versions(query.tenant, sorted(unknown))
            current |= {document: found.get(document, "") for document in unknown}
            passages = merge_overlapping(keep_current_versions(taken, current))
            if len(passages) >= self._wanted(query):
                break
        return passages

    def _condition(self, query: Query) -> tuple[IndexFilter | None, Sequence[Declaration]]:
        """Return the query's filter for the index, and what is declared of the collections that it
        names; raise `InvalidInput` for what it cannot be.
        """
        condition = compile_filter(query.collection, query.filter)
        names = required_collections(query.collection, query.filter)
        of_metadata = query.filter is not None and filters_by_metadata(query.filter)
        if not of_metadata and (self.pictures is None or query.texts_only or len(names) != 1):
            names = ()
        found = (self.declarations.declaration(query.tenant, name) for name in names)
        declared = [each for each in found if each is not None]
        if query.filter is not None and of_metadata:
            check_filter_declared(query.filter, declared)
        return exclude_images(condition) if query.texts_only else condition, declared


class QueryEmbedder(Protocol):
    """Turns texts into unit vectors."""

    def embed(self, texts: Sequence[str], correlation_id: str, model: str = "") -> EmbedTextResult:
        """Return one vector a text, in order, by `model`, or the default one.

        Only vectors of one model can be compared: `EmbedTextResult.model` tells which it was.
        Raises `Throttled`, `Transient`, `ModelFailure`.
        """


class ImageLabeller(Protocol):
    """Tells what is seen in pictures."""

    def label(self, picture: bytes, correlation_id: str) -> LabelPictureResult:
        """Return what is seen, the likeliest first, and what that took for the receipt.

        Raises `InvalidInput` or `Unsupported` where it is no picture that can be read, and
        `Throttled`, `Transient`, `ModelFailure`.
        """


class Reranker(Protocol):
    """Takes a dearer look at what was found."""

    def rerank(self, query: str, passages: Sequence[Hit], correlation_id: str) -> RerankResult:
        """Return a score a passage, in order, and what that took for the receipt.

        Raises `InvalidInput`, `Throttled`, `Transient` or `ModelFailure`.
        """


class VoteRecords(Protocol):
    """What a tenant's users voted for."""

    def votes(self, tenant: str, state: int) -> Sequence[Vote]:
        """Return the newest votes, a bounded number of them.

        `state` is `IndexRef.votes`: what was read in the same state need not be read again.
        """
