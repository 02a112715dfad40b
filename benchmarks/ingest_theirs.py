"""LlamaIndex in a process of its own, run by the environment of `bench.in`.

It uses its own readers, its own splitter at the size of our chunks, the published weights through
its integration of sentence-transformers, its own index, and that index on the disk at the end. For
`int8`, it uses our embedder instead, so that all else can be compared.
"""

from __future__ import annotations

import shutil
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter
from llama_index.embeddings.huggingface import HuggingFaceEmbedding

from benchmarks.embedding_theirs import model_folder
from benchmarks.lines import serve
from chalicelib.inference.embedder import Embedder

CHUNK_TOKENS = 254
"""Without the two special tokens that the model adds."""
OVERLAP_TOKENS = 20
"""About what ours come to: they repeat a sentence of at most 40 tokens, and not always."""
BATCH = 32


class Int8(BaseEmbedding):  # type: ignore[misc]
    """The product's embedder behind LlamaIndex's interface."""

    _embedder: Any

    def __init__(self, models: Path) -> None:
        """Open the model in `models`."""
        super().__init__(embed_batch_size=BATCH, model_name="int8")
        self._embedder = Embedder.open(models)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._embedder.embed(texts, truncate=True).tolist()
        return vectors

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class Ingest:
    """The pipeline of a file until a search finds it."""

    def __init__(self, models: Path, folder: Path) -> None:
        """Store indexes in `folder`."""
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
        published = str(model_folder())
        fp32 = HuggingFaceEmbedding(published, max_length=256, embed_batch_size=BATCH, device="cpu")
        self._models: dict[str, BaseEmbedding] = {"fp32": fp32, "int8": Int8(models)}
        self._tokenizer = Embedder.open(models).tokens
        self._folder = folder

    def file(self, path: Path, model: str, question: str) -> dict[str, Any]:
        """Ingest `path` with `model`, ask `question`, and return results and times."""
        folder = self._folder / "index"
        shutil.rmtree(folder, ignore_errors=True)
        embedder = self._models[model]
        splitter = SentenceSplitter(
            chunk_size=CHUNK_TOKENS, chunk_overlap=OVERLAP_TOKENS, tokenizer=self._split
        )
        began = time.process_time()
        documents = SimpleDirectoryReader(input_files=[path]).load_data()
        was_read = time.process_time()
        for document in documents:
            document.excluded_embed_metadata_keys = list(document.metadata)
            document.excluded_llm_metadata_keys = list(document.metadata)
        nodes = splitter.get_nodes_from_documents(documents)
        was_chunked = time.process_time()
        texts = [node.get_content() for node in nodes]
        vectors = embedder.get_text_embedding_batch(texts)
        for node, vector in zip(nodes, vectors, strict=True):
            node.embedding = vector
        was_embedded = time.process_time()
        index = VectorStoreIndex(nodes, embed_model=embedder)
        index.storage_context.persist(str(folder))
        was_put = time.process_time()
        hits = index.as_retriever(similarity_top_k=10).retrieve(question)
        ended = time.process_time()
        return {
            "pages": len(documents),
            "chunks": len(nodes),
            "tokens": sum(len(self._split(text)) + 2 for text in texts),
            "found": any(hit.metadata["file_name"] == path.name for hit in hits),
            "seconds": {
                "read": was_read - began,
                "chunk": was_chunked - was_read,
                "embed": was_embedded - was_chunked,
                "write": was_put - was_embedded,
                "first search": ended - was_put,
            },
        }

    def _split(self, text: str) -> list[int]:
        return self._tokenizer.ids(text)[1:-1]


def main(models: Path, folder: Path) -> None:
    """Ingest the files given on standard input until it ends."""
    ingest = Ingest(models, folder)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        wall = time.perf_counter()
        done = ingest.file(Path(request["path"]), request["model"], request["question"])
        return {**done, "wall": time.perf_counter() - wall}

    packages = ("llama-index-core", "llama-index-readers-file", "sentence-transformers", "torch")
    serve({"versions": {name: metadata.version(name) for name in packages}}, answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
