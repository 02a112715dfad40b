"""Embed the chunks of one document version and index them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.contracts.ingest import (
    Chunk,
    Embeddable,
    EmbedRequest,
    EmbedResult,
    VectorMetadata,
    spent,
)
from chalicelib.contracts.jsonl import read_lines
from chalicelib.contracts.parts import EmbedPartRequest, EmbedPartResult
from chalicelib.errors import Conflict, NotFound
from chalicelib.generation.ingest_receipts import (
    FLOAT_BYTES,
    Cost,
    Usage,
    receipt,
    small_transitions,
)
from chalicelib.ports import IndexRef, LargeObjects, TenantState, TenantStates, Vector, VectorIndex
from chalicelib.retrieval.folders import place_hashes
from chalicelib.retrieval.ids import chunks_key, vector_key
from chalicelib.retrieval.picturing import CountingEmbedder, embedded

BATCH = 500
"""Chunks that are embedded and put at a time: as many vectors as one call takes."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What embedding needs of the world."""

    objects: LargeObjects
    tenants: TenantStates
    vectors: VectorIndex
    embedder: Callable[[str], CountingEmbedder]
    """Returns a model by its name."""
    cost: Cost
    clock: Callable[[], float]
    memory_gb: float


@dataclass(frozen=True, slots=True)
class Indexed:
    """What was put into one index: vectors of `tokens` tokens, `size` bytes as they are billed."""

    vectors: int
    tokens: int
    size: int


def run(request: EmbedRequest, deps: Deps) -> EmbedResult:
    """Read `chunks.jsonl`, put one vector a chunk, return the receipt of the ingest.

    While a reindex job runs, the vectors go into both indexes, each by its own model.

    Raises:
        Conflict: chunks are missing, or not every vector was put.
        NotFound: the tenant has no index.
        ModelFailure: a model of the tenant's is not here.
    """
    began = deps.clock()
    live, put = _put_everywhere(request, _Passages(request, 0, request.chunks), deps)
    usage = Usage(
        model=live.model,
        tokens=put[live].tokens,
        reading=request.reading,
        recognising=request.recognising,
        labelling=request.labelling,
        chunking=request.chunking,
        embedding=spent(deps.clock() - began, deps.memory_gb),
        put_bytes=sum(indexed.size for indexed in put.values()),
        transitions=small_transitions(request.recognising, request.labelling),
    )
    return EmbedResult(
        vectors=put[live].vectors, model=live.model, receipt=receipt(usage, deps.cost)
    )


def run_part(request: EmbedPartRequest, deps: Deps) -> EmbedPartResult:
    """Read one part of `chunks.jsonl` and put one vector a chunk of it; raise as `run` does."""
    began = deps.clock()
    part = request.part
    passages = _Passages(request, part.first_chunk, part.chunks, part.start, part.end)
    live, put = _put_everywhere(request, passages, deps)
    return EmbedPartResult(
        part=part.part,
        vectors=put[live].vectors,
        model=live.model,
        indexes=tuple(index.name for index in put),
        tokens=put[live].tokens,
        put_bytes=sum(indexed.size for indexed in put.values()),
        embedding=spent(deps.clock() - began, deps.memory_gb),
    )


@dataclass(frozen=True, slots=True)
class _Passages:
    """Some of a document's chunks: `count` of them, the first of which has the number `first`."""

    document: Embeddable
    first: int
    count: int
    start: int = 0
    end: int = 0

    def batches(self, objects: LargeObjects) -> Iterator[list[Chunk]]:
        """Yield them by at most `BATCH`; raise `Conflict` where they are not as they should be."""
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
    """Put into every index of the tenant, as long as a reindex job adds or swaps one meanwhile."""
    put: dict[IndexRef, Indexed] = {}
    while True:
        state = _state(document, deps)
        missing = [index for index in state.indexes if index not in put]
        if not missing:
            return state.live, put
        try:
            put[missing[0]] = _put(document, passages, missing[0], deps)
        except NotFound:
            if missing[0] in _state(document, deps).indexes:
                raise


def _put(document: Embeddable, passages: _Passages, index: IndexRef, deps: Deps) -> Indexed:
    embedder = deps.embedder(index.model)
    put = tokens = size = 0
    for batch in passages.batches(deps.objects):
        found, counted = embedded(embedder, batch)
        vectors = list(_vectors(document, batch, found))
        put += deps.vectors.put(index, vectors)
        tokens += counted
        size += sum(map(_size, vectors))
    if put != passages.count:
        raise Conflict(f"{put} vectors were put for {passages.count} chunks.")
    return Indexed(put, tokens, size)


def _state(request: Embeddable, deps: Deps) -> TenantState:
    state = deps.tenants.tenant_state(request.tenant)
    if state is None:
        raise NotFound(f"The tenant {request.tenant} has no index.", field="tenant")
    return state


def _vectors(
    request: Embeddable, chunks: Sequence[Chunk], values: Sequence[Sequence[float]]
) -> Iterator[Vector]:
    folders = place_hashes(request.path)
    uploaded_at = int(request.uploaded_at.timestamp()) if request.uploaded_at else 0
    for chunk, vector in zip(chunks, values, strict=True):
        metadata = VectorMetadata(
            document_id=request.document_id,
            version=request.version,
            collection=request.collection,
            path=request.path,
            page=chunk.page,
            heading=chunk.heading,
            start=chunk.start,
            end=chunk.end,
            text=chunk.text,
            media_type=request.media_type,
            language=request.language,
            uploaded_at=uploaded_at,
            folders=folders,
            labels=chunk.labels,
            metadata=request.metadata,
        )
        key = vector_key(request.document_id, request.version, chunk.n)
        yield Vector(key, vector, metadata)


def _size(vector: Vector) -> int:
    """Return the bytes that a put of `vector` is billed for: key, numbers and metadata."""
    metadata = json.dumps(vector.metadata.wire(), ensure_ascii=False, separators=(",", ":"))
    return len(vector.key) + FLOAT_BYTES * len(vector.values) + len(metadata.encode())
