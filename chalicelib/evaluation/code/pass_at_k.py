"""pass@k: how likely one of k samples of a problem passes its tests.

The estimator is that of Chen et al. 2021, section 2.1: of n samples of which c pass, one minus the
share of subsets of k without a passing one. It has no bias, whereas 1 - (1 - c/n)^k has.
https://arxiv.org/abs/2107.03374
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from statistics import fmean

from chalicelib.errors import InvalidInput

RESAMPLES = 10_000
_TAIL = 0.025
"""Of each side: the interval holds 95 of 100."""


@dataclass(frozen=True, slots=True)
class ProblemTally:
    """The samples of a problem, and how many of them passed."""

    samples: int
    passed: int


@dataclass(frozen=True, slots=True)
class PassRate:
    """pass@k over problems, and the interval that holds it in 95 of 100 sets of such problems."""

    k: int
    value: float
    low: float
    high: float


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Return the unbiased estimate for one problem.

    Args:
        samples: how many samples there are.
        passed: how many of them passed.
        k: how many samples one of which is to pass.

    Raises:
        InvalidInput: there are fewer than k samples, or more passed than there are.
    """
    if not 0 <= passed <= samples:
        raise InvalidInput(f"{passed} of {samples} samples cannot pass.", field="passed")
    if not 1 <= k <= samples:
        raise InvalidInput(
            f"pass@{k} needs {k} samples of each problem, and one has {samples}; ask for more"
            " samples, or for a smaller k.",
            field="k",
            limit=str(samples),
        )
    return float(1 - Fraction(comb(samples - passed, k), comb(samples, k)))


def pass_rate(tallies: Sequence[ProblemTally], k: int, seed: int = 0) -> PassRate:
    """Return pass@k over problems with an interval by a bootstrap over problems.

    Samples of a problem resemble one another, so problems are drawn, not samples. Where all
    problems fail, or all pass, a bootstrap sees no spread; the bound is then the exact one of
    Clopper and Pearson.

    Raises:
        InvalidInput: there are no problems, or one has fewer than k samples.
    """
    if not tallies:
        raise InvalidInput("There are no problems.", field="problems")
    rates = [pass_at_k(each.samples, each.passed, k) for each in tallies]
    rng = random.Random(seed)  # noqa: S311 - repeatable
    means = sorted(fmean(rng.choices(rates, k=len(rates))) for _ in range(RESAMPLES))
    low, high = means[int(_TAIL * RESAMPLES)], means[int((1 - _TAIL) * RESAMPLES) - 1]
    exact = _TAIL ** (1 / len(rates))
    if max(rates) == 0.0:
        high = 1 - exact
    elif min(rates) == 1.0:
        low = exact
    return PassRate(k, fmean(rates), low, high)
