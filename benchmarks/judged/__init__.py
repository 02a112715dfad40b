"""Ranking quality on the collections of `models.judged_search`, by relevance judgements."""

BASE = "hybrid"
RERANKED_WAY = "hybrid + rerank"
PEER_WAY = "LlamaIndex, hybrid"
LABELLED = "labelled questions"
VERSIONS = "versions"
"""What results call the ranking that others are set against, that with the reranker, that of
LlamaIndex, the questions of `benchmarks.answering`, and the versions of LlamaIndex.
"""
