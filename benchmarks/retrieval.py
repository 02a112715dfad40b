"""Ranking quality by judgements: vectors, BM25, fusions of both, the reranker, and LlamaIndex.

Two collections made of dictionaries, with frozen questions: a name and the entry that explains it
without naming it, with related entries (FOLDOC); a sentence and the sense of a word that it
illustrates (WordNet). The halves of the questions that tuned fusion and reranker are left out. Two
more were made when tuning had ended: what a manual page says that it is for, and its description;
a question of Python's FAQ, and its answer among sections of the manual. The queries go to the local
cloud's own index, through the product's search. LlamaIndex has the same passages and vectors.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.bench_environment import ALONE, PROJECT, interpreter
from benchmarks.judged import BASE, LABELLED, PEER_WAY, RERANKED_WAY, VERSIONS
from benchmarks.judged.labelled import Ended, asked_with
from benchmarks.judged.scoring import METRICS, difference
from benchmarks.lines import Peer, peer
from benchmarks.reporting import Result, Spread, spread
from chalicelib.contracts.functions.rerank_passages import RerankResult
from chalicelib.contracts.search import Hit
from chalicelib.inference.embedder import Embedder
from chalicelib.inference.word_vectors import WordEmbedder
from chalicelib.retrieval.search.reranker import MAX_RERANKED, parse_head, rerank_request
from functions.rerank_passages.core import Deps, run
from functions.rerank_passages.handler import HEAD
from models.judged_search import collection
from models.judged_search.engine import Engine, engine
from models.pull.cache import CACHE

NOTES = (
    "Test halves only; the tuning halves chose the fusion and the reranker's weights.",
    "The reranker is measured on collections of other texts than those that it learned from.",
    "manpages and python-faq were made and asked for the first time when tuning had ended.",
    "Differences are from hybrid, with 95 % intervals by the paired bootstrap over questions.",
    "A document's place is that of its best passage among the first 100 passages.",
)

Ranking = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class LocalReranker:
    """The reranking function's core in this process; `took` are the CPU seconds of each call."""

    deps: Deps
    took: list[float] = field(default_factory=list)

    @classmethod
    def open(cls) -> LocalReranker:
        """Open it with the committed head, timed by CPU time because the machine is shared."""
        head = parse_head(HEAD.read_text("utf-8"))
        return cls(Deps(WordEmbedder.open(CACHE), head, time.thread_time))

    def rerank(self, query: str, passages: Sequence[Hit], correlation_id: str) -> RerankResult:
        """Return one score per passage."""
        result = run(rerank_request(query, passages, correlation_id), self.deps)
        self.took.append(result.seconds)
        return result

    def spread_of_calls(self) -> Spread:
        """Return the durations in ms of the calls since the last time."""
        milliseconds = [1000 * each for each in self.took]
        self.took.clear()
        return spread(milliseconds, "ms")


def measure(repetitions: int) -> Result:
    """Rank every question of the test halves once; raise FileNotFoundError without the texts.

    `repetitions` changes nothing: rankings do not vary.
    """
    packages_of = collection.PACKAGES | collection.HELD_OUT
    missing = [each for each in packages_of if not collection.installed(each)]
    if missing:
        packages = " ".join(packages_of[each] for each in missing)
        raise FileNotFoundError(f"The texts are not installed: apt-get install {packages}")
    embedder, reranker = Embedder.open(CACHE), LocalReranker.open()
    facts: dict[str, Any] = {}
    measured: dict[str, Spread] = {}
    command = [str(interpreter()), "-m", "benchmarks.retrieval_theirs"]
    with peer(command, PROJECT, {**os.environ, **ALONE}) as theirs:
        for name in packages_of:
            is_held_out = name in collection.HELD_OUT
            facts[name] = measured_on(name, embedder, reranker if is_held_out else None, theirs)
            if is_held_out:
                measured[name] = reranker.spread_of_calls()
        versions = theirs.ready["versions"]
    facts[LABELLED] = answers(asked_with(CACHE, {BASE: None, RERANKED_WAY: reranker}))
    measured[LABELLED] = reranker.spread_of_calls()
    took = {f"reranking {MAX_RERANKED} passages, {name}": each for name, each in measured.items()}
    facts[VERSIONS] = versions
    return Result("retrieval", 1, took, facts=facts, notes=NOTES)


