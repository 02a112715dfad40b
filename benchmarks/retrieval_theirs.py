"""LlamaIndex's hybrid search in a process of its own, run by the environment of `bench.in`.

Its vector index and its BM25 retriever (which stems by Snowball, too) get the same passages, with
the same vectors, and its fusion by reciprocal ranks joins them.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

import numpy as np
import Stemmer
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import QueryBundle, TextNode
from llama_index.retrievers.bm25 import BM25Retriever

from benchmarks.lines import serve

DEPTH = 100


def rankings(file: str) -> list[list[str]]:
    """Return the documents of each question, best first.

    `file` is an archive of NumPy with `documents` and `texts` of the passages, `questions`, and the
    vectors of both.
    """
    with np.load(file) as given:
        documents, texts = given["documents"].tolist(), given["texts"].tolist()
        vectors, asked = given["vectors"].tolist(), given["question_vectors"].tolist()
        questions = given["questions"].tolist()
    nodes = [
        TextNode(
            id_=str(number),
            text=text,
            embedding=vector,
            metadata={"document": document},
            excluded_embed_metadata_keys=["document"],
            excluded_llm_metadata_keys=["document"],
        )
        for number, (document, text, vector) in enumerate(
            zip(documents, texts, vectors, strict=True)
        )
    ]
    index = VectorStoreIndex(nodes, embed_model=MockEmbedding(len(vectors[0])))
    words = BM25Retriever.from_defaults(
        nodes=nodes, similarity_top_k=DEPTH, stemmer=Stemmer.Stemmer("english"), language="english"
    )
    hybrid = QueryFusionRetriever(
        [index.as_retriever(similarity_top_k=DEPTH), words],
        llm=MockLLM(),
        mode="reciprocal_rerank",
        similarity_top_k=DEPTH,
        num_queries=1,
        use_async=False,
    )
    found = []
    for question, vector in zip(questions, asked, strict=True):
        hits = hybrid.retrieve(QueryBundle(question, embedding=vector))
        found.append(list(dict.fromkeys(hit.node.metadata["document"] for hit in hits)))
    return found


def main() -> None:
    """Rank the questions of each file named on standard input until it ends."""
    packages = ("llama-index-core", "llama-index-retrievers-bm25")

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        return {"rankings": rankings(request["file"])}

    serve({"versions": {name: metadata.version(name) for name in packages}}, answer)


if __name__ == "__main__":
    main()
