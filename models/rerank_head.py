"""Learn the reranker's weights: `python -m models.rerank_head`.

Two frozen collections made of dictionaries are asked through the product's own search, and the
features of what it finds are taken by the function itself. A listwise loss (ListNet's, of the top
place) is minimised over the questions of the tuning halves, by full gradient descent from zero:
no chance takes part. What is measured are the other halves.
Cao et al., Learning to rank: from pairwise approach to listwise approach, ICML 2007,
https://doi.org/10.1145/1273496.1273513

The texts are those of the Free On-line Dictionary of Computing (GFDL-1.1-or-later) and of WordNet
3.0 (WordNet 3.0 License). The result is one number a feature and holds none of their text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from chalicelib.inference.embedder import MODEL, Embedder
from chalicelib.inference.word_vectors import WordEmbedder
from chalicelib.retrieval.search.reranker import FEATURES, MAX_RERANKED, rerank_request
from functions.rerank_passages.core import look
from functions.rerank_passages.handler import HEAD
from models.judged_search import collection
from models.judged_search.engine import Engine, engine
from models.pull.cache import CACHE

RIDGE = 0.01
STEPS = 4_000
RATE = 0.5
DECIMALS = 2
"""Digits that are kept: processors differ in the last ones of int8's results."""

QuestionList = tuple[NDArray[np.float64], NDArray[np.float64]]
"""The features of one question's passages, as (passages, features), and their gains."""


def main() -> None:
    """Learn the weights, and write the head beside its function."""
    reader, embedder = WordEmbedder.open(CACHE), Embedder.open(CACHE)
    lists: list[QuestionList] = []
    counts: dict[str, int] = {}
    for name in collection.PACKAGES:
        frozen = collection.frozen(name)
        asked = [question for question in frozen.questions if question.half == "tune"]
        documents = collection.documents(name, frozen.documents)
        texts = [question.text for question in frozen.questions]
        with engine(name, documents, texts, embedder) as made:
            found = [features_and_gains(made, question, reader) for question in asked]
        lists += [each for each in found if each[1].any()]
        counts[name] = len(asked)
    head = {
        "about": "Weights of the reranker's features, by models/rerank_head.py.",
        "learned_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "model": MODEL,
        "data": {name: f"{count} questions, tuning half" for name, count in counts.items()},
        "licences": "FOLDOC: GFDL-1.1-or-later; WordNet 3.0: WordNet License. No text is in here.",
        "weights": dict(zip(FEATURES, learn_weights(lists), strict=True)),
    }
    HEAD.write_text(json.dumps(head, indent=2) + "\n", "utf-8")


def features_and_gains(
    made: Engine, question: collection.Judged, reader: WordEmbedder
) -> QuestionList:
    """Return the features and gains of the passages that search finds for a question."""
    passages = made.find(made.searcher(), question.text)[:MAX_RERANKED]
    told, _ = look(rerank_request(question.text, passages, ""), reader)
    gains = [float(question.gains.get(passage.document_id, 0)) for passage in passages]
    return np.array(told, np.float64), np.array(gains, np.float64)


def learn_weights(lists: Sequence[QuestionList]) -> list[float]:
    """Return weights that minimise the listwise cross-entropy to gains, with a ridge.

    Features are brought to one scale for the descent, and the weights back to their own.
    """
    everything = np.concatenate([told for told, _ in lists])
    spread = everything.std(axis=0)
    spread[spread == 0] = 1.0
    scaled = [(told / spread, gains / gains.sum()) for told, gains in lists]
    weights = np.zeros(everything.shape[1])
    for _ in range(STEPS):
        slope = RIDGE * weights
        for told, wanted in scaled:
            slope += told.T @ (_softmax(told @ weights) - wanted) / len(scaled)
        weights -= RATE * slope
    return [round(float(weight), DECIMALS) for weight in weights / spread]


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(values - values.max())
    found: NDArray[np.float64] = raised / raised.sum()
    return found


if __name__ == "__main__":
    main()
