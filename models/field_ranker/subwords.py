"""Learning of cross-lingual vectors of labels: a text and its translation are brought together.

Both are the sum of the vectors of their groups of letters. A softmax over the other texts of a
batch tells them apart (InfoNCE), by Adagrad with one rate for each row.
A. van den Oord et al., Representation learning with contrastive predictive coding,
https://arxiv.org/abs/1807.03748
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.label_subwords import SubwordVectors, subword_rows

Array = NDArray[np.float32]
Numbers = NDArray[np.int64]

ROWS = 1 << 14
WIDTH = 48
STEPS = 1200
PAIRS = 384
"""Pairs of a batch."""
RATE = 0.15
SCALE = 12.0
"""By what cosines are multiplied before the softmax."""
_LARGEST = 127
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class _Encoded:
    """Texts of a batch: rows one after the other, where each text begins, lengths, directions."""

    rows: Numbers
    begins: Numbers
    lengths: Array
    units: Array


def learn_subwords(
    pairs: Sequence[tuple[str, str]], seed: int, steps: int = STEPS
) -> SubwordVectors:
    """Return vectors by which texts and their translations are alike.

    Args:
        pairs: texts and translations; those of one text, whatever its case, are no contrast.
        seed: of the first vectors and of the batches.
        steps: batches to learn from.
    """
    numbers: dict[str, int] = {}
    group = np.array([numbers.setdefault(one.casefold(), len(numbers)) for one, _ in pairs])
    known = {
        text: np.array(subword_rows(text, ROWS), np.int64)
        for text in dict.fromkeys(text for pair in pairs for text in pair)
    }
    usable = np.flatnonzero([all(len(known[text]) for text in pair) for pair in pairs])
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 0.1, (ROWS, WIDTH)).astype(np.float32)
    squares = np.zeros(ROWS, np.float32)
    for step in range(steps):
        chosen = usable[rng.integers(0, len(usable), PAIRS)]
        sides = [_encoded(vectors, [known[pairs[at][side]] for at in chosen]) for side in (0, 1)]
        slopes = _slopes(sides[0].units, sides[1].units, group[chosen])
        rate = RATE * (1 - step / steps)
        for side, slope in zip(sides, slopes, strict=True):
            _step(vectors, squares, side, slope, rate)
    largest = np.abs(vectors).max()
    return SubwordVectors(np.round(vectors * (_LARGEST / largest)).astype(np.int8))


def _encoded(vectors: Array, texts: Sequence[Numbers]) -> _Encoded:
    rows = np.concatenate(texts)
    begins = np.cumsum([0, *(len(each) for each in texts)])
    summed = np.add.reduceat(vectors[rows], begins[:-1], axis=0)
    lengths = np.linalg.norm(summed, axis=1, keepdims=True) + _TINY
    return _Encoded(rows, begins, lengths, summed / lengths)


def _slopes(one: Array, other: Array, group: Numbers) -> tuple[Array, Array]:
    """Return the derivatives of the loss in both directions by the units of both sides."""
    same = group[:, None] == group[None, :]
    logits = SCALE * one @ other.T
    error = np.zeros_like(logits)
    for axis in (0, 1):
        raised = np.exp(logits - logits.max(axis, keepdims=True))
        wanted = same * raised
        error += raised / raised.sum(axis, keepdims=True)
        error -= wanted / np.maximum(wanted.sum(axis, keepdims=True), _TINY)
    slope: Array = (error * (SCALE / len(group))).astype(np.float32)
    return slope @ other, slope.T @ one


def _step(vectors: Array, squares: Array, side: _Encoded, slope: Array, rate: float) -> None:
    """Move the rows of the texts of one side, in place."""
    units = side.units
    inner = (slope - units * (slope * units).sum(axis=1, keepdims=True)) / side.lengths
    by_place = np.repeat(inner, np.diff(side.begins), axis=0)
    order = np.argsort(side.rows, kind="stable")
    ordered = side.rows[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    summed = np.add.reduceat(by_place[order], first, axis=0)
    rows = ordered[first]
    squares[rows] += (summed**2).mean(axis=1)
    vectors[rows] -= rate * summed / np.sqrt(squares[rows] + _TINY**2)[:, None]
