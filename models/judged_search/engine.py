"""A judged collection in the local cloud's own index, asked as the product asks it.

Documents are cut and embedded as an upload's pages are, and lie in the service's own files and
memory: the same vector scan, BM25 and fusion as behind the API, without HTTP between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from chalicelib.adapters.passages import Passages
from chalicelib.adapters.s3vectors import Vectors, index_definition, text_search_key
from chalicelib.contracts.functions.embed_text import EmbedTextResult
from chalicelib.contracts.indexes import TERMS_SUFFIX, IndexRef, Vector
from chalicelib.contracts.ingest import Chunk, Page, VectorMetadata
from chalicelib.contracts.search import Hit
from chalicelib.inference.embedder import DIMENSIONS, MODEL, Embedder
from chalicelib.retrieval.ids import vector_key
from chalicelib.retrieval.search.query import Query, fit_query_text
from chalicelib.retrieval.search.searcher import Reranker, Searcher
from chalicelib.retrieval.text.chunks import chunk_pages
from chalicelib.retrieval.text.passage_context import passage_context, with_context
from chalicelib.retrieval.text.search_terms import passage_terms
from localcloud.s3vectors import S3VectorsService
from localcloud.service import CloudContext
from models.judged_search.collection import JudgedDocument, hashed
from models.judged_search.vectors import embedded

if TYPE_CHECKING:
    from mypy_boto3_s3vectors import S3VectorsClient

DEPTH = 100
"""Passages that are ranked for one question; its documents are taken from these."""
_VERSION = "v"


class DirectClient:
    """The service's operations, called as a boto3 client's would be."""

    def __init__(self, service: S3VectorsService) -> None:
        self._service = service

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self._service, operation)
        return lambda **params: method(params)


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Gives questions the vectors that were made of them before."""

    vectors: dict[str, tuple[float, ...]]

    def embed(self, texts: Sequence[str], correlation_id: str, model: str = "") -> EmbedTextResult:
        found = tuple(self.vectors[text] for text in texts)
        return EmbedTextResult(vectors=found, model=MODEL, tokens=0, seconds=0.0)


@dataclass(frozen=True, slots=True)
class _Records:
    """Every document has one version, which answers, and every tenant the same index."""

    index: IndexRef

    def live_index(self, tenant: str) -> IndexRef:
        return self.index

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(document_ids, _VERSION)

    def declaration(self, tenant: str, name: str) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Engine:
    """One collection, and four ways to rank its documents, each by its best passage."""

    client: DirectClient
    passages: Passages
    index: IndexRef
    asked: _Embedded
    passages_of: Sequence[tuple[str, str]]
    """The document and the text of each passage."""
    vectors: NDArray[np.float32]
    """The vector of each passage, as (passages, 384)."""

    @property
    def chunks(self) -> int:
        """Return the number of passages."""
        return len(self.passages_of)

    def by_vector(self, question: str) -> list[str]:
        """Return documents by the cosine of their passages with the question, best first."""
        vector = self.asked.vectors[question]
        hits = self.passages.query(self.index, vector, "", count=DEPTH, condition=None)
        return _distinct(hit.document_id for hit in hits)

    def by_words(self, question: str) -> list[str]:
        """Return documents by BM25, best first; the product has no such search of its own."""
        answer = self.client.query_vectors(
            vectorBucketName=self.index.bucket,
            indexName=self.index.name,
            topK=DEPTH,
            queryTexts=[
                {
                    "text": fit_query_text(question, as_terms=True).text,
                    "metadataKey": text_search_key(self.index),
                }
            ],
            returnMetadata=True,
        )
        return _distinct(found["metadata"]["document_id"] for found in answer["vectors"])

    def by_reciprocal_ranks(self, question: str) -> list[str]:
        """Return documents as the index fuses both rankings itself, best first."""
        vector, text = self.asked.vectors[question], fit_query_text(question, as_terms=True).text
        hits = self.passages.query(self.index, vector, text, count=DEPTH, condition=None)
        ordered = sorted(hits, key=lambda hit: -(hit.scores.fused or 0.0))
        return _distinct(hit.document_id for hit in ordered)

    def searcher(self, reranker: Reranker | None = None) -> Searcher:
        """Return the product's search over the collection."""
        records = _Records(self.index)
        return Searcher(
            self.asked, records, self.passages, records, records, reranker, reranks=True
        )

    def find(self, searcher: Searcher, question: str) -> tuple[Hit, ...]:
        """Return passages as `searcher`, which is one of this engine's, orders them."""
        return searcher.search(Query("tenant", question, None, DEPTH, "")).passages

    def by_search(self, searcher: Searcher, question: str) -> list[str]:
        """Return documents as `searcher` orders their passages, best first."""
        return _distinct(passage.document_id for passage in self.find(searcher, question))


def _distinct(documents: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(documents))


@contextmanager
def engine(
    name: str, documents: Sequence[JudgedDocument], questions: Sequence[str], embedder: Embedder
) -> Iterator[Engine]:
    """Yield the engine with `documents` of collection `name` in it, ready for `questions`."""
    chunks = [(each.id, chunk) for each in documents for chunk in _chunks(each, embedder)]
    with passage_engine(name, chunks, questions, embedder) as made:
        yield made


@contextmanager
def passage_engine(
    name: str, chunks: Sequence[tuple[str, Chunk]], questions: Sequence[str], embedder: Embedder
) -> Iterator[Engine]:
    """Yield the engine with `chunks`, each with the id of its document, ready for `questions`."""
    with TemporaryDirectory(prefix="headrace-judged-") as folder:
        service = S3VectorsService(CloudContext(Path(folder), "http://localhost"))
        client = DirectClient(service)
        aws = cast("S3VectorsClient", client)
        index = IndexRef("judged", name + TERMS_SUFFIX, MODEL)
        client.create_vector_bucket(vectorBucketName=index.bucket)
        client.create_index(
            vectorBucketName=index.bucket, indexName=index.name, **index_definition(DIMENSIONS)
        )
        vectors = embedded(name, [_embedded_text(chunk, embedder) for _, chunk in chunks], embedder)
        put = [
            Vector(vector_key(document, _VERSION, chunk.n), vector, _metadata(document, chunk))
            for (document, chunk), vector in zip(chunks, vectors.tolist(), strict=True)
        ]
        Vectors(aws).put(index, put)
        own = embedded(f"{name}-questions", questions, embedder).tolist()
        asked = _Embedded(dict(zip(questions, map(tuple, own), strict=True)))
        try:
            told = [(document, chunk.text) for document, chunk in chunks]
            yield Engine(client, Passages(aws), index, asked, told, vectors)
        finally:
            service.stop()


def _chunks(document: JudgedDocument, embedder: Embedder) -> Iterator[Chunk]:
    headings = ((0, document.heading),) if document.heading else ()
    page = Page(page=1, text=document.text, headings=headings)
    return chunk_pages([page], embedder.count_tokens, embedder.max_tokens)


def _embedded_text(chunk: Chunk, embedder: Embedder) -> str:
    context = passage_context("", chunk.heading)
    return with_context(context, chunk.text, embedder.count_tokens, embedder.max_tokens)


def _metadata(document: str, chunk: Chunk) -> VectorMetadata:
    path = f"{hashed(document)[:12]}.txt"  # An id may be the name that is asked for.
    return VectorMetadata(
        document_id=document,
        version=_VERSION,
        collection="default",
        path=path,
        terms=passage_terms(chunk.text, chunk.heading, path, "en"),
        **chunk.model_dump(exclude={"n"}),
    )
