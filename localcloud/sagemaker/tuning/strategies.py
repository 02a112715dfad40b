"""Search strategies: grid search, random search and Bayesian optimization. Pure.

The same seed and the same earlier settings yield the same next settings.
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html
J. Snoek et al., Practical Bayesian optimization of machine learning algorithms,
https://arxiv.org/abs/1206.2944
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from localcloud.sagemaker.tuning.ranges import SearchSpace

Strategy = Literal["Grid", "Random", "Bayesian"]
Floats = NDArray[np.float64]

_MAX_DRAWS = 200
"""Draws of settings that were tried already, after which the space counts as exhausted."""
_MIN_EVALUATED = 4
"""The number of evaluated settings from which on a Gaussian process is fitted."""
_GLOBAL_CANDIDATES, _LOCAL_CANDIDATES = 512, 128
_LOCAL_STEP = 0.1
_LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6)
_NOISES = (1e-4, 1e-2, 1e-1)


@dataclass(frozen=True, slots=True)
class EvaluatedSettings:
    """Settings and their score: higher is better, None while the training job runs."""

    values: dict[str, str]
    score: float | None


def propose(
    strategy: Strategy, space: SearchSpace, seed: int, evaluated: Sequence[EvaluatedSettings]
) -> dict[str, str] | None:
    """Return the settings of the next training job, or None if all combinations were tried."""
    if strategy == "Grid":
        return next(islice(space.grid(), len(evaluated), None), None)
    rng = np.random.default_rng([seed, len(evaluated)])
    known = [each for each in evaluated if each.score is not None]
    if strategy == "Random" or len(known) < _MIN_EVALUATED:
        return _random_settings(space, rng, evaluated)
    return _bayesian_settings(space, rng, evaluated) or _random_settings(space, rng, evaluated)


def _random_settings(
    space: SearchSpace, rng: np.random.Generator, evaluated: Sequence[EvaluatedSettings]
) -> dict[str, str] | None:
    known_settings = [each.values for each in evaluated]
    for _ in range(_MAX_DRAWS):
        values = space.settings_at(rng.random(len(space.ranges)).tolist())
        if values not in known_settings:
            return values
    return (
        next((each for each in space.grid() if each not in known_settings), None)
        if _is_finite(space)
        else None
    )


def _is_finite(space: SearchSpace) -> bool:
    return space.combinations is not None


def _bayesian_settings(
    space: SearchSpace, rng: np.random.Generator, evaluated: Sequence[EvaluatedSettings]
) -> dict[str, str] | None:
    """Return the candidate with the largest expected improvement.

    Running training jobs count with the mean score, so that the next settings differ from theirs.
    """
    known = [each.score for each in evaluated if each.score is not None]
    scores = np.array([np.mean(known) if each.score is None else each.score for each in evaluated])
    points = np.array([space.coordinates(each.values) for each in evaluated])
    best = evaluated[int(np.argmax(scores))].values
    known_settings = [each.values for each in evaluated]
    candidates = [
        values for values in _candidates(space, rng, best) if values not in known_settings
    ]
    if not candidates:
        return None
    scale = float(scores.std()) or 1.0
    process = _fit_process(points, (scores - scores.mean()) / scale)
    expected = process.expected_improvement(
        np.array([space.coordinates(each) for each in candidates])
    )
    return candidates[int(np.argmax(expected))]


def _candidates(
    space: SearchSpace, rng: np.random.Generator, best: dict[str, str]
) -> list[dict[str, str]]:
    """Return random settings, and some near the best, with each parameter perturbed or kept."""
    count = len(space.ranges)
    random_settings = [
        space.settings_at(each.tolist()) for each in rng.random((_GLOBAL_CANDIDATES, count))
    ]
    near = []
    for _ in range(_LOCAL_CANDIDATES):
        settings = space.settings_at(rng.random(count).tolist())
        for each in space.ranges:
            position = each.coordinates(best[each.name])
            if len(position) == 1:
                fraction = float(np.clip(position[0] + rng.normal(0, _LOCAL_STEP), 0, 1 - 1e-9))
                settings[each.name] = each.value_at(fraction)
            elif rng.random() > 0.5:
                settings[each.name] = best[each.name]
        near.append(settings)
    return random_settings + near


@dataclass(frozen=True, slots=True)
class _GaussianProcess:
    """A Gaussian process with a Matérn 5/2 kernel, fitted to scores of mean 0 and variance 1."""

    points: Floats
    length: float
    cholesky: Floats
    weights: Floats
    best: float

    def expected_improvement(self, points: Floats) -> Floats:
        """Return the expected improvement over the best score at each point."""
        covariance = _matern_kernel(points, self.points, self.length)
        mean = covariance @ self.weights
        inner = np.linalg.solve(self.cholesky, covariance.T)
        deviation = np.sqrt(np.clip(1 - np.square(inner).sum(0), 1e-12, None))
        z = (mean - self.best) / deviation
        cumulative = np.array([0.5 * (1 + math.erf(each / math.sqrt(2))) for each in z])
        density = np.exp(-0.5 * np.square(z)) / math.sqrt(2 * math.pi)
        improvement: Floats = deviation * (z * cumulative + density)
        return improvement


def _fit_process(points: Floats, scores: Floats) -> _GaussianProcess:
    """Return the process with the length scale and noise of the largest likelihood."""
    likeliest: tuple[float, _GaussianProcess] | None = None
    for length in _LENGTHS:
        for noise in _NOISES:
            covariance = _matern_kernel(points, points, length) + noise * np.eye(len(points))
            cholesky = np.linalg.cholesky(covariance).astype(np.float64)
            weights = np.linalg.solve(cholesky.T, np.linalg.solve(cholesky, scores))
            likelihood = -0.5 * float(scores @ weights) - float(np.log(np.diag(cholesky)).sum())
            if likeliest is None or likelihood > likeliest[0]:
                process = _GaussianProcess(points, length, cholesky, weights, float(scores.max()))
                likeliest = likelihood, process
    assert likeliest is not None
    return likeliest[1]


def _matern_kernel(first: Floats, second: Floats, length: float) -> Floats:
    distance = np.sqrt(np.square(first[:, None] - second[None]).sum(-1)) * math.sqrt(5) / length
    near: Floats = (1 + distance + np.square(distance) / 3) * np.exp(-distance)
    return near
