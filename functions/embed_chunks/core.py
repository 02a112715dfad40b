"""Embed the chunks of one document version and index them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.contracts.functions.render_page import PDF
from chalicelib.contracts.indexes import (
    IndexRef,
    PictureIndexes,
    TenantState,
    TenantStates,
    VectorIndex,
)
from chalicelib.contracts.ingest import (
    Chunk,
    Embeddable,
    EmbedRequest,
    EmbedResult,
    spent,
)
from chalicelib.contracts.jsonl import read_lines
from chalicelib.contracts.objects import LargeObjects
from chalicelib.contracts.parts import EmbedPartRequest, EmbedPartResult
from chalicelib.contracts.picture_labels import PICTURE_TYPES
from chalicelib.errors import Conflict, NotFound
from chalicelib.ingest.receipts import (
    IngestUsage,
    billed_put_bytes,
    ingest_receipt,
    small_transitions,
)
from chalicelib.jobs.receipts import UnitCost
from chalicelib.retrieval.ids import chunks_key
from chalicelib.retrieval.search.image_vectors import CountingEmbedder, embed_passages
from chalicelib.retrieval.text.passage_context import passage_context
from functions.embed_chunks.pictures import PicturePut, put_picture
from functions.embed_chunks.vectors import vector_size, vectors_of

BATCH = 500
"""Chunks that are embedded and put at a time: as many vectors as one call accepts."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`."""

    objects: LargeObjects
    tenants: TenantStates
    vectors: VectorIndex
    pictures: PictureIndexes
    embedder: Callable[[str], CountingEmbedder]
    """Returns a model by its name."""
    cost: UnitCost
    clock: Callable[[], float]
    memory_gb: float


@dataclass(frozen=True, slots=True)
class Indexed:
    """The totals of the vectors put into one index: `tokens`, and `size` in bytes as billed."""

    vectors: int
    tokens: int
    size: int


def run(request: EmbedRequest, deps: Deps) -> EmbedResult:
    """Read `chunks.jsonl`, put one vector per chunk, return the receipt of the ingest.

    While a reindex job runs, the vectors go into both indexes, each by its own model. The vector of
    an image by a served model goes into an index of its own.

    Raises:
        Conflict: chunks are missing, or not every vector was put.
        NotFound: the tenant has no index.
        ModelFailure: a model of the tenant's is missing.
    """
    began = deps.clock()
    passages = _Passages(request, 0, request.chunks)
    live, new_vectors = _put_everywhere(request, passages, deps)
    picture = _put_picture(request, passages, deps)
    usage = IngestUsage(
        model=live.model,
        tokens=new_vectors[live].tokens,
        reading=request.reading,
        recognising=request.recognising,
        labelling=request.labelling,
        picture_embedding=request.picture_embedding,
        picture_model=picture.embedded_by if picture else "",
        chunking=request.chunking,
        embedding=spent(deps.clock() - began, deps.memory_gb),
        put_bytes=sum(indexed.size for indexed in new_vectors.values())
        + (picture.size if picture else 0),
        transitions=small_transitions(
            request.recognising,
            request.labelling,
            request.picture_embedding,
            request.chunking,
        ),
        word_files=int(request.media_type == PDF or request.media_type in PICTURE_TYPES),
    )
    return EmbedResult(
        vectors=new_vectors[live].vectors,
        model=live.model,
        receipt=ingest_receipt(usage, deps.cost),
    )


def run_part(request: EmbedPartRequest, deps: Deps) -> EmbedPartResult:
    """Put one vector per chunk of one part of `chunks.jsonl`; raise as `run` does."""
    began = deps.clock()
    part = request.part
    passages = _Passages(request, part.first_chunk, part.chunks, part.start, part.end)
    live, new_vectors = _put_everywhere(request, passages, deps)
    return EmbedPartResult(
        part=part.part,
        vectors=new_vectors[live].vectors,
        model=live.model,
        indexes=tuple(index.name for index in new_vectors),
        tokens=new_vectors[live].tokens,
        put_bytes=sum(indexed.size for indexed in new_vectors.values()),
        embedding=spent(deps.clock() - began, deps.memory_gb),
    )


@dataclass(frozen=True, slots=True)
class _Passages:
    """Some of a document's chunks: `count` of them, the first of which is number `first`."""

    document: Embeddable
    first: int
    count: int
    start: int = 0
    end: int = 0

    def batches(self, objects: LargeObjects) -> Iterator[list[Chunk]]:
        """Yield them in batches of at most `BATCH`; raise `Conflict` if their numbers are wrong."""
        of = self.document
        key = chunks_key(of.tenant, of.document_id, of.version)
        lines = objects.stream(of.bucket, key, self.start, self.end)
        chunks = read_lines(lines, Chunk, self.count)
        number = self.first
        while batch := list(itertools.islice(chunks, BATCH)):
            if [chunk.n for chunk in batch] != list(range(number, number + len(batch))):
                raise Conflict(f"The chunks from number {number} on are not in their order.")
            number += len(batch)
            yield batch


def _put_everywhere(
    document: Embeddable, passages: _Passages, deps: Deps
) -> tuple[IndexRef, dict[IndexRef, Indexed]]:
    """Put into every index of the tenant, again if a reindex job adds or swaps one meanwhile."""
    indexed: dict[IndexRef, Indexed] = {}
    while True:
        state = _state(document, deps)
        missing = [index for index in state.indexes if index not in indexed]
        if not missing:
            return state.live, indexed
        try:
            indexed[missing[0]] = _put(document, passages, missing[0], deps)
        except NotFound:
            # If a reindex job removed the index since the state was read, read the state again.
            if missing[0] in _state(document, deps).indexes:
                raise


def _put(document: Embeddable, passages: _Passages, index: IndexRef, deps: Deps) -> Indexed:
    embedder = deps.embedder(index.model)
    count = tokens = size = 0
    for batch in passages.batches(deps.objects):
        contexts = [passage_context(document.path, chunk.heading) for chunk in batch]
        embedded, counted = embed_passages(embedder, batch, contexts)
        vectors = list(vectors_of(document, batch, embedded, has_terms=index.has_terms))
        count += deps.vectors.put(index, vectors)
        tokens += counted
        size += billed_put_bytes(map(vector_size, vectors))
    if count != passages.count:
        raise Conflict(f"{count} vectors were put for {passages.count} chunks.")
    return Indexed(count, tokens, size)


def _put_picture(request: EmbedRequest, passages: _Passages, deps: Deps) -> PicturePut | None:
    """Put the vector that a served model made of an image, if there is one."""
    if not request.picture_embedding.requests:
        return None
    first = next(passages.batches(deps.objects))[0]
    return put_picture(
        request, first, _state(request, deps), deps.objects, deps.vectors, deps.pictures
    )


def _state(request: Embeddable, deps: Deps) -> TenantState:
    state = deps.tenants.tenant_state(request.tenant)
    if state is None:
        raise NotFound(f"The tenant {request.tenant} has no index.", field="tenant")
    return state
