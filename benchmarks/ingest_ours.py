"""The product's whole ingest and index in one process, for `benchmarks.ingest`.

The functions' cores run as they do behind their handlers, on files of a folder, and the vectors
go into the engine that answers for S3 Vectors in the local cloud. There is no network, no state
machine and no queue.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from benchmarks.folder_objects import FolderObjects
from benchmarks.lines import serve
from chalicelib.adapters.passages import Passages
from chalicelib.adapters.s3vectors import Vectors, index_definition
from chalicelib.contracts.indexes import TERMS_SUFFIX, IndexRef, TenantState, Vector
from chalicelib.contracts.ingest import ChunkRequest, EmbedRequest, ReadRequest
from chalicelib.generation.catalogue import catalogue
from chalicelib.inference.embedder import MODEL, Embedder
from chalicelib.retrieval.search.query import fit_query_text
from functions.chunk_document import core as chunking
from functions.embed_chunks import core as embedding
from functions.read_document import core as reading
from functions.read_document.file_types.detection import identify_by_magika
from localcloud.s3vectors import S3VectorsService
from localcloud.service import CloudContext

TENANT, BUCKET, KEY = "bench", "files", "inbox/bench/default/file"
INDEX = IndexRef("vectors", "bench" + TERMS_SUFFIX, MODEL)
MEMORY_GB = 1769 / 1024
LIMIT = 1024**3

Clock = Callable[[], float]


@dataclass(slots=True)
class TimedVectors:
    """The index, and the time spent in it."""

    index: Vectors
    clock: Clock
    spent: float = 0.0

    def put(self, index: IndexRef, vectors: Sequence[Vector]) -> int:
        began = self.clock()
        try:
            return self.index.put(index, vectors)
        finally:
            self.spent += self.clock() - began

    def delete(self, index: IndexRef, keys: Iterable[str]) -> None:
        self.index.delete(index, keys)


class OneTenant:
    """The pointer record of the only tenant."""

    def live_index(self, tenant: str) -> IndexRef:
        return INDEX

    def tenant_state(self, tenant: str) -> TenantState:
        return TenantState(INDEX)

    def open(self, tenant: str, index: IndexRef, dimensions: int) -> None:
        raise LookupError(f"{index.name}: no collection here names a model of pictures")


class Engine:
    """The engine with a boto3 client's interface: one keyword-only method per operation."""

    def __init__(self, folder: Path) -> None:
        """Open it on `folder`, with an index such as a tenant's."""
        self._service = S3VectorsService(CloudContext(folder, ""))
        self._service.create_vector_bucket({"vectorBucketName": INDEX.bucket})
        kind = index_definition(384)
        self._service.create_index(
            {"vectorBucketName": INDEX.bucket, "indexName": INDEX.name, **kind}
        )

    def put_vectors(self, **params: Any) -> Any:
        return self._service.put_vectors(params)

    def query_vectors(self, **params: Any) -> Any:
        return self._service.query_vectors(params)


class Ingest:
    """The pipeline of a file until a search finds it."""

    def __init__(self, models: Path, folder: Path, clock: Clock) -> None:
        """Store everything in `folder`; seconds are those of `clock`."""
        self.objects = FolderObjects(folder / "objects")
        engine = cast(Any, Engine(folder))
        self._passages = Passages(engine)
        self._vectors = TimedVectors(Vectors(engine), clock)
        self._embedder = Embedder.open(models)
        self._clock = clock
        self._read = reading.Deps(self.objects, identify_by_magika, LIMIT, clock, MEMORY_GB)
        self._chunk = chunking.Deps(
            self.objects, self._embedder.count_tokens, self._embedder.max_tokens, clock, MEMORY_GB
        )
        tenants = OneTenant()
        self._embed = embedding.Deps(
            objects=self.objects,
            tenants=tenants,
            vectors=self._vectors,
            pictures=tenants,
            embedder=lambda _: self._embedder,
            cost=catalogue().cost,
            clock=clock,
            memory_gb=MEMORY_GB,
        )

    def file(self, path: Path, number: int, question: str) -> dict[str, Any]:
        """Ingest `path` as document `number`, ask `question`, and return results and times.

        `found` are the names of the documents whose passages were found, best first.
        """
        self.objects.write(BUCKET, KEY, path.read_bytes(), {})
        document = f"doc_{number:024d}"
        place = {
            "tenant": TENANT,
            "document_id": document,
            "version": "v_1",
            "bucket": BUCKET,
            "correlation_id": "bench",
        }
        about = {**place, "collection": "default", "path": path.name}
        began = self._clock()
        read = reading.run(_upload(about, path), self._read)
        was_read = self._clock()
        to_chunk = ChunkRequest.model_validate({**place, "pages": read.pages})
        chunked = chunking.run(to_chunk, self._chunk)
        was_chunked = self._clock()
        self._vectors.spent = 0.0
        spent = {"reading": read.reading, "chunking": chunked.chunking}
        to_embed = EmbedRequest.model_validate({**about, "chunks": chunked.chunks, **spent})
        embedded = embedding.run(to_embed, self._embed)
        was_put = self._clock()
        vector = self._embedder.embed([question])[0].tolist()
        text = fit_query_text(question, as_terms=True).text
        hits = self._passages.query(INDEX, vector, text, count=10, condition=None)
        names = [hit.document_id for hit in hits]
        ended = self._clock()
        return {
            "pages": read.pages,
            "chunks": chunked.chunks,
            "tokens": embedded.receipt.tokens_in,
            "found": document in names,
            "seconds": {
                "read": was_read - began,
                "chunk": was_chunked - was_read,
                "embed": was_put - was_chunked - self._vectors.spent,
                "write": self._vectors.spent,
                "first search": ended - was_put,
            },
        }


def _upload(about: dict[str, Any], path: Path) -> ReadRequest:
    return ReadRequest(
        **about,
        order="1",
        key=KEY,
        object_version_id="1",
        bytes=path.stat().st_size,
    )


def main(models: Path, folder: Path) -> None:
    """Ingest the files given on standard input until it ends."""
    ingest = Ingest(models, folder, time.process_time)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        wall = time.perf_counter()
        done = ingest.file(Path(request["path"]), request["number"], request["question"])
        return {**done, "wall": time.perf_counter() - wall}

    serve({"versions": {}}, answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
