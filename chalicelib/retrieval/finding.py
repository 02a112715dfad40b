"""Search: from a query to the passages of the tenant's current documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.contracts import EmbedTextResult, Hit
from chalicelib.errors import InvalidInput
from chalicelib.query_ports import CurrentVersions, Embedder, PassageIndex
from chalicelib.retrieval.question import query_text
from chalicelib.retrieval.ranking import current_only, fetch_count, merge_overlapping
from chalicelib.retrieval.terms import words

MAX_FETCHED = 100
"""Hits of one QueryVectors call that are asked for.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""


@dataclass(frozen=True, slots=True)
class Query:
    """A question of one tenant; `collection` None means all of them."""

    tenant: str
    text: str
    collection: str | None
    top_k: int
    correlation_id: str
    field: str = "query"
    """What the caller called the text."""


@dataclass(frozen=True, slots=True)
class Found:
    """The passages, best first, with the query's embedding, that later steps reuse."""

    passages: tuple[Hit, ...]
    embedding: EmbedTextResult
    notices: tuple[str, ...]

    @property
    def vector(self) -> Sequence[float]:
        """Return the query's vector."""
        return self.embedding.vectors[0]


@dataclass(frozen=True, slots=True)
class Finder:
    """Hybrid search over a tenant's documents."""

    embedder: Embedder
    index: PassageIndex
    versions: CurrentVersions

    def find(self, query: Query) -> Found:
        """Return at most `top_k` passages of versions that answer queries."""
        if not words(query.text):
            raise InvalidInput("There is no word in it to look for.", field=query.field)
        embedding = self.embedder.embed([query.text], query.correlation_id)
        searched = query_text(query.text)
        hits = self.index.query(
            query.tenant,
            embedding.vectors[0],
            searched.text,
            count=fetch_count(query.top_k, MAX_FETCHED),
            collection=query.collection,
        )
        documents = list(dict.fromkeys(hit.document_id for hit in hits))
        current = self.versions.current_versions(query.tenant, documents) if documents else {}
        passages = merge_overlapping(current_only(hits, current))[: query.top_k]
        notices = (searched.notice,) if searched.notice else ()
        return Found(tuple(passages), embedding, notices)
