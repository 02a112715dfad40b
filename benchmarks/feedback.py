"""Effect of ratings on searches: `python -m benchmarks feedback`.

Users are simulated. Each asks one of the rated questions, looks at the first ten passages and rates
the first: up if it is from the best document, down if not, and names the best one if it is among
the ten. Then everybody's votes are cast, and three kinds of questions are asked with and without
them: the rated ones again, the same in other words, and unrated ones.

The search is the product's own, over the local cloud's index. The other words are made by rules: a
name is put into a sentence, and a word of a sentence is replaced by a synonym.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from benchmarks import feedback_answers
from benchmarks.ballots import Ballots
from benchmarks.judged.scoring import METRICS, Gains, difference
from benchmarks.reporting import Result, spread
from chalicelib.adapters.records.feedback import MAX_VOTES
from chalicelib.contracts.answer_log import LoggedAnswer, PageSpan, QuotedSpan
from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.search import Hit, Neighbour
from chalicelib.inference.embedder import MODEL, Embedder
from chalicelib.retrieval.answer.answer_log import first_passage_span
from chalicelib.retrieval.search import feedback_boost as product
from chalicelib.retrieval.search.feedback_boost import (
    Vote,
    marks_for_rating,
    pack_vector,
    unpack_vector,
)
from chalicelib.retrieval.search.filters import IndexFilter
from chalicelib.retrieval.search.query import PassageIndex, Query
from chalicelib.retrieval.search.searcher import Searcher
from models.judged_search import collection
from models.judged_search.collection import Half, Judged, JudgedDocument, hashed
from models.judged_search.engine import engine
from models.pull.cache import CACHE

TOP_K = 10
SEED = 7
WRONG = 0.2
"""The share of ratings that say the opposite, where some users are careless."""
FRAMES = ("What is {}?", "What does {} mean?", "Can you explain {} to me?", "definition of {}")
ALIKES = (0.6, 0.7, 0.75, 0.8, 0.9)
SHARES = (0.05, 0.12, 0.16, 0.2, 0.3)
KINDS = ("again", "in other words", "not rated")
NOTES = (
    "Users are simulated and rate by the judgements; other words are made by rules, not by people.",
    "Intervals are 95 %, by a paired bootstrap over questions.",
    "The constants were chosen on the half of the questions that is for tuning.",
)

Ask = Callable[[str], Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Remembered:
    """An index with a cache of its results: votes only change the ranking of its answer."""

    index: PassageIndex
    found: dict[tuple[str, int], list[Hit]] = field(default_factory=dict)

    def query(
        self,
        index: IndexRef,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        condition: IndexFilter | None,
    ) -> Sequence[Hit]:
        """Return the best chunks; these questions have no `condition`."""
        if (text, count) not in self.found:
            results = self.index.query(index, vector, text, count=count, condition=condition)
            self.found[text, count] = list(results)
        return self.found[text, count]

    def chunks(self, index: IndexRef, keys: Sequence[str]) -> Mapping[str, Neighbour]:
        """Return the chunks with these `keys`."""
        return self.index.chunks(index, keys)


@dataclass(frozen=True, slots=True)
class Asking:
    """One question, in its own or in other words, and its relevant documents."""

    text: str
    gains: Gains


@dataclass(frozen=True, slots=True)
class Voters:
    """The rated questions, their paraphrases, and unrated questions."""

    rated: Sequence[Judged]
    asked: Mapping[str, Sequence[Asking]]

    @property
    def texts(self) -> list[str]:
        """Return all questions."""
        questions = [each.text for kind in self.asked.values() for each in kind]
        return list(dict.fromkeys(questions))


def voters(name: str, half: Half, documents: Mapping[str, JudgedDocument]) -> Voters:
    """Return the questions of one half: every other one is rated, `MAX_VOTES` at the most."""
    known = [each for each in collection.frozen(name).questions if each.half == half]
    ordered = sorted(known, key=lambda question: hashed(f"rated {question.id}"))
    rated, others = ordered[::2][:MAX_VOTES], ordered[1::2]
    worded = [(each, in_other_words(name, each, documents)) for each in rated]
    return Voters(
        rated,
        {
            "again": [Asking(each.text, each.gains) for each in rated],
            "in other words": [Asking(text, each.gains) for each, text in worded if text],
            "not rated": [Asking(each.text, each.gains) for each in others],
        },
    )


def in_other_words(name: str, question: Judged, documents: Mapping[str, JudgedDocument]) -> str:
    """Return the question in other words, or "" if there are none."""
    if name == "foldoc":
        return FRAMES[int(hashed(question.id)[1], 16) % len(FRAMES)].format(question.text)
    word = question.id.split("/", maxsplit=1)[0]
    synonyms = [
        each
        for each in documents[question.id].heading.split(", ")
        if each.casefold() != word.casefold()
    ]
    if not synonyms:
        return ""
    return re.sub(rf"\b{re.escape(word)}", synonyms[0], question.text, count=1, flags=re.I)


def searching(searcher: Searcher, cast: Sequence[Vote] = ()) -> Ask:
    """Return the product's search with the votes that were cast."""
    voted = replace(searcher, votes=Ballots(cast))
    return lambda text: voted.search(Query("tenant", text, None, TOP_K, "")).passages


