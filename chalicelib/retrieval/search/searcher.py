"""Hybrid search: from a text or image query to passages of a tenant's documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import HeadraceError, InvalidInput, NotFound, Unsupported
from chalicelib.retrieval.search.collection_names import require_collections
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
    from chalicelib.contracts.functions.embed_text import EmbedTextResult
    from chalicelib.contracts.functions.label_picture import LabelPictureResult
    from chalicelib.contracts.functions.rerank_passages import RerankResult
    from chalicelib.contracts.indexes import IndexRef, TenantRecords
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.search.collection_names import CollectionRecords
    from chalicelib.retrieval.search.filters import IndexFilter
    from chalicelib.retrieval.search.images import ImageSearcher
    from chalicelib.retrieval.search.query import ImageQuery, PassageIndex


MAX_FETCHED = 10_000
"""The most hits that one query of the index returns.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""

HITS_PER_BATCH = 100
"""Hits that are processed together: one page of the index, one read of the records."""


class QueryEmbedder(Protocol):
    """A model that turns texts into unit vectors."""

    def embed(self, texts: Sequence[str], correlation_id: str, model: str = "") -> EmbedTextResult:
        """Return one vector per text, in order, by `model`, or by the default one.

        Only vectors of one model can be compared: `EmbedTextResult.model` says which it was. Raises
        `Throttled`, `Transient`, `ModelFailure`.
        """


class QueryLabeller(Protocol):
    """Recognises what images show and returns it as labels."""

    def label(self, picture: bytes, correlation_id: str) -> LabelPictureResult:
        """Return the labels of an image, the likeliest first, with the usage for the receipt.

        Raises `InvalidInput` or `Unsupported` if it is no readable image, and `Throttled`,
        `Transient`, `ModelFailure`.
        """


class Reranker(Protocol):
    """A model that scores the passages of a search again."""

    def rerank(self, query: str, passages: Sequence[Hit], correlation_id: str) -> RerankResult:
        """Return one score per passage, in order, and the usage for the receipt.

        Raises `InvalidInput`, `Throttled`, `Transient` or `ModelFailure`.
        """


class VoteRecords(Protocol):
    """The votes of ratings of a tenant."""

    def votes(self, tenant: str, state: int) -> Sequence[Vote]:
        """Return the newest votes, a bounded number of them.

        `state` is `IndexRef.votes`: votes that were read in the same state need not be read again.
        """


@dataclass(frozen=True, slots=True)
class _PreparedSearch:
    """A query with its index filter, the labels of its image, and its image query.

    `notice` says why there is no image query although the collection names an image model.
    """

    query: Query
    condition: IndexFilter | None
    labels: LabelPictureResult | None
    image_query: ImageQuery | None
    notice: str


