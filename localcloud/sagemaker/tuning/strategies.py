"""Which settings are tried next: by a grid, by chance, or by a Gaussian process. Pure.

The same seed and the same trials before give the same settings.
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

from localcloud.sagemaker.tuning.ranges import Space

Strategy = Literal["Grid", "Random", "Bayesian"]
Floats = NDArray[np.float64]

_DRAWS = 200
"""How often chance may hit on what was tried already before it is taken that all was."""
_BEGINNING = 4
"""Trials by chance before a Gaussian process has something to go by."""
_CANDIDATES, _NEAR = 512, 128
_STEP = 0.1
_LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6)
_NOISES = (1e-4, 1e-2, 1e-1)


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial's settings and its score, the higher the better; None while there is none."""

    values: dict[str, str]
    score: float | None


def propose(
    strategy: Strategy, space: Space, seed: int, tried: Sequence[Tried]
) -> dict[str, str] | None:
    """Return the settings of the next trial, or None where every combination was tried."""
    if strategy == "Grid":
        return next(islice(space.grid(), len(tried), None), None)
    chance = np.random.default_rng([seed, len(tried)])
    known = [each for each in tried if each.score is not None]
    if strategy == "Random" or len(known) < _BEGINNING:
        return _by_chance(space, chance, tried)
    return _by_process(space, chance, tried) or _by_chance(space, chance, tried)


def _by_chance(
    space: Space, chance: np.random.Generator, tried: Sequence[Tried]
) -> dict[str, str] | None:
    had = [each.values for each in tried]
    for _ in range(_DRAWS):
        values = space.at(chance.random(len(space.ranges)).tolist())
        if values not in had:
            return values
    return next((each for each in space.grid() if each not in had), None) if _few(space) else None


def _few(space: Space) -> bool:
    return space.combinations is not None


def _by_process(
    space: Space, chance: np.random.Generator, tried: Sequence[Tried]
) -> dict[str, str] | None:
    """Return the candidate of which most improvement is to be expected.

    A trial that goes on is taken to come out as the mean, so that the next is tried elsewhere.
    """
    known = [each.score for each in tried if each.score is not None]
    scores = np.array([np.mean(known) if each.score is None else each.score for each in tried])
    places = np.array([space.place(each.values) for each in tried])
    best = tried[int(np.argmax(scores))].values
    had = [each.values for each in tried]
    candidates = [values for values in _candidates(space, chance, best) if values not in had]
    if not candidates:
        return None
    spread = float(scores.std()) or 1.0
    process = _fitted(places, (scores - scores.mean()) / spread)
    expected = process.improvement(np.array([space.place(each) for each in candidates]))
    return candidates[int(np.argmax(expected))]


def _candidates(
    space: Space, chance: np.random.Generator, best: dict[str, str]
) -> list[dict[str, str]]:
    """Return points from everywhere, and some near the best, each parameter moved or kept."""
    count = len(space.ranges)
    anywhere = [space.at(each.tolist()) for each in chance.random((_CANDIDATES, count))]
    near = []
    for _ in range(_NEAR):
        moved = space.at(chance.random(count).tolist())
        for each in space.ranges:
            at = each.place(best[each.name])
            if len(at) == 1:
                share = float(np.clip(at[0] + chance.normal(0, _STEP), 0, 1 - 1e-9))
                moved[each.name] = each.value(share)
            elif chance.random() > 0.5:
                moved[each.name] = best[each.name]
        near.append(moved)
    return anywhere + near


@dataclass(frozen=True, slots=True)
class _Process:
    """A Gaussian process with a Matérn 5/2 kernel, given scores of mean 0 and variance 1."""

    places: Floats
    length: float
    root: Floats
    weights: Floats
    best: float

    def improvement(self, places: Floats) -> Floats:
        """Return what is expected to be gained over the best at each place."""
        across = _kernel(places, self.places, self.length)
        mean = across @ self.weights
        inner = np.linalg.solve(self.root, across.T)
        deviation = np.sqrt(np.clip(1 - np.square(inner).sum(0), 1e-12, None))
        away = (mean - self.best) / deviation
        below = np.array([0.5 * (1 + math.erf(each / math.sqrt(2))) for each in away])
        density = np.exp(-0.5 * np.square(away)) / math.sqrt(2 * math.pi)
        gained: Floats = deviation * (away * below + density)
        return gained


def _fitted(places: Floats, scores: Floats) -> _Process:
    """Return the process of the length and noise by which the scores are likeliest."""
    found: tuple[float, _Process] | None = None
    for length in _LENGTHS:
        for noise in _NOISES:
            covariance = _kernel(places, places, length) + noise * np.eye(len(places))
            root = np.linalg.cholesky(covariance).astype(np.float64)
            weights = np.linalg.solve(root.T, np.linalg.solve(root, scores))
            likelihood = -0.5 * float(scores @ weights) - float(np.log(np.diag(root)).sum())
            if found is None or likelihood > found[0]:
                process = _Process(places, length, root, weights, float(scores.max()))
                found = likelihood, process
    assert found is not None
    return found[1]


def _kernel(one: Floats, other: Floats, length: float) -> Floats:
    apart = np.sqrt(np.square(one[:, None] - other[None]).sum(-1)) * math.sqrt(5) / length
    near: Floats = (1 + apart + np.square(apart) / 3) * np.exp(-apart)
    return near
