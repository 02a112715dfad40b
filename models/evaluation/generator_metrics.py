"""Metrics of a picture generator: what it covers of real pictures, and what it copies of them.

Precision and recall: T. Kynkäänniemi et al., 2019, https://arxiv.org/abs/1904.06991. Coverage:
M. F. Naeem et al., 2020, https://arxiv.org/abs/2002.09797. Both are taken in the features of the
judge. A generator that draws a few pictures again and again has a low recall, one that copies
training pictures is found by their distance (`memorisation`), whatever its Fréchet distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.data.images import Images
from models.evaluation.image_quality import (
    ImageClassifier,
    Pictures,
    frechet_distance,
    image_coverage,
)
from models.evaluation.intervals import mean_interval
from models.evaluation.memorisation import memorisation


@dataclass(frozen=True, slots=True)
class GeneratorMetrics:
    """Metrics by name, and the scores of held-out pictures by the name of their mean, [n]."""

    numbers: dict[str, float]
    scores: dict[str, NDArray[np.float64]]


def generator_metrics(judge: ImageClassifier, data: Images, drawn: Pictures) -> GeneratorMetrics:
    """Compare draws with the pictures of a channel.

    `classes_drawn` counts the classes that the judge tells of the draws, and `rarest_class` is the
    share of the rarest; `fid` is the Fréchet distance to the training pictures; `precision` the
    share of draws among held-out pictures, `recall` the share of those among draws, and `coverage`
    the share of those near which there is a draw; `copied` and `nearer_than_held_out` are those of
    `memorisation`. Bounds are of 95 %.

    Raises:
        StaleJudge: the judge was fitted on other pictures.
        ValueError: there are fewer draws than coverage needs.
    """
    judge.require(data)
    features, held_out = judge.features(drawn), judge.features(data.test.images)
    shares = np.bincount(judge.classes(drawn), minlength=len(data.names)) / len(drawn)
    found = image_coverage(held_out, features)
    recalled = found.recalled.astype(np.float64)
    numbers = {
        "classes_drawn": float(np.count_nonzero(shares)),
        "rarest_class": float(shares.min()),
        "fid": frechet_distance(features, judge.features(data.train.images)),
        **mean_interval(found.precise.astype(np.float64)).numbers("precision"),
        **mean_interval(recalled).numbers("recall"),
        "coverage": float(found.covered.mean()),
        **memorisation(data.train.images, data.test.images, drawn).numbers(),
        "judge_accuracy": judge.accuracy,
    }
    return GeneratorMetrics(numbers, {"recall": recalled})
