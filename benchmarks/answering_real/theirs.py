"""LlamaIndex in a process of its own, run by the environment of `bench.in`.

It is given the texts of the files as our reader reads them, splits them by its own splitter at the
length that the model reads, embeds them by our int8 MiniLM behind its interface, and returns its
best three nodes for each question.
"""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter

from benchmarks.lines import serve
from chalicelib.inference.embedder import Embedder

CHUNK_TOKENS = 254
"""Without the two special tokens that the model adds."""
OVERLAP_TOKENS = 20
TOP = 3


class Int8(BaseEmbedding):  # type: ignore[misc]
    """The product's embedder behind LlamaIndex's interface."""

    _embedder: Any

    def __init__(self, models: Path) -> None:
        """Open the model in `models`."""
        super().__init__(model_name="int8")
        self._embedder = Embedder.open(models)

    def _get_text_embedding(self, text: str) -> list[float]:
        vector: list[float] = self._embedder.embed([text], truncate=True)[0].tolist()
        return vector

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def main(models: Path, texts: Path) -> None:
    """Index the texts of a JSON file of texts by name, then answer each question with nodes."""
    embedder = Int8(models)
    documents = [
        Document(text=text, id_=path) for path, text in json.loads(texts.read_text("utf-8")).items()
    ]
    splitter = SentenceSplitter(
        chunk_size=CHUNK_TOKENS,
        chunk_overlap=OVERLAP_TOKENS,
        tokenizer=embedder._embedder.tokens.ids,
        include_metadata=False,
    )
    index = VectorStoreIndex.from_documents(
        documents, embed_model=embedder, transformations=[splitter]
    )
    retriever = index.as_retriever(similarity_top_k=TOP)

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        found = retriever.retrieve(asked["question"])
        return {"nodes": [[each.node.ref_doc_id, each.node.text] for each in found]}

    serve({"version": metadata.version("llama-index-core")}, answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
