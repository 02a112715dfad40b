"""Chunks and questions for `benchmarks.search`.

The texts have invented words with the frequencies of a language; the vectors are random. A scan
takes the same time whatever the vectors are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench_environment import PROJECT
from benchmarks.prose import Prose
from chalicelib.inference.embedder import DIMENSIONS, Embedder
from chalicelib.retrieval.ids import vector_key
from chalicelib.retrieval.text.search_terms import passage_terms

CHUNKS_A_DOCUMENT = 100
SENTENCES_A_CHUNK = 6
BATCH = 500


class Corpus:
    """Reproducible chunks, and questions about them with their vectors."""

    def __init__(self, chunks: int, questions: int) -> None:
        """Generate so many chunks and questions."""
        prose = Prose.of(seed=7)
        self.texts = prose.passages(chunks, SENTENCES_A_CHUNK)
        self.questions = prose.questions(questions)
        embedder = Embedder.open(PROJECT / "models" / "cache")
        self.vectors = embedder.embed(self.questions)

    def batches(self, first: int, last: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the vectors of the chunks `first` to `last`, as PutVectors takes them."""
        for start in range(first, last, BATCH):
            rows = unit_vectors(start, BATCH).tolist()
            yield [self._chunk(start + place, row) for place, row in enumerate(rows)]

    def _chunk(self, number: int, row: list[float]) -> dict[str, Any]:
        document, version = of_document(number // CHUNKS_A_DOCUMENT)
        text, n = self.texts[number], number % CHUNKS_A_DOCUMENT
        path = f"{document}.txt"
        metadata = {
            "document_id": document,
            "version": version,
            "collection": "default",
            "path": path,
            "page": n + 1,
            "heading": "",
            "start": 0,
            "end": len(text),
            "text": text,
            "terms": passage_terms(text, "", path, "en"),
            "media_type": "text/plain",
            "language": "en",
            "uploaded_at": 1_780_000_000,
        }
        key = vector_key(document, version, n)
        return {"key": key, "data": {"float32": row}, "metadata": metadata}


def of_document(number: int) -> tuple[str, str]:
    """Return the ids of a document and of its only version."""
    return f"doc_{number:024d}", f"v_{number:024d}"


def unit_vectors(seed: int, count: int) -> NDArray[np.float32]:
    """Return random vectors of unit length, the same for the same seed."""
    found = np.random.default_rng(seed).standard_normal((count, DIMENSIONS), np.float32)
    lengths: NDArray[np.float32] = np.linalg.norm(found, axis=1, keepdims=True)
    return found / lengths
