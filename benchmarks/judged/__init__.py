"""Ranking quality on the collections of `models.judged_search`, by relevance judgements."""

BASE = "hybrid"
RERANKED_WAY = "hybrid + rerank"
LABELLED = "labelled questions"
"""What results call the ranking that others are set against, that with the reranker, and the
questions of `benchmarks.answering`.
"""
