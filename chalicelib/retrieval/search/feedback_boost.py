"""Ranking signal from ratings: passages that helped with a question help similar ones.

A vote is a question's vector and the passages that were rated. Its weight for a new question grows
with the similarity of the two questions, and it moves a passage's score by a bounded share of that
score: what the index finds barely relevant stays behind what it finds relevant, whatever the votes.
Votes belong to one tenant. They end with the document version that they were given for.

`benchmarks/feedback.py` chose the constants, on questions that were not used to measure them.
"""

from __future__ import annotations

import math
import operator
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chalicelib.contracts.answer_log import LoggedAnswer, PageSpan, RatedSpan, Rating

if TYPE_CHECKING:
    from chalicelib.contracts.search import Hit


MIN_SIMILARITY = 0.75
"""Cosine of two questions from which on the votes of one count for the other."""
MAX_BOOST = 0.2
"""The largest share of its own score by which a passage moves up or down."""
_LARGEST = 127
_OVERLAP = 0.5


VoteWeights = Mapping[PageSpan, float]
"""The votes that count for a question: from -1 to 1 for each passage."""


def pack_vector(vector: Sequence[float]) -> bytes:
    """Return a vector's direction in one byte per dimension; its length is lost."""
    largest = max(map(abs, vector), default=0.0)
    scale = _LARGEST / largest if largest else 0.0
    return bytes(round(value * scale) & 0xFF for value in vector)


def unpack_vector(packed_vector: bytes) -> tuple[float, ...]:
    """Return the unit vector that `pack_vector` packed; all zeros if it had no direction."""
    values = memoryview(packed_vector).cast("b")
    length = math.hypot(*values)
    return tuple(value / length if length else 0.0 for value in values)


def marks_for_rating(
    asked: LoggedAnswer, rating: Rating, better: PageSpan | None
) -> tuple[RatedSpan, ...]:
    """Return the passages that a rating marks as good or bad.

    The rating is about the cited passages. A passage that the user names as better is good whatever
    the rating, and nothing that overlaps it is bad.
    """
    marked: dict[PageSpan, Literal[1, -1]] = {}
    if better is not None:
        marked[better.bare_span] = 1
    for place in asked.rated:
        if rating == "up":
            marked[place.bare_span] = 1
        elif better is None or not _overlap(place, better):
            marked[place.bare_span] = -1
    return tuple(RatedSpan(**place.model_dump(), mark=mark) for place, mark in marked.items())


def vote_weights(votes: Iterable[Vote], model: str, vector: Sequence[float]) -> VoteWeights:
    """Return the weights of passages for a question with this vector of `model`.

    A vote counts from 0 at `MIN_SIMILARITY` to 1 for the same question. However many votes there
    are, the weight of a passage is at most 1.
    """
    weights: dict[PageSpan, list[float]] = defaultdict(list)
    length = math.hypot(*vector) or 1.0
    for vote in votes:
        if vote.model != model or len(vote.vector) != len(vector):
            continue
        likeness = sum(map(operator.mul, vote.vector, vector)) / length
        share = (likeness - MIN_SIMILARITY) / (1 - MIN_SIMILARITY)
        if share <= 0:
            continue
        for mark in vote.marks:
            weights[mark.bare_span].append(min(1.0, share) * mark.mark)
    return {place: _bounded(shares) for place, shares in weights.items()}


def boost_by_votes(hits: Sequence[Hit], voted: VoteWeights) -> list[Hit]:
    """Return the hits with their scores moved by the votes, best first."""
    if not voted:
        return list(hits)
    moved = [_moved(hit, voted) for hit in hits]
    return sorted(moved, key=lambda hit: -hit.score)


def passage_weight(hit: Hit, voted: VoteWeights, start: int, end: int) -> float:
    """Return the weight of characters `start` to `end` of the page that `hit` is on.

    A vote for a passage counts for every part of it, and a vote for a part of it counts, too.
    """
    shares = []
    for place, weight in voted.items():
        if _same_page(place, hit):
            shared = min(end, place.end) - max(start, place.start)
            if shared >= _OVERLAP * min(end - start, place.end - place.start):
                shares.append(weight)
    return _bounded(shares)


def _moved(hit: Hit, voted: VoteWeights) -> Hit:
    weight = passage_weight(hit, voted, hit.start, hit.end)
    if weight == 0.0:
        return hit
    by = MAX_BOOST * weight * abs(hit.score)
    scores = hit.scores.model_copy(update={"feedback": by})
    return hit.model_copy(update={"score": hit.score + by, "scores": scores})


def _overlap(one: PageSpan, other: PageSpan) -> bool:
    return _same_page(one, other) and min(one.end, other.end) > max(one.start, other.start)


def _same_page(one: PageSpan, other: PageSpan | Hit) -> bool:
    own = (one.document_id, one.version, one.page)
    return own == (other.document_id, other.version, other.page)


def _bounded(shares: Iterable[float]) -> float:
    """Return the sum, limited to -1 to 1; it does not depend on the order."""
    return max(-1.0, min(1.0, math.fsum(shares)))


@dataclass(frozen=True, slots=True)
class Vote:
    """The marks of a rating, with the unit vector of its question by `model`."""

    model: str
    vector: Sequence[float]
    marks: tuple[RatedSpan, ...]
