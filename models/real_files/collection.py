"""A collection of real files in the local cloud's own index, read and asked as the product does.

Each file goes through the cores of `read_document`, `chunk_document` and `embed_chunks` into the
service's own memory, without HTTP between. The vectors of texts are kept in a folder that git
ignores.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from numpy.typing import NDArray

from chalicelib.adapters.passages import Passages
from chalicelib.adapters.s3vectors import Vectors, index_definition
from chalicelib.contracts.functions.embed_text import EmbedTextRequest, EmbedTextResult
from chalicelib.contracts.indexes import TERMS_SUFFIX, IndexRef, TenantState
from chalicelib.contracts.ingest import ChunkRequest, EmbedRequest, Page, nothing_spent
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.inference.embedder import DIMENSIONS, MODEL, Embedder
from chalicelib.inference.word_vectors import WordEmbedder
from chalicelib.retrieval.ids import pages_key
from chalicelib.retrieval.search.searcher import Searcher
from functions.chunk_document import core as chunking
from functions.embed_chunks import core as embedding
from functions.embed_text import core as embed_text
from functions.read_document.extraction import extract
from functions.read_document.file_types.detection import identify_by_magika
from localcloud.s3vectors import S3VectorsService
from localcloud.service import CloudContext
from models.judged_search.engine import DirectClient
from models.judged_search.vectors import VectorFile

if TYPE_CHECKING:
    import numpy as np
    from mypy_boto3_s3vectors import S3VectorsClient

    from chalicelib.contracts.indexes import PictureIndexes
    from chalicelib.contracts.objects import LargeObjects

TENANT = "tenant"
_VERSION = "v"
_BUCKET = "bucket"


@dataclass
class _Objects:
    """Objects of one bucket in memory: those operations that the two cores call."""

    bodies: dict[str, bytes] = field(default_factory=dict)

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        return self.bodies[key]

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        self.bodies[key] = body

    def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
        yield self.bodies[key][start : end or None]


@dataclass(frozen=True, slots=True)
class _Records:
    """Every document has one version, which answers; there is one tenant with one index."""

    index: IndexRef

    def live_index(self, tenant: str) -> IndexRef:
        return self.index

    def tenant_state(self, tenant: str) -> TenantState:
        return TenantState(self.index)

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(document_ids, _VERSION)

    def declaration(self, tenant: str, name: str) -> None:
        return None


@dataclass(frozen=True, slots=True)
class CachedEmbedder:
    """The embedding function's model in this process; a text is embedded once, ever."""

    embedder: Embedder
    reader: WordEmbedder
    passages: VectorFile
    known: dict[str, list[float]] = field(default_factory=dict)

    @property
    def dimensions(self) -> int:
        """Return the number of dimensions of a vector."""
        return self.embedder.dimensions

    @property
    def max_tokens(self) -> int:
        """Return the most tokens of a text."""
        return self.embedder.max_tokens

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return self.embedder.count_tokens(text)

    def embed_counted(
        self, texts: Sequence[str], *, truncate: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        """Return one unit vector a text, which is cut to what the model reads; count no tokens."""
        return self.passages.embed(texts), 0

    def compare(self, question: str, texts: Sequence[str], correlation_id: str) -> EmbedTextResult:
        """Return one vector and one comparison with the question per text."""
        request = EmbedTextRequest(texts=tuple(texts), question=question, truncate=True)
        deps = embed_text.Deps(lambda _: self.embedder, lambda: self.reader, time.perf_counter)
        return embed_text.run(request, deps)

    def embed(self, texts: Sequence[str], correlation_id: str, model: str = "") -> EmbedTextResult:
        """Return one unit vector a text, in order."""
        missing = [text for text in dict.fromkeys(texts) if text not in self.known]
        if missing:
            vectors = self.embedder.embed(missing, truncate=True)
            self.known.update(zip(missing, vectors.tolist(), strict=True))
        vectors_found = tuple(tuple(self.known[text]) for text in texts)
        return EmbedTextResult(vectors=vectors_found, model=MODEL, tokens=0, seconds=0.0)


@dataclass(frozen=True, slots=True)
class RealCollection:
    """Search over a set of files, and the texts of their pages as they were read.

    `rejected` says of files that were not read, which have no pages, why.
    """

    searcher: Searcher
    embedder: CachedEmbedder
    pages: Mapping[str, tuple[Page, ...]]
    rejected: Mapping[str, str]


@contextmanager
def open_collection(
    name: str, contents: Mapping[str, bytes], models: Path
) -> Iterator[RealCollection]:
    """Yield all files of `contents`, by their paths, as one collection that can be searched.

    Args:
        name: under which the vectors of passages are kept.
        contents: the bytes of each file.
        models: the folder of pulled models.
    """
    opened = Embedder.open(models)
    reader = WordEmbedder.open(models)
    embedder = CachedEmbedder(opened, reader, VectorFile.open(name, opened))
    objects = _Objects()
    with TemporaryDirectory(prefix="headrace-real-") as folder:
        service = S3VectorsService(CloudContext(Path(folder), "http://localhost"))
        client = DirectClient(service)
        aws = cast("S3VectorsClient", client)
        records = _Records(IndexRef("real", name + TERMS_SUFFIX, MODEL))
        client.create_vector_bucket(vectorBucketName=records.index.bucket)
        client.create_index(
            vectorBucketName=records.index.bucket,
            indexName=records.index.name,
            **index_definition(DIMENSIONS),
        )
        chunk_deps = chunking.Deps(
            cast("LargeObjects", objects),
            embedder.embedder.count_tokens,
            embedder.embedder.max_tokens,
            time.perf_counter,
            1.0,
        )
        embed_deps = embedding.Deps(
            objects=cast("LargeObjects", objects),
            tenants=records,
            vectors=Vectors(aws),
            pictures=cast("PictureIndexes", None),
            embedder=lambda _: embedder,
            cost=lambda _unit, _quantity: 0,
            clock=time.perf_counter,
            memory_gb=1.0,
        )
        pages: dict[str, tuple[Page, ...]] = {}
        rejected: dict[str, str] = {}
        for path, content in contents.items():
            try:
                pages[path] = _put(path, content, objects, chunk_deps, embed_deps)
            except (InvalidInput, Unsupported) as error:
                pages[path], rejected[path] = (), str(error)
        passages = Passages(aws)
        try:
            searcher = Searcher(embedder, records, passages, records, records)
            yield RealCollection(searcher, embedder, pages, rejected)
        finally:
            service.stop()


def _put(
    path: str,
    content: bytes,
    objects: _Objects,
    chunk_deps: chunking.Deps,
    embed_deps: embedding.Deps,
) -> tuple[Page, ...]:
    """Read, chunk and index one file; return its pages."""
    read = extract(content, path, identify_by_magika)
    common: dict[str, Any] = {
        "tenant": TENANT,
        "document_id": path,
        "version": _VERSION,
        "bucket": _BUCKET,
        "correlation_id": "",
    }
    objects.bodies[pages_key(TENANT, path, _VERSION)] = dump_lines(read.pages)
    cut = chunking.run(ChunkRequest(**common, pages=len(read.pages)), chunk_deps)
    embedding.run(
        EmbedRequest(
            **common,
            collection="default",
            path=path,
            media_type=read.media_type,
            language=read.language,
            chunks=cut.chunks,
            reading=nothing_spent(),
            chunking=nothing_spent(),
        ),
        embed_deps,
    )
    return read.pages
