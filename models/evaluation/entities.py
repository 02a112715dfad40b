"""Entity F1: spans with a class that are told exactly, as CoNLL's and seqeval's are counted.

A span counts as told if its class, its start and its end are. E. F. Tjong Kim Sang and
F. De Meulder, 2003, https://aclanthology.org/W03-0419. Spans are of characters, so that a score
does not depend on the tokens of a model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import RESAMPLES, ConfidenceInterval
from models.training_data.tagged_texts import Entities

_SEED = 0
_BOUNDS = (2.5, 97.5)


Counts = NDArray[np.float64]
"""For each text, or group of texts, [n, 3]: spans told rightly, spans told, and spans there."""


def entity_counts(wanted: Entities, told: Entities) -> Counts:
    """Return the counts of each text."""
    rows = [
        (len(one & other), len(other), len(one)) for one, other in zip(wanted, told, strict=True)
    ]
    return np.array(rows, np.float64).reshape(-1, 3)


def f1_of(totals: Counts) -> NDArray[np.float64]:
    """Return F1, [...], of sums of counts, [..., 3]; 0 where there is nothing and nothing told."""
    both = totals[..., 1] + totals[..., 2]
    return np.divide(2 * totals[..., 0], both, out=np.zeros_like(both), where=both > 0)


def f1_interval(counts: Counts) -> ConfidenceInterval:
    """Return F1 over all spans, with a percentile bootstrap over texts or their groups."""
    drawn = f1_of(_resampled(counts))
    low, high = np.percentile(drawn, _BOUNDS)
    return ConfidenceInterval(float(f1_of(counts.sum(0))), float(low), float(high))


def f1_gain(counts: Counts, other: Counts) -> ConfidenceInterval:
    """Return by how much F1 is above that of other answers to the same texts, paired by text."""
    both = _resampled(np.concatenate([counts, other], axis=1))
    drawn = f1_of(both[:, :3]) - f1_of(both[:, 3:])
    low, high = np.percentile(drawn, _BOUNDS)
    mean = float(f1_of(counts.sum(0)) - f1_of(other.sum(0)))
    return ConfidenceInterval(mean, float(low), float(high))


def f1_by_class(wanted: Entities, told: Entities) -> dict[str, float]:
    """Return the F1 of each class that is there or told."""
    labels = sorted({each.label for part in (wanted, told) for row in part for each in row})
    found = {}
    for label in labels:
        one, other = (
            [frozenset(each for each in row if each.label == label) for row in part]
            for part in (wanted, told)
        )
        found[label] = float(f1_of(entity_counts(one, other).sum(0)))
    return found


def _resampled(counts: Counts) -> Counts:
    """Return sums of counts over texts that are drawn with replacement, [resamples, columns]."""
    drawing = np.random.default_rng(_SEED)
    texts = len(counts)
    drawn = drawing.multinomial(texts, np.full(texts, 1 / texts), RESAMPLES)
    return np.asarray(drawn @ counts)
