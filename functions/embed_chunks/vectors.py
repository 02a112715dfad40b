"""The metadata of a document's vectors, and the bytes that they count for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from chalicelib.contracts.indexes import Vector
from chalicelib.contracts.ingest import Chunk, Embeddable, VectorMetadata
from chalicelib.contracts.picture_labels import PICTURE_TYPES
from chalicelib.ingest.receipts import FLOAT_BYTES
from chalicelib.retrieval.ids import path_hashes, vector_key
from chalicelib.retrieval.text.search_terms import passage_terms


def vectors_of(
    document: Embeddable,
    chunks: Sequence[Chunk],
    values: Sequence[Sequence[float]],
    embedded_by: str = "",
    *,
    has_terms: bool = False,
) -> Iterator[Vector]:
    """Yield one vector per chunk.

    `embedded_by` is the version of the served model; `has_terms` says that the index compares
    search terms.
    """
    folders = path_hashes(document.path)
    uploaded_at = int(document.uploaded_at.timestamp()) if document.uploaded_at else 0
    for chunk, vector in zip(chunks, values, strict=True):
        metadata = VectorMetadata(
            document_id=document.document_id,
            version=document.version,
            collection=document.collection,
            path=document.path,
            page=chunk.page,
            heading=chunk.heading,
            start=chunk.start,
            end=chunk.end,
            text=chunk.text,
            terms=passage_terms(chunk.text, chunk.heading, document.path, document.language)
            if has_terms
            else "",
            media_type=document.media_type,
            language=document.language,
            uploaded_at=uploaded_at,
            folders=folders,
            labels=chunk.labels,
            embedded_by=embedded_by,
            in_picture=not chunk.labels and document.media_type in PICTURE_TYPES,
            start_ms=chunk.start_ms,
            end_ms=chunk.end_ms,
            timeline=chunk.timeline,
            described=chunk.described,
            metadata=document.metadata,
        )
        key = vector_key(document.document_id, document.version, chunk.n)
        yield Vector(key, vector, metadata)


def vector_size(vector: Vector) -> int:
    """Return the bytes of `vector` as S3 Vectors counts them: key, numbers and metadata."""
    metadata = json.dumps(vector.metadata.wire(), ensure_ascii=False, separators=(",", ":"))
    return len(vector.key) + FLOAT_BYTES * len(vector.values) + len(metadata.encode())
