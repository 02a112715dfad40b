"""Embed the chunks of one document version and index them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.contracts import Chunk, EmbedRequest, EmbedResult, VectorMetadata
from chalicelib.contracts.ingest import spent
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.errors import Conflict, NotFound
from chalicelib.ports import IndexRef, ObjectStore, TenantRecords, Vector, VectorIndex
from chalicelib.retrieval.ids import chunks_key, vector_key
from functions.embed_chunks.pricing import FLOAT_BYTES, Cost, Usage, receipt

BATCH = 500
"""Chunks that are embedded and put at a time: as many vectors as one call takes."""


class Vectors(Protocol):
    """An array of vectors, such as NumPy's."""

    def tolist(self) -> list[list[float]]:
        """Return the vectors as lists."""


class ChunkEmbedder(Protocol):
    """Turns texts into unit vectors; one that is too long is an error, never cut."""

    @property
    def model(self) -> str:
        """Return the name of the model and its version."""

    def embed_counted(self, texts: Sequence[str]) -> tuple[Vectors, int]:
        """Return one vector a text, and how many tokens were embedded."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What embedding needs of the world."""

    objects: ObjectStore
    tenants: TenantRecords
    vectors: VectorIndex
    embedder: ChunkEmbedder
    cost: Cost
    clock: Callable[[], float]
    memory_gb: float


def run(request: EmbedRequest, deps: Deps) -> EmbedResult:
    """Read `chunks.jsonl`, put one vector a chunk, return the receipt of the ingest.

    Raises:
        Conflict: chunks are missing, not every vector was put, or the tenant's index was made
            for another model.
        NotFound: the tenant has no index.
    """
    began = deps.clock()
    index = _index(request, deps)
    body = deps.objects.read(
        request.bucket, chunks_key(request.tenant, request.document_id, request.version)
    )
    chunks = parse_lines(body, Chunk, request.chunks)
    put = tokens = size = 0
    for start in range(0, len(chunks), BATCH):
        batch = chunks[start : start + BATCH]
        found, counted = deps.embedder.embed_counted([chunk.text for chunk in batch])
        vectors = list(_vectors(request, batch, found.tolist()))
        put += deps.vectors.put(index, vectors)
        tokens += counted
        size += sum(map(_size, vectors))
    if put != request.chunks:
        raise Conflict(f"{put} vectors were put for {request.chunks} chunks.")
    usage = Usage(
        model=deps.embedder.model,
        tokens=tokens,
        reading=request.reading,
        chunking=request.chunking,
        embedding=spent(deps.clock() - began, deps.memory_gb),
        put_bytes=size,
    )
    return EmbedResult(vectors=put, model=deps.embedder.model, receipt=receipt(usage, deps.cost))


def _index(request: EmbedRequest, deps: Deps) -> IndexRef:
    index = deps.tenants.live_index(request.tenant)
    if index is None:
        raise NotFound(f"The tenant {request.tenant} has no index.", field="tenant")
    if index.model != deps.embedder.model:
        raise Conflict(f"{index.name} holds vectors of {index.model}, not {deps.embedder.model}.")
    return index


def _vectors(
    request: EmbedRequest, chunks: Sequence[Chunk], values: Sequence[Sequence[float]]
) -> Iterator[Vector]:
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
        )
        key = vector_key(request.document_id, request.version, chunk.n)
        yield Vector(key, vector, metadata)


def _size(vector: Vector) -> int:
    """Return the bytes that a put of `vector` is billed for: key, numbers and metadata."""
    metadata = len(vector.metadata.model_dump_json().encode())
    return len(vector.key) + FLOAT_BYTES * len(vector.values) + metadata
