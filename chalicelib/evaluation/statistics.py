"""Bootstrap intervals over cases, paired differences, and agreement beyond chance. Pure, seeded.

Percentiles are widened for few cases as T. Hesterberg advises, What teachers should know about the
bootstrap, 2015, section 3.3 (https://arxiv.org/abs/1411.5279): plain ones are too narrow, since a
bootstrap divides the variance by n, and since it knows no t distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.evaluations.results import JudgeAgreement, ScoreInterval
from chalicelib.errors import InvalidInput

RESAMPLES = 4_000
LEVEL = 0.05
"""Of two-sided intervals: they hold the true mean in 95 of 100 cases."""
FEWEST = 2
"""Cases that an interval takes."""

Scores = NDArray[np.float64]
Draws = NDArray[np.int64]


def mean_interval(values: Sequence[float], seed: int, level: float = LEVEL) -> ScoreInterval:
    """Return the mean with its two-sided interval; without bounds below two values.

    Raises:
        InvalidInput: there is none, or one is not a number.
    """
    scores = _finite(values)
    mean = float(scores.mean())
    if len(scores) < FEWEST:
        return ScoreInterval(mean=mean, n=len(scores))
    low, high = _percentiles(scores, seed, (level / 2, 1 - level / 2))
    return ScoreInterval(mean=mean, low=low, high=high, n=len(scores))


def statistic_interval(
    statistic: Callable[[Draws], Scores], n: int, seed: int, level: float = LEVEL
) -> ScoreInterval:
    """Return a statistic of n cases, such as a macro F1, with its two-sided bootstrap interval.

    Args:
        statistic: gives its value for each row of drawn case numbers, [draws, n] to [draws].
        n: how many cases there are.
        seed: of the draws; the same seed draws the same cases, so that differences are paired.
        level: the share of intervals that miss.

    Raises:
        InvalidInput: a value is not a number.
    """
    value = float(_finite([float(each) for each in statistic(np.arange(n)[None])])[0])
    if n < FEWEST:
        return ScoreInterval(mean=value, n=n)
    drawn = np.random.default_rng(seed).integers(0, n, size=(RESAMPLES, n))
    values = _finite(list(statistic(drawn)))
    low, high = (
        float(np.quantile(values, _widened(share, n))) for share in (level / 2, 1 - level / 2)
    )
    return ScoreInterval(mean=value, low=low, high=high, n=n)


def paired_difference(
    after: Mapping[str, float], before: Mapping[str, float], seed: int, level: float = LEVEL
) -> ScoreInterval:
    """Return the mean of after minus before over the cases of both, with its interval.

    Raises:
        InvalidInput: they share no case, or a score is not a number.
    """
    shared = shared_cases(after, before)
    return mean_interval([after[case] - before[case] for case in shared], seed, level)


def upper_bound(
    after: Mapping[str, float], before: Mapping[str, float], seed: int, level: float
) -> float:
    """Return what the mean difference is below with a confidence of 1 - level; one-sided.

    Raises:
        InvalidInput: they share fewer than two cases, or a score is not a number.
    """
    shared = shared_cases(after, before)
    scores = _finite([after[case] - before[case] for case in shared])
    if len(scores) < FEWEST:
        raise InvalidInput(
            f"{len(scores)} cases are too few to tell a difference; {FEWEST} are the fewest.",
            field="cases",
            limit=str(FEWEST),
        )
    (bound,) = _percentiles(scores, seed, (1 - level,))
    return bound


def paired_shift(differences: Sequence[float], level: float = LEVEL) -> ScoreInterval:
    """Return the mean of paired differences from -1 to 1, with an interval that is never empty.

    A bootstrap of pairs that are all alike has no width, and so calls five of them proof. Here the
    mean is the amount that went up less the amount that went down; each has Wilson's bounds, which
    R. G. Newcombe combines for paired proportions (Statistics in Medicine 17, 1998, method 10,
    with the correlation of two shares of one whole).

    Raises:
        InvalidInput: there is none, or one is not a number.
    """
    moved = _finite(differences)
    n = len(moved)
    up, down = float(np.maximum(moved, 0).mean()), float(np.maximum(-moved, 0).mean())
    up_low, up_high = wilson_bounds(up, n, level)
    down_low, down_high = wilson_bounds(down, n, level)
    alike = math.sqrt(up * down / ((1 - up) * (1 - down))) if 0 < up < 1 and 0 < down < 1 else 0.0
    mean = up - down

    def reach(one: float, other: float) -> float:
        return math.sqrt(one**2 + other**2 + 2 * alike * one * other)

    return ScoreInterval(
        mean=mean,
        low=max(-1.0, mean - reach(up - up_low, down_high - down)),
        high=min(1.0, mean + reach(up_high - up, down - down_low)),
        n=n,
    )


def wilson_bounds(share: float, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the two-sided bounds of a share of `n`. E. B. Wilson, JASA 22, 1927."""
    z = NormalDist().inv_cdf(1 - level / 2)
    middle, whole = share + z * z / (2 * n), 1 + z * z / n
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def shared_cases(after: Mapping[str, float], before: Mapping[str, float]) -> list[str]:
    """Return the cases that both have, in the order of `after`."""
    return [case for case in after if case in before]


def agreement(judged: Sequence[bool], labelled: Sequence[bool]) -> JudgeAgreement | None:
    """Return how well a judge agrees with people, Cohen's kappa among it; None without a case.

    J. Cohen, A coefficient of agreement for nominal scales, 1960.
    """
    if len(judged) != len(labelled):
        raise ValueError(f"{len(judged)} verdicts cannot be held against {len(labelled)} labels")
    n = len(judged)
    if not n:
        return None
    share = sum(one == other for one, other in zip(judged, labelled, strict=True)) / n
    judge, people = sum(judged) / n, sum(labelled) / n
    chance = judge * people + (1 - judge) * (1 - people)
    kappa = None if chance == 1 else (share - chance) / (1 - chance)
    return JudgeAgreement(kappa=kappa, share=share, n=n)


def _percentiles(scores: Scores, seed: int, shares: Sequence[float]) -> list[float]:
    """Return percentiles of the bootstrap distribution of the mean, widened for few scores."""
    n = len(scores)
    drawn = np.random.default_rng(seed).integers(0, n, size=(RESAMPLES, n))
    means = scores[drawn].mean(axis=1)
    return [float(np.quantile(means, _widened(share, n))) for share in shares]


def _widened(share: float, n: int) -> float:
    """Return the percentile whose normal quantile is the t quantile of `share`, for n values."""
    t = _t_quantile(share, n - 1)
    return NormalDist().cdf(math.sqrt(n / (n - 1)) * t)


def _t_quantile(share: float, degrees: int) -> float:
    """Return a quantile of Student's t, within 0.01 from three degrees of freedom on.

    By the expansion of Cornish and Fisher; exact for one and two degrees. M. Abramowitz and
    I. A. Stegun, Handbook of mathematical functions, 26.7.5.
    """
    if degrees == 1:
        return math.tan(math.pi * (share - 0.5))
    if degrees == 2:
        return (2 * share - 1) / math.sqrt(2 * share * (1 - share))
    z = NormalDist().inv_cdf(share)
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * degrees**4)
    )


def _finite(values: Sequence[float]) -> Scores:
    if not values:
        raise InvalidInput("There is no case to compare.", field="cases")
    scores = np.asarray(values, np.float64)
    if not np.isfinite(scores).all():
        raise InvalidInput("A score is not a number.", field="cases")
    return scores