def ballots(searcher: Searcher, rated: Sequence[Judged], wrong: float = 0.0) -> list[Vote]:
    """Return the votes of users on results without votes; a share `wrong` rates carelessly."""
    chance = random.Random(SEED)  # noqa: S311 - the same careless users each time
    ask = searching(searcher)
    texts = [question.text for question in rated]
    vectors = searcher.embedder.embed(texts, "").vectors
    return [
        _ballot(question, vector, ask(question.text), careless=chance.random() < wrong)
        for question, vector in zip(rated, vectors, strict=True)
    ]


def _ballot(
    question: Judged, vector: Sequence[float], shown: Sequence[Hit], *, careless: bool
) -> Vote:
    best = max(question.gains.values())
    right = [hit for hit in shown if question.gains.get(hit.document_id) == best]
    is_right = bool(shown) and shown[0] in right
    better: PageSpan | None = None
    if not is_right and right and not careless:
        (quoted,) = first_passage_span(right)
        better = quoted.bare_span
    cited: tuple[QuotedSpan, ...] = first_passage_span(shown)
    logged = LoggedAnswer(
        id=question.id,
        kind="search",
        question=question.text,
        asked_as=question.text,
        cited=cited,
        model=MODEL,
        asked_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    marks = marks_for_rating(logged, "up" if is_right != careless else "down", better)
    return Vote(MODEL, unpack_vector(pack_vector(vector)), marks)


def _documents(hits: Sequence[Hit]) -> list[str]:
    return list(dict.fromkeys(hit.document_id for hit in hits))


def _reciprocal_rank(hits: Sequence[Hit], gains: Gains) -> float:
    """Return 1 / the rank of the first best document: a related one is no answer."""
    best = max(gains.values())
    answers = {each: gain for each, gain in gains.items() if gain == best}
    return METRICS["MRR@10"](_documents(hits), answers)


def _ndcg(hits: Sequence[Hit], gains: Gains) -> float:
    return METRICS["nDCG@10"](_documents(hits), gains)


Score = Callable[[Sequence[Hit], Gains], float]
SCORES: Mapping[str, Score] = {"MRR@10": _reciprocal_rank, "nDCG@10": _ndcg}


def scored(ask: Ask, asked: Sequence[Asking], score: Score) -> list[float]:
    """Return the score of each question."""
    return [score(ask(each.text), each.gains) for each in asked]


def compared(before: Sequence[float], after: Sequence[float]) -> dict[str, Any]:
    """Return the means, and their difference with its interval."""
    gain = difference(after, before)
    pairs = list(zip(before, after, strict=True))
    return {
        "questions": len(pairs),
        "without": round(fmean(before), 4),
        "with": round(fmean(after), 4),
        "difference": round(gain.mean, 4),
        "interval": [round(gain.low, 4), round(gain.high, 4)],
        "better": sum(one < other for one, other in pairs),
        "worse": sum(one > other for one, other in pairs),
    }


def effects(searcher: Searcher, who: Voters, cast: Sequence[Vote]) -> dict[str, Any]:
    """Return the effect of the votes, by kind of question and score."""
    without, with_votes = searching(searcher), searching(searcher, cast)
    return {
        kind: {
            name: compared(scored(without, questions, score), scored(with_votes, questions, score))
            for name, score in SCORES.items()
        }
        for kind, questions in who.asked.items()
    }


@contextmanager
def constants(alike: float, most: float) -> Iterator[None]:
    """Use other constants for the product's votes while the block runs."""
    before = product.MIN_SIMILARITY, product.MAX_BOOST
    product.MIN_SIMILARITY, product.MAX_BOOST = alike, most
    try:
        yield
    finally:
        product.MIN_SIMILARITY, product.MAX_BOOST = before


@contextmanager
def opened(name: str, half: Half) -> Iterator[tuple[Searcher, Voters]]:
    """Yield the product's search over a collection, and the questions of one half."""
    documents = collection.documents(name, collection.frozen(name).documents)
    who = voters(name, half, {each.id: each for each in documents})
    with engine(name, documents, who.texts, Embedder.open(CACHE)) as running:
        searcher = running.searcher()
        yield replace(searcher, index=Remembered(searcher.index)), who


def measure(repetitions: int) -> Result:
    """Measure on the half that was not used to choose the constants."""
    costs: list[float] = []
    facts: dict[str, Any] = {
        "alike": product.MIN_SIMILARITY,
        "most": product.MAX_BOOST,
        "votes": MAX_VOTES,
    }
    for name in collection.PACKAGES:
        with opened(name, "test") as (searcher, who):
            facts[name] = {
                "careful users": effects(searcher, who, ballots(searcher, who.rated)),
                "one in five careless": effects(searcher, who, ballots(searcher, who.rated, WRONG)),
            }
            costs += _costs(searcher, who, repetitions)
    facts["answers"] = feedback_answers.measured(CACHE)
    measured = {f"weighing {MAX_VOTES} votes": spread(costs, "ms of CPU")}
    return Result("feedback", repetitions, measured, facts=facts, notes=NOTES)


def _costs(searcher: Searcher, who: Voters, repetitions: int) -> list[float]:
    """Return the CPU time, in milliseconds, to weigh the maximum number of votes."""
    cast = ballots(searcher, who.rated)[:MAX_VOTES]
    questions = [each.text for each in who.asked["in other words"]][:repetitions]
    milliseconds = []
    for vector in searcher.embedder.embed(questions, "").vectors:
        begun = time.process_time()
        product.vote_weights(cast, MODEL, vector)
        milliseconds.append(1_000 * (time.process_time() - begun))
    return milliseconds


def tuned(name: str) -> list[dict[str, float]]:
    """Return the effect of each pair of constants on the tuning questions."""
    rows = []
    with opened(name, "tune") as (searcher, who):
        cast = {wrong: ballots(searcher, who.rated, wrong) for wrong in (0.0, WRONG)}
        before = {
            kind: scored(searching(searcher), who.asked[kind], _reciprocal_rank) for kind in KINDS
        }
        for alike in ALIKES:
            for most in SHARES:
                with constants(alike, most):
                    row: dict[str, float] = {"alike": alike, "most": most}
                    for wrong, votes in cast.items():
                        ask = searching(searcher, votes)
                        for kind in KINDS:
                            after = scored(ask, who.asked[kind], _reciprocal_rank)
                            change = fmean(after) - fmean(before[kind])
                            row[f"{kind}, {wrong:.0%} careless"] = round(change, 4)
                rows.append(row)
                print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    """Try constants on the tuning half of the questions; print the effect of each pair."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feedback", description=main.__doc__)
    parser.add_argument("names", nargs="*", default=list(collection.PACKAGES))
    for name in parser.parse_args().names:
        json.dump({name: tuned(name)}, sys.stdout)
        print()


if __name__ == "__main__":
    main()
