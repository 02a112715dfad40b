"""Texts and pictures of one search in one order: reciprocal ranks of two rankings.

A text was ranked by one model and a picture by another, so that their similarities say nothing
beside each other; their places do.
G. Cormack et al., Reciprocal rank fusion outperforms Condorcet and individual rank learning
methods, SIGIR 2009. https://doi.org/10.1145/1571941.1572114
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.retrieval.scoring import RANK_CONSTANT

if TYPE_CHECKING:
    from chalicelib.contracts.searching import Hit


def joined(first: Sequence[Hit], second: Sequence[Hit]) -> list[Hit]:
    """Return both rankings in one, by 1 / (60 + rank); of two at one place `first` comes first."""
    return sorted((*_placed(first), *_placed(second)), key=lambda hit: -hit.score)


def _placed(hits: Iterable[Hit]) -> Iterator[Hit]:
    for rank, hit in enumerate(hits, start=1):
        score = 1 / (RANK_CONSTANT + rank)
        scores = hit.scores.model_copy(update={"joined": score})
        yield hit.model_copy(update={"score": score, "scores": scores})
