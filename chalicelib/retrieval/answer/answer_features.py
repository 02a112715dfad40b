"""Features of a candidate that say how likely it holds the answer. Pure.

A model compares each word of the question with the words of each candidate. What the question asks
for and the candidate lacks shows in the words that find nothing near: in the candidate itself, in
its passage, or in its whole document.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.retrieval.answer.candidates import (
    CANDIDATE_FEATURES,
    AnswerCandidate,
    Features,
    spelled_path,
)
from chalicelib.retrieval.text.terms import Word, tokenize

if TYPE_CHECKING:
    from chalicelib.contracts.functions.embed_text import TextMatch

ANSWER_FEATURES = (
    *CANDIDATE_FEATURES,
    "cosine",
    "cosine behind best",
    "words",
    "words by rarity",
    "least word",
    "second least word",
    "least words",
    "words met",
    "passage words",
    "passage least words",
    "document words",
    "document least words",
    "own words",
    "own words unmet",
    "number unmet",
    "behind best words",
    "behind best coverage",
)
"""The features of a candidate: those of words and search, and these by the model's comparison.

cosine: of the question's vector and the candidate's. words, words by rarity, least word, second
least word, least words: how near the question's words come to one of the candidate's, on the mean,
by rarity, the least of them, and the mean of the least third. words met: the share, by rarity, of
words that come very near. passage and document words: the same for all candidates of the passage
and of the document together. own words: how near the candidate's words come to the question's; own
words unmet: the share of them that do not. number unmet: whether one of those is a number. behind
best: the distance from the best candidate of the question.
"""

MET = 0.8
"""A word of the question that comes this near is in the candidate, in whatever form."""
_EXACT = 0.95
"""The least nearness of a word that the candidate has."""
_IN_PATH = 0.9
_UNMET = 0.6


@dataclass(frozen=True, slots=True)
class _Compared:
    """A candidate's nearness to each word of meaning of the question, by place, and its words."""

    candidate: AnswerCandidate
    near: tuple[float, ...]
    match: TextMatch
    words: Sequence[Word]


def answer_features(
    question: str,
    candidates: Sequence[AnswerCandidate],
    texts: Sequence[str],
    matches: Sequence[TextMatch],
) -> list[Features]:
    """Return the `ANSWER_FEATURES` of each candidate.

    Args:
        question: the question.
        candidates: those that were compared with it.
        texts: the text of each that was compared.
        matches: the result of the comparison of each.
    """
    words = tokenize(question)
    asked = [at for at, word in enumerate(words) if word.carries_meaning] or range(len(words))
    read = [tokenize(text) for text in texts]
    stems = [{word.stem for word in each} for each in read]
    rarity = [
        math.log(1 + (1 + len(stems)) / (1 + sum(words[at].stem in each for each in stems)))
        for at in asked
    ]
    compared = [
        _Compared(candidate, _nearness(words, asked, candidate, own, match), match, each)
        for candidate, own, match, each in zip(candidates, stems, matches, read, strict=True)
    ]
    by_passage = _best_by(compared, lambda item: id(item.candidate.source.passage))
    by_document = _best_by(compared, lambda item: item.candidate.source.passage.document_id)
    features = []
    for item in compared:
        passage = item.candidate.source.passage
        around = by_passage[id(passage)], by_document[passage.document_id]
        features.append(_features(item, rarity, around))
    return _with_distances(features)


def _nearness(
    words: Sequence[Word],
    asked: Sequence[int],
    candidate: AnswerCandidate,
    own: set[str],
    match: TextMatch,
) -> tuple[float, ...]:
    """Return how near each word of meaning comes to the candidate or to the path of its file."""
    path = {word.stem for word in tokenize(spelled_path(candidate.source.passage.path))}
    near = []
    for at in asked:
        least = _EXACT if words[at].stem in own else _IN_PATH if words[at].stem in path else 0.0
        near.append(max(match.words[at], least))
    return tuple(near)


def _best_by(
    compared: Sequence[_Compared], group: Callable[[_Compared], object]
) -> Mapping[object, tuple[float, ...]]:
    """Return, for each group of candidates, how near each word comes to any of them."""
    best: dict[object, tuple[float, ...]] = {}
    for item in compared:
        known = best.get(group(item), item.near)
        best[group(item)] = tuple(map(max, known, item.near))
    return best


def _features(
    item: _Compared, rarity: Sequence[float], around: Sequence[tuple[float, ...]]
) -> Features:
    lowest = sorted(item.near)
    unmet = [
        word
        for word, near in zip(item.words, item.match.own, strict=True)
        if word.carries_meaning and near < _UNMET
    ]
    own = [
        near for word, near in zip(item.words, item.match.own, strict=True) if word.carries_meaning
    ]
    met = sum(weight for near, weight in zip(item.near, rarity, strict=True) if near > MET)
    return (
        *item.candidate.features,
        item.match.cosine,
        0.0,
        _mean(item.near),
        _weighted(item.near, rarity),
        lowest[0] if lowest else 0.0,
        lowest[min(1, len(lowest) - 1)] if lowest else 0.0,
        _least(item.near),
        met / (sum(rarity) or 1.0),
        *(value for near in around for value in (_weighted(near, rarity), _least(near))),
        _mean(own),
        len(unmet) / len(own) if own else 0.0,
        float(any(word.is_number for word in unmet)),
        0.0,
        0.0,
    )


_BEHIND = (
    ("cosine behind best", "cosine"),
    ("behind best words", "words by rarity"),
    ("behind best coverage", "coverage"),
)


def _with_distances(features: Sequence[Features]) -> list[Features]:
    """Return the features with the distances from the best candidate filled in."""
    rows = [list(each) for each in features]
    for name, of in _BEHIND:
        at, source = ANSWER_FEATURES.index(name), ANSWER_FEATURES.index(of)
        best = max((row[source] for row in rows), default=0.0)
        for row in rows:
            row[at] = row[source] - best
    return [tuple(row) for row in rows]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def _weighted(values: Sequence[float], weights: Sequence[float]) -> float:
    total = math.fsum(weights)
    return math.fsum(map(operator.mul, values, weights)) / total if total else 0.0


def _least(values: Sequence[float]) -> float:
    """Return the mean of the least third."""
    return _mean(sorted(values)[: max(1, len(values) // 3)])