def measured_on(
    name: str, embedder: Embedder, reranker: LocalReranker | None, theirs: Peer
) -> dict[str, Any]:
    """Return the scores of each way of ranking on one collection, and their differences.

    Reranking is left out without a `reranker`.
    """
    frozen = collection.frozen(name)
    asked = [question for question in frozen.questions if question.half == "test"]
    documents = collection.documents(name, frozen.documents)
    texts = [question.text for question in frozen.questions]
    with engine(name, documents, texts, embedder) as made:
        rankings = {
            way: [rank(question.text) for question in asked] for way, rank in ways(made, reranker)
        }
        rankings[PEER_WAY] = by_peer(theirs, made, [question.text for question in asked])
    return {
        "documents": len(documents),
        "passages": made.chunks,
        "questions": len(asked),
        "ways": compared(rankings, [question.gains for question in asked]),
    }


def ways(made: Engine, reranker: LocalReranker | None) -> Iterator[tuple[str, Ranking]]:
    """Yield each way of ranking by its name."""
    plain = made.searcher()
    yield "vectors", made.by_vector
    yield "BM25", made.by_words
    yield "reciprocal ranks", made.by_reciprocal_ranks
    yield BASE, lambda question: made.by_search(plain, question)
    if reranker is not None:
        reranking = made.searcher(reranker)
        yield RERANKED_WAY, lambda question: made.by_search(reranking, question)


def by_peer(theirs: Peer, made: Engine, questions: Sequence[str]) -> list[list[str]]:
    """Return the documents of each question as LlamaIndex orders the same passages."""
    documents, texts = zip(*made.passages_of, strict=True)
    with TemporaryDirectory(prefix="headrace-bench-") as folder:
        file = Path(folder) / "passages.npz"
        np.savez(
            file,
            documents=np.array(documents),
            texts=np.array(texts),
            vectors=made.vectors,
            questions=np.array(questions),
            question_vectors=np.array([made.asked.vectors[each] for each in questions]),
        )
        found: list[list[str]] = theirs.ask({"file": str(file)})["rankings"]
    return found


def compared(
    rankings: Mapping[str, Sequence[Sequence[str]]], gains: Sequence[Mapping[str, int]]
) -> dict[str, Any]:
    """Return by way and metric the mean, and the difference from hybrid with its interval."""
    scores = {
        way: {
            metric: [score(*pair) for pair in zip(ranked, gains, strict=True)]
            for metric, score in METRICS.items()
        }
        for way, ranked in rankings.items()
    }
    return {
        way: {
            metric: beside(own, None if way == BASE else scores[BASE][metric])
            for metric, own in by_metric.items()
        }
        for way, by_metric in scores.items()
    }


def beside(own: Sequence[float], others: Sequence[float] | None) -> dict[str, Any]:
    """Return the mean, and its difference from `others` with the interval, if there are any."""
    told: dict[str, Any] = {"mean": round(sum(own) / len(own), 4)}
    if others is not None:
        apart = asdict(difference(own, others))
        told["difference"] = {part: round(value, 4) for part, value in apart.items()}
    return told


def answers(ended: Mapping[str, Sequence[Ended]]) -> dict[str, Any]:
    """Return ranks of right passages and results of tier 0's answers, by way of ranking."""
    places = {
        way: [each.reciprocal for each in cases if each.label.path] for way, cases in ended.items()
    }
    return {
        way: {
            "answerable": len(places[way]),
            "unanswerable": len(cases) - len(places[way]),
            "MRR@10": beside(places[way], None if way == BASE else places[BASE]),
            "answered rightly": sum(each.right for each in cases),
            "answered though nothing answers": sum(
                each.answered and not each.label.path for each in cases
            ),
        }
        for way, cases in ended.items()
    }
