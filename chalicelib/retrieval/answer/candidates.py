"""Candidates for an answer: the segments of the passages, and which of them a model compares.

A question finds ten passages with some hundred segments, and comparing one takes a model several
milliseconds. So segments are ranked first by what words and the search alone say of them; the
weights were learned (`models/candidate_head`).
"""

from __future__ import annotations

import itertools
import math
import operator
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.question_types import (
    expected_answer,
    holds_answer,
    strip_question_words,
)
from chalicelib.retrieval.text.segmentation import split_segments
from chalicelib.retrieval.text.segments import STATING_KINDS, SegmentKind
from chalicelib.retrieval.text.terms import numbers_in, terms

if TYPE_CHECKING:
    from chalicelib.contracts.search import Hit

MAX_CANDIDATES = 16
"""The most segments that are compared for one question: the caller waits for each."""
_FEWEST_TERMS = 3
_TERMS_OF_ITEM = 6
"""An item with fewer terms and without a mark at its end is a label."""
_NAMED_KINDS = {SegmentKind.FIELD, SegmentKind.ROW, SegmentKind.DEFINITION, SegmentKind.CODE}
_NEIGHBOURS = 2

CANDIDATE_FEATURES = (
    "coverage",
    "own coverage",
    "coverage nearby",
    "passage coverage",
    "whole coverage",
    "rank",
    "share",
    "bm25",
    "similarity",
    "best score",
    "length",
    "new numbers",
    "expected kind",
    "document share",
    "precision",
    "question length",
    "row",
    "field",
    "definition",
    "item",
    "list",
    "code",
    "context",
)
"""Names of the features of words and of the search, in order.

coverage: the share of the question's terms, by rarity, that the segment has together with its
heading; own, nearby, passage and whole coverage: that of the segment alone, of the segments around
it with the heading, of the passage, and of segment, heading and path. rank, share, bm25 and
similarity: the passage's place and scores, the shares those of the best passage's, which is `best
score`. document share: that of its document's passages in the sum of scores. precision: the share
of its terms that the question has. expected kind: whether it has a number, a time or a name where
the question asks for one. The last seven are its form.
"""

Features = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AnswerCandidate:
    """A segment that may answer, with its `CANDIDATE_FEATURES`."""

    source: SourceSentence
    features: Features


def find_candidates(question: str, passages: Sequence[Hit]) -> list[AnswerCandidate]:
    """Return every segment of `passages` that states something, in their order.

    Headings, names of columns, lead-ins and questions state nothing, and are left out. A segment of
    two overlapping passages is returned once.
    """
    by_position: dict[tuple[str, str, int, int, int], SourceSentence] = {}
    for passage in passages:
        for segment in split_segments(passage.text):
            text = passage.text[segment.start : segment.end]
            source = SourceSentence(passage, segment.span, text, segment.context, segment.kind)
            if _states_something(source):
                by_position.setdefault(source.position, source)
    sources = list(by_position.values())
    measure = _Measure.of(question, passages, sources)
    return [AnswerCandidate(source, measure.features(at)) for at, source in enumerate(sources)]


def best_candidates(
    candidates: Sequence[AnswerCandidate], weights: Features, count: int = MAX_CANDIDATES
) -> list[AnswerCandidate]:
    """Return the `count` candidates whose features weigh most, best first."""
    scores = [sum(map(operator.mul, weights, candidate.features)) for candidate in candidates]
    order = sorted(range(len(candidates)), key=lambda at: -scores[at])
    return [candidates[at] for at in order[:count]]


def _states_something(source: SourceSentence) -> bool:
    """Return whether a segment is more than a question, a heading, a label or an item number.

    A named value states something however short it is. A list item without a lead-in does only if
    it is a sentence.
    """
    text, kind, heading = source.text, source.segment.kind, source.passage.heading
    if kind not in STATING_KINDS or " ".join(text.split()) in heading or text.endswith("?"):
        return False
    text_terms = terms(text)
    if kind in _NAMED_KINDS:
        return bool(text_terms)
    says = any(not term.isdigit() for term in text_terms)
    if kind is SegmentKind.ITEM:
        if source.context:
            return bool(text_terms)
        return len(text_terms) >= _FEWEST_TERMS and (
            len(text_terms) >= _TERMS_OF_ITEM or text[-1] in ".!"
        )
    return len(text_terms) >= _FEWEST_TERMS or (says and bool(numbers_in(text)))


