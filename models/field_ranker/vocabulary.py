"""Learning of the vocabulary of labels: names of one concept are brought near each other.

A sentence embedding knows everyday language. What an invoice calls its total in seven languages is
learned on top: a linear map of the embeddings, by a logistic loss on pairs of wordings of one or of
two concepts, and of wordings and texts that name nothing.
X. Zhai et al., Sigmoid loss for language image pre-training, https://arxiv.org/abs/2303.15343
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.label_vocabulary import LabelVocabulary

Array = NDArray[np.float64]

WIDTH = 64
STEPS = 300
RATE = 0.01
DECAY = 1e-3
"""Of the distance from the projection that keeps the embeddings' own geometry best."""
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8


def learn_vocabulary(
    vectors: Mapping[str, NDArray[np.float32]],
    concepts: Mapping[str, Sequence[str]],
    others: Sequence[str],
) -> LabelVocabulary:
    """Return the projection that tells wordings of one concept from all others.

    Args:
        vectors: the embedding of each text, of unit length.
        concepts: the wordings of each concept, names of fields and labels of documents alike.
        others: texts of documents that name nothing.
    """
    texts = [text for wordings in concepts.values() for text in wordings] + list(others)
    of = [at for at, wordings in enumerate(concepts.values()) for _ in wordings]
    number = np.array(of + [-1 - at for at in range(len(others))])
    given = np.array([vectors[text] for text in texts], dtype=np.float64)
    same = (number[:, None] == number[None, :]).astype(np.float64)
    np.fill_diagonal(same, 0.0)
    apart = 1.0 - same
    np.fill_diagonal(apart, 0.0)
    weight = same / same.sum() + apart / apart.sum()
    first = np.linalg.svd(given - given.mean(axis=0), full_matrices=False)[2][:WIDTH].T
    parameters = [first.copy(), np.array([8.0]), np.array([-4.0])]
    moments = [(np.zeros_like(each), np.zeros_like(each)) for each in parameters]
    for step in range(1, STEPS + 1):
        slopes = _slopes(given, same, weight, parameters)
        slopes[0] += DECAY * (parameters[0] - first)
        rate = RATE * (1 - (step - 1) / STEPS)
        for part, slope, (one, two) in zip(parameters, slopes, moments, strict=True):
            one += (1 - _FIRST) * (slope - one)
            two += (1 - _SECOND) * (slope**2 - two)
            scale = np.sqrt(two / (1 - _SECOND**step)) + _TINY
            part -= rate * one / (1 - _FIRST**step) / scale
    projection = parameters[0].astype(np.float32)
    found = LabelVocabulary(
        projection,
        np.empty((0, WIDTH), np.float32),
        float(parameters[1][0]),
        float(parameters[2][0]),
    )
    middles = [
        found.project(np.array([vectors[text] for text in wordings])).mean(axis=0)
        for wordings in concepts.values()
    ]
    lengths = np.linalg.norm(middles, axis=1, keepdims=True)
    return replace(found, concepts=np.array(middles / lengths, np.float32))


def _slopes(given: Array, same: Array, weight: Array, parameters: Sequence[Array]) -> list[Array]:
    """Return the derivatives of the weighed logistic loss by each parameter."""
    projection, slope, bias = parameters
    projected = given @ projection
    length = np.linalg.norm(projected, axis=1, keepdims=True)
    unit = projected / length
    cosine = unit @ unit.T
    told = 1 / (1 + np.exp(-(slope[0] * cosine + bias[0])))
    error = (told - same) * weight
    back = slope[0] * (error + error.T) @ unit
    back = (back - unit * (back * unit).sum(axis=1, keepdims=True)) / length
    return [given.T @ back, np.array([(error * cosine).sum()]), np.array([error.sum()])]