@dataclass(frozen=True, slots=True)
class Searcher:
    """Hybrid search over the documents of a tenant, in the order of the index.

    A `reranker` reorders the first passages if the query says so, or `reranks` if the query leaves
    it open; `votes` of ratings move passages by a bounded share. A `labeller` labels images that
    are searched by, and `images` finds images of a collection that names a model for them. With
    `collections`, a search that finds nothing is refused if its collection does not exist.
    """

    embedder: QueryEmbedder
    tenants: TenantRecords
    index: PassageIndex
    versions: CurrentVersions
    declarations: Declarations
    reranker: Reranker | None = None
    votes: VoteRecords | None = None
    reranks: bool = False
    labeller: QueryLabeller | None = None
    images: ImageSearcher | None = None
    collections: CollectionRecords | None = None

    def search(self, query: Query) -> SearchResult:
        """Return at most `top_k` passages of the current versions of documents, best first.

        The index pointer of the tenant is read once, so that the query is embedded by the model of
        that index, even if a reindex job replaces it meanwhile.

        Raises:
            InvalidInput: the query has no word to search for, or its filter is invalid.
            Unsupported: it has an image, and no labeller is configured.
            NotFound: it is of a collection that does not exist.
        """
        if not query.image and not words(query.text):
            raise InvalidInput("There is no word in it to look for.", field=query.field)
        condition, declared = self._compile_condition(query)
        labels = self._label_image(query)
        image_query, notice = self._embed_for_images(query, declared)
        search = _PreparedSearch(query, condition, labels, image_query, notice)
        try:
            result = self._run(search)
        except NotFound:  # A reindex job removed the index after the pointer was read.
            result = self._run(search)
        if not result.passages and self.collections is not None:
            names = required_collections(query.collection, query.filter)
            field = "filter.collection" if query.collection is None else "collection"
            require_collections(self.collections, query.tenant, names, field)
        return result

    def _label_image(self, query: Query) -> LabelPictureResult | None:
        if not query.image:
            return None
        if self.labeller is None:
            raise Unsupported("Nothing is set up that looks at pictures.", field="image")
        return self.labeller.label(query.image, query.correlation_id)

    def _embed(
        self, query: Query, model: str, labels: LabelPictureResult | None
    ) -> EmbedTextResult:
        """Return the vector of the text of the query, or of the labels of its image."""
        if labels is None:
            return self.embedder.embed([query.text], query.correlation_id, model)
        parts = self.embedder.embed(label_prompts(labels.labels), query.correlation_id, model)
        vector = image_vector(labels.labels, parts.vectors)
        return parts.model_copy(update={"vectors": (tuple(vector),)})

    def _embed_for_images(
        self, query: Query, declared: Sequence[Declaration]
    ) -> tuple[ImageQuery | None, str]:
        """Return the query by the image model of its only collection, or None.

        If the collection names a model that could not embed the query, a notice says so.
        """
        names = required_collections(query.collection, query.filter)
        if self.images is None or query.texts_only or not (len(names) == len(declared) == 1):
            return None, ""
        (collection,) = declared
        if collection.picture_model is None or not admits_images(query.filter):
            return None, ""
        return self.images.embed_query(
            collection,
            query.text,
            query.image,
            query.correlation_id,
            images_only=bool(query.image) and not admits_texts(query.filter),
        )

    def _run(self, search: _PreparedSearch) -> SearchResult:
        """Search the index that the pointer of the tenant names now, and rank the results."""
        query, image_query = search.query, search.image_query
        index = self.tenants.live_index(query.tenant)
        texts: Sequence[Hit] = []
        if image_query is not None and image_query.images_only:
            embedding, text = as_text_embedding(image_query), QueryText("")
        else:
            embedding = self._embed(query, "" if index is None else index.model, search.labels)
            as_terms = index is not None and index.has_terms
            text = fit_query_text(query.text, as_terms=as_terms)
            texts = self._find_texts(search, index, embedding, text.text)
        passages, reranked, rerank_notice = self._rerank(query, texts)
        passages, image_notice = self._add_images(search, passages)
        votes = self._weigh_votes(query.tenant, index, embedding)
        notices = tuple(filter(None, (text.notice, rerank_notice, search.notice, image_notice)))
        return SearchResult(
            passages=tuple(boost_by_votes(passages, votes)[: query.top_k]),
            embedding=embedding,
            notices=notices,
            index=index,
            vote_weights=votes,
            rerank_result=reranked,
            image_labels=search.labels,
            image_query=image_query,
        )

    def _find_texts(
        self, search: _PreparedSearch, index: IndexRef | None, embedding: EmbedTextResult, text: str
    ) -> Sequence[Hit]:
        """Return passages of the text index of the tenant.

        They include images, by their labels, unless an image model searches for these.
        """
        if index is None:
            return []
        condition = search.condition
        hits = self.index.query(
            index,
            embedding.vectors[0],
            text,
            count=fetch_count(self._count_wanted(search.query), MAX_FETCHED),
            condition=condition if search.image_query is None else exclude_images(condition),
        )
        if search.query.texts_only:
            hits = (hit for hit in hits if not hit.described)
        return self._current_passages(search.query, hits)

    def _add_images(
        self, search: _PreparedSearch, texts: Sequence[Hit]
    ) -> tuple[Sequence[Hit], str]:
        """Return texts and images in one order, and a notice of images that were left out."""
        query, image_query = search.query, search.image_query
        if self.images is None or image_query is None:
            return texts, ""
        count = fetch_count(query.top_k, MAX_FETCHED)
        hits, notice = self.images.search(image_query, query.tenant, count, search.condition)
        images = self._current_passages(query, hits)
        if image_query.images_only:
            return images, notice
        # The ranking of the query's own kind leads on ties.
        first, second = (images, texts) if query.image else (texts, images)
        return fuse_rankings(first, second), notice

    def _is_reranked(self, query: Query) -> bool:
        reranks = self.reranks if query.rerank is None else query.rerank
        return reranks and self.reranker is not None and not query.image

    def _count_wanted(self, query: Query) -> int:
        """Return the number of passages to find: the reranker chooses among more than `top_k`."""
        return max(query.top_k, MAX_RERANKED) if self._is_reranked(query) else query.top_k

    def _rerank(
        self, query: Query, passages: Sequence[Hit]
    ) -> tuple[Sequence[Hit], RerankResult | None, str]:
        """Return the passages with the first ones reordered, the result, and a notice.

        A search does not fail if the reranker does: the order of the index stays, and the notice
        says so.
        """
        first = passages[:MAX_RERANKED]
        if self.reranker is None or not self._is_reranked(query) or not first:
            return passages, None, ""
        try:
            result = self.reranker.rerank(query.text, first, query.correlation_id)
        except HeadraceError as error:
            notice = f"The passages could not be reranked ({type(error).__name__})."
            return passages, None, notice
        return [*apply_rerank_scores(first, result.scores), *passages[MAX_RERANKED:]], result, ""

    def _weigh_votes(
        self, tenant: str, index: IndexRef | None, embedding: EmbedTextResult
    ) -> VoteWeights:
        if self.votes is None or index is None:
            return {}
        votes = self.votes.votes(tenant, index.votes)
        return vote_weights(votes, embedding.model, embedding.vectors[0])

    def _current_passages(self, query: Query, hits: Iterable[Hit]) -> Sequence[Hit]:
        """Return the passages that the hits of current versions merge into, best first.

        Reading stops at the number of hits that the wanted passages need, the same for all pages of
        one search: further hits could only make passages longer.
        """
        remaining = iter(hits)
        hits_read: list[Hit] = []
        current: dict[str, str] = {}
        passages: list[Hit] = []
        while batch := list(islice(remaining, HITS_PER_BATCH)):
            hits_read += batch
            unknown = {hit.document_id for hit in batch} - current.keys()
            versions = self.versions.current_versions(query.tenant, sorted(unknown))
            current |= {document: versions.get(document, "") for document in unknown}
            passages = merge_overlapping(keep_current_versions(hits_read, current))
            if len(passages) >= self._count_wanted(query):
                break
        return passages

    def _compile_condition(self, query: Query) -> tuple[IndexFilter | None, Sequence[Declaration]]:
        """Return the index filter of the query and the declarations of its collections.

        Raises:
            InvalidInput: the filter is invalid, or contradicts a declaration.
        """
        condition = compile_filter(query.collection, query.filter)
        names = required_collections(query.collection, query.filter)
        of_metadata = query.filter is not None and filters_by_metadata(query.filter)
        if not of_metadata and (self.images is None or query.texts_only or len(names) != 1):
            names = ()
        declarations = (self.declarations.declaration(query.tenant, name) for name in names)
        declared = [declaration for declaration in declarations if declaration is not None]
        if query.filter is not None and of_metadata:
            check_filter_declared(query.filter, declared)
        return exclude_images(condition) if query.texts_only else condition, declared
