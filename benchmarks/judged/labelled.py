"""The labelled questions of `benchmarks.answering`, searched with and without reranker.

The files of all sets lie together in one index, so that a question's own file has others beside
it. A passage is right where it is of the labelled file and holds the labelled quote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.answering import ROOT, SETS, LocalEmbedder, finder_over, weigh_passages
from chalicelib.contracts.search import Hit
from chalicelib.retrieval.answer.outcome import decide_outcome
from chalicelib.retrieval.search.query import Query
from chalicelib.retrieval.search.searcher import Reranker, Searcher

TOP_K = 10
"""Passages of an answer, unless its request says otherwise."""


@dataclass(frozen=True, slots=True)
class Label:
    """A question; an empty path means that nothing answers it."""

    question: str
    path: str = ""
    quotes: str = ""

    def right(self, path: str, text: str) -> bool:
        """Return whether a text of the file at `path` holds the answer."""
        return bool(self.path) and path == self.path and self.quotes in " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of a question: 1 over the rank of the first right passage, and its answer."""

    label: Label
    reciprocal: float
    answered: bool
    right: bool


def labels() -> Iterator[Label]:
    """Yield every labelled question."""
    for _, file in SETS.values():
        content = json.loads((ROOT / "tests" / "data" / file).read_text(encoding="utf-8"))
        for each in content["answerable"]:
            yield Label(each["question"], each["path"], each["quotes"])
        yield from map(Label, content["unanswerable"])


def asked_with(models: Path, rerankers: Mapping[str, Reranker | None]) -> dict[str, list[Ended]]:
    """Ask every question with each reranker, None for none; return the results, in order."""
    folders = dict.fromkeys(ROOT / folder for folder, _ in SETS.values())
    searcher, embedder = finder_over(models, *folders)
    return {
        way: [
            _ended(replace(searcher, reranker=reranker, reranks=True), embedder, label)
            for label in labels()
        ]
        for way, reranker in rerankers.items()
    }


def _ended(searcher: Searcher, embedder: LocalEmbedder, label: Label) -> Ended:
    results = searcher.search(Query("tenant", label.question, None, TOP_K, ""))
    weighed = weigh_passages(embedder, label.question, results.passages)
    claims = decide_outcome(label.question, weighed).claims
    right = any(label.right(source.passage.path, source.text) for _, source in claims)
    return Ended(label, _reciprocal(label, results.passages), bool(claims), right)


def _reciprocal(label: Label, passages: Sequence[Hit]) -> float:
    for place, passage in enumerate(passages, start=1):
        if label.right(passage.path, passage.text):
            return 1 / place
    return 0.0
