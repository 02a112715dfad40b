"""Ratings put to use at once: passages that helped with a question help with questions like it.

A vote is a question's vector and the passages that were rated. It counts for a new question as
far as the two are alike in meaning, and moves a passage's score by a bounded share of that score:
what the index finds barely relevant stays behind what it finds relevant, whatever the votes.
Votes are a tenant's own. They end with the version that they were given for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chalicelib.contracts import Hit
from chalicelib.contracts.feedback import Place, Vote

ALIKE = 0.7
"""Cosine of two questions from which on one's votes count for the other."""
MOST = 0.12
"""The largest share of its own score by which a passage is moved, either way."""
_SCALE = 127
_OVERLAP = 0.5


Weights = Mapping[Place, float]
"""What was voted for a question, from -1 to 1 a passage."""


def packed(vector: Sequence[float]) -> bytes:
    """Return a unit vector with a byte a dimension."""
    return bytes(round(max(-1.0, min(1.0, value)) * _SCALE) & 0xFF for value in vector)


def unpacked(packed_vector: bytes) -> list[float]:
    """Return what `packed` was given, but for rounding."""
    return [(byte - 256 if byte > _SCALE else byte) / _SCALE for byte in packed_vector]


def weights(votes: Iterable[Vote], model: str, vector: Sequence[float]) -> Weights:
    """Return what the votes say for a question with this vector of `model`.

    A vote counts from 0 at `ALIKE` to 1 for the same question. However many there are, a passage
    gets no more than 1.
    """
    found: dict[Place, float] = {}
    for vote in votes:
        if vote.model != model or len(vote.vector) != len(vector):
            continue
        likeness = _cosine(unpacked(vote.vector), vector)
        if likeness <= ALIKE:
            continue
        share = min(1.0, (likeness - ALIKE) / (1 - ALIKE))
        for mark in vote.marks:
            place = Place.model_validate(mark.model_dump())
            found[place] = found.get(place, 0.0) + share * mark.mark
    return {place: max(-1.0, min(1.0, weight)) for place, weight in found.items()}


def ranked(hits: Sequence[Hit], voted: Weights) -> list[Hit]:
    """Return the hits in the order of their scores, as far as the votes moved them."""
    if not voted:
        return list(hits)
    moved = [_moved(hit, voted) for hit in hits]
    return sorted(moved, key=lambda hit: -hit.score)


def weight_of(hit: Hit, voted: Weights, start: int, end: int) -> float:
    """Return what was voted for characters `start` to `end` of the page that `hit` is on.

    A vote for a passage is one for all that lies in it, and one for a part of it counts, too.
    """
    told = 0.0
    for place, weight in voted.items():
        if (place.document_id, place.version, place.page) != (
            hit.document_id,
            hit.version,
            hit.page,
        ):
            continue
        shared = min(end, place.end) - max(start, place.start)
        if shared >= _OVERLAP * min(end - start, place.end - place.start):
            told += weight
    return max(-1.0, min(1.0, told))


def _moved(hit: Hit, voted: Weights) -> Hit:
    weight = weight_of(hit, voted, hit.start, hit.end)
    if weight == 0.0:
        return hit
    by = MOST * weight * abs(hit.score)
    scores = hit.scores.model_copy(update={"feedback": by})
    return hit.model_copy(update={"score": hit.score + by, "scores": scores})


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = sum(a * a for a in one) * sum(b * b for b in other)
    return float(product / lengths**0.5) if lengths else 0.0
