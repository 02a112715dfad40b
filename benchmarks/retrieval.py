"""Ranking quality by judgements: vectors, BM25, both fused, and the reranker.

Two collections made of dictionaries, with frozen questions: a name and the entry that explains it
without naming it, with related entries (FOLDOC); a sentence and the sense of a word that it
illustrates (WordNet). The queries go to the local cloud's own index, through the product's search.
The halves of the questions that tuned the reranker are left out.

AWS's own ranking was not measured: the index of S3 Vectors may analyse, weigh and fuse otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.judged import BASE, LABELLED, RERANKED_WAY
from benchmarks.judged.labelled import Ended, asked_with
from benchmarks.judged.scoring import METRICS, difference
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
    "Test halves only; the tuning halves learned the reranker's weights.",
    "Differences are from hybrid, with 95 % intervals by the paired bootstrap over questions.",
    "A document's place is that of its best passage among the first 100 passages.",
    "AWS's own ranking was not measured.",
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
    missing = [each for each in collection.PACKAGES if not collection.installed(each)]
    if missing:
        packages = " ".join(collection.PACKAGES[each] for each in missing)
        raise FileNotFoundError(f"The texts are not installed: apt-get install {packages}")
    embedder, reranker = Embedder.open(CACHE), LocalReranker.open()
    facts: dict[str, Any] = {}
    measured: dict[str, Spread] = {}
    for name in collection.PACKAGES:
        facts[name] = measured_on(name, embedder, reranker)
        measured[name] = reranker.spread_of_calls()
    facts[LABELLED] = answers(asked_with(CACHE, {BASE: None, RERANKED_WAY: reranker}))
    measured[LABELLED] = reranker.spread_of_calls()
    took = {f"reranking {MAX_RERANKED} passages, {name}": each for name, each in measured.items()}
    return Result("retrieval", 1, took, facts=facts, notes=NOTES)


def measured_on(name: str, embedder: Embedder, reranker: LocalReranker) -> dict[str, Any]:
    """Return the scores of each way of ranking on one collection, and their differences."""
    frozen = collection.frozen(name)
    asked = [question for question in frozen.questions if question.half == "test"]
    documents = collection.documents(name, frozen.documents)
    texts = [question.text for question in frozen.questions]
    with engine(name, documents, texts, embedder) as made:
        rankings = {
            way: [rank(question.text) for question in asked] for way, rank in ways(made, reranker)
        }
    return {
        "documents": len(documents),
        "passages": made.chunks,
        "questions": len(asked),
        "ways": compared(rankings, [question.gains for question in asked]),
    }


def ways(made: Engine, reranker: LocalReranker) -> Iterator[tuple[str, Ranking]]:
    """Yield each way of ranking by its name."""
    plain, reranking = made.searcher(), made.searcher(reranker)
    yield "vectors", made.by_vector
    yield "BM25", made.by_words
    yield BASE, lambda question: made.by_search(plain, question)
    yield RERANKED_WAY, lambda question: made.by_search(reranking, question)


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
