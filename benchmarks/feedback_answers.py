"""Effect of ratings on answers: part of `python -m benchmarks feedback`.

Every user asks a labelled question and rates the answer: up if it cites the labelled fact, down if
not, and then points to the fact if it stands in a retrieved passage. An answer to a question that
the documents do not answer is rated down. Tier 0 answers, in this process, as in
`benchmarks.answering`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.answering import ROOT, SETS, LocalEmbedder, finder_over, weigh_passages
from benchmarks.ballots import Ballots
from chalicelib.contracts.answer_log import LoggedAnswer, PageSpan, QuotedSpan
from chalicelib.retrieval.answer import evidence
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.outcome import decide_outcome
from chalicelib.retrieval.search.feedback_boost import (
    Vote,
    marks_for_rating,
    pack_vector,
    unpack_vector,
)
from chalicelib.retrieval.search.query import Query, SearchResult
from chalicelib.retrieval.search.searcher import Searcher


@dataclass(frozen=True, slots=True)
class Label:
    """A question and the file and words that answer it; both "" if nothing does."""

    question: str
    path: str = ""
    quotes: str = ""

    def is_in(self, source: SourceSentence) -> bool:
        """Return whether a sentence holds the fact."""
        held = self.quotes in " ".join(source.text.split())
        return bool(self.quotes) and held and source.passage.path == self.path


@dataclass(frozen=True, slots=True)
class Answer:
    """The search results of a question, and the sentences that answer it."""

    found: SearchResult
    sources: Sequence[SourceSentence]
    claims: Sequence[SourceSentence]


class Answers:
    """Tier 0 over one set of documents."""

    def __init__(self, searcher: Searcher, embedder: LocalEmbedder) -> None:
        self._finder = searcher
        self._embedder = embedder

    def to(self, question: str, cast: Sequence[Vote] = ()) -> Answer:
        """Return the answer to a question, with the votes that were cast."""
        searcher = replace(self._finder, votes=Ballots(cast))
        results = searcher.search(Query("tenant", question, None, 10, ""))
        weighed = weigh_passages(self._embedder, question, results.passages)
        sources = [item.source for item in weighed]
        nudged = evidence.boost_evidence(weighed, results.vote_weights)
        claims = decide_outcome(question, nudged).claims
        return Answer(results, sources, [source for _, source in claims])


def vote_of(label: Label, answer: Answer) -> Vote:
    """Return the rating of an answer by a user who knows the label."""
    right = any(map(label.is_in, answer.claims))
    facts = [source for source in answer.sources if label.is_in(source)]
    better = _quoted(facts[0]).bare_span if facts and not right else None
    logged = LoggedAnswer(
        id="",
        kind="answer",
        question=label.question,
        asked_as=label.question,
        cited=tuple(map(_quoted, answer.claims)),
        model=answer.found.embedding.model,
        asked_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    marks = marks_for_rating(logged, "up" if right else "down", better)
    return Vote(logged.model, unpack_vector(pack_vector(answer.found.vector)), marks)


def _quoted(source: SourceSentence) -> QuotedSpan:
    document_id, version, page, start, end = source.position
    place = PageSpan(document_id=document_id, version=version, page=page, start=start, end=end)
    return QuotedSpan(**place.model_dump(), path=source.passage.path)


def labels_of(file: Path) -> tuple[list[Label], list[str]]:
    """Return the questions of a file that have an answer, and those that have none."""
    content = json.loads(file.read_text(encoding="utf-8"))
    answered = [
        Label(item["question"], item["path"], item["quotes"]) for item in content["answerable"]
    ]
    return answered, content["unanswerable"]


def measured(models: Path) -> Mapping[str, Any]:
    """Return, by set of questions, how many are answered rightly without and with votes."""
    return {name: _of_set(name, models) for name in SETS}


def _of_set(name: str, models: Path) -> Mapping[str, int]:
    folder, file = SETS[name]
    answers = Answers(*finder_over(models, ROOT / folder))
    labels, others = labels_of(ROOT / "tests" / "data" / file)
    questions = [*labels, *map(Label, others)]
    votes = [vote_of(label, answers.to(label.question)) for label in questions]
    figures: dict[str, int] = {"answerable": len(labels), "unanswerable": len(others)}
    for whose, cast in (
        ("without votes", [()] * len(questions)),
        ("everybody's votes", [votes] * len(questions)),
        ("votes of all others", list(_all_but_one(votes))),
    ):
        given = [
            (label, answers.to(label.question, each).claims)
            for label, each in zip(questions, cast, strict=True)
        ]
        figures[f"right, {whose}"] = sum(any(map(label.is_in, claims)) for label, claims in given)
        figures[f"false, {whose}"] = sum(
            bool(claims) for label, claims in given if not label.quotes
        )
    return figures


def _all_but_one(votes: Sequence[Vote]) -> Iterator[Sequence[Vote]]:
    for at in range(len(votes)):
        yield [*votes[:at], *votes[at + 1 :]]