@dataclass(frozen=True, slots=True)
class _PassageTerms:
    """A passage's own terms, those of its heading and path, and its place among the others."""

    text: frozenset[str]
    heading: frozenset[str]
    path: frozenset[str]
    scores: Features
    """Rank, share, BM25, similarity, best score and share of the document, as in the features."""


@dataclass(frozen=True, slots=True)
class _Measure:
    """The features of segments for one question; rarity is counted over all of them."""

    question: str
    sources: Sequence[SourceSentence]
    held: Sequence[frozenset[str]]
    nearby: Sequence[frozenset[str]]
    passages: Mapping[int, _PassageTerms]
    weights: Mapping[str, float]
    numbers: frozenset[str]

    @classmethod
    def of(
        cls, question: str, passages: Sequence[Hit], sources: Sequence[SourceSentence]
    ) -> _Measure:
        held = [frozenset(terms(source.statement)) for source in sources]
        of_passages = {
            id(passage): _PassageTerms(
                frozenset(terms(passage.text)),
                frozenset(terms(passage.heading)),
                frozenset(terms(spelled_path(passage.path))),
                scores,
            )
            for passage, scores in zip(passages, _passage_scores(passages), strict=True)
        }
        headed = [
            own | of_passages[id(source.passage)].heading
            for own, source in zip(held, sources, strict=True)
        ]
        weights = {
            term: math.log(1 + (1 + len(headed)) / (1 + sum(term in each for each in headed)))
            for term in terms(strip_question_words(question))
        }
        nearby = _nearby(sources, held)
        numbers = frozenset(numbers_in(question))
        return cls(question, sources, held, nearby, of_passages, weights, numbers)

    def features(self, at: int) -> Features:
        """Return the features of segment `at`."""
        source, own = self.sources[at], self.held[at]
        passage = self.passages[id(source.passage)]
        expected = expected_answer(self.question)
        kind = source.segment.kind
        headed = own | passage.heading
        return (
            self._coverage(headed),
            self._coverage(own),
            self._coverage(self.nearby[at] | passage.heading),
            self._coverage(passage.text | passage.heading),
            self._coverage(headed | passage.path),
            *passage.scores[:5],
            math.log1p(len(source.statement)),
            float(bool(numbers_in(source.text) - self.numbers)),
            float(expected is None or holds_answer(expected, source.statement)),
            passage.scores[5],
            len(own & self.weights.keys()) / len(own) if own else 0.0,
            float(len(self.weights)),
            *(float(kind is each) for each in _FORMS),
            float(bool(source.context)),
        )

    def _coverage(self, held: frozenset[str]) -> float:
        total = sum(self.weights.values())
        return sum(self.weights[term] for term in self.weights if term in held) / (total or 1.0)


_FORMS = (
    SegmentKind.ROW,
    SegmentKind.FIELD,
    SegmentKind.DEFINITION,
    SegmentKind.ITEM,
    SegmentKind.LIST,
    SegmentKind.CODE,
)


def spelled_path(path: str) -> str:
    """Return the words of a path apart."""
    return "".join(each if each.isalnum() else " " for each in path)


def _passage_scores(passages: Sequence[Hit]) -> list[Features]:
    best = max((passage.score for passage in passages), default=0.0) or 1.0
    best_bm25 = max(map(_bm25, passages), default=0.0) or 1.0
    by_document: dict[str, float] = defaultdict(float)
    for passage in passages:
        by_document[passage.document_id] += passage.score
    total = sum(by_document.values()) or 1.0
    return [
        (
            math.log1p(rank),
            passage.score / best,
            _bm25(passage) / best_bm25,
            passage.scores.vector.similarity if passage.scores.vector else 0.0,
            best,
            by_document[passage.document_id] / total,
        )
        for rank, passage in enumerate(passages)
    ]


def _bm25(passage: Hit) -> float:
    return passage.scores.text.bm25 if passage.scores.text else 0.0


def _nearby(
    sources: Sequence[SourceSentence], held: Sequence[frozenset[str]]
) -> list[frozenset[str]]:
    """Return the terms of each segment with those of the segments around it in its passage."""
    nearby = [frozenset[str]()] * len(sources)
    order = sorted(range(len(sources)), key=lambda at: (id(sources[at].passage), at))
    for _, group in itertools.groupby(order, key=lambda at: id(sources[at].passage)):
        places = list(group)
        for place, at in enumerate(places):
            around = places[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1]
            nearby[at] = frozenset().union(*(held[each] for each in around))
    return nearby
