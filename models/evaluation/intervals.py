"""Confidence intervals of means and shares, over rows or over groups of them.

Rows of one group are one observation, however many they are: an interval over rows is too narrow
where rows of one person, document or picture are alike, and is taken over values of groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.training_data.row_groups import RowGroups

Values = NDArray[np.float64]

RESAMPLES = 2000
_SEED = 0


@dataclass(frozen=True, slots=True)
class ConfidenceInterval:
    """A mean with a 95% interval."""

    mean: float
    low: float
    high: float

    def numbers(self, name: str) -> dict[str, float]:
        """Return the mean and both bounds as metrics called `name`, `name_low`, `name_high`."""
        return {name: self.mean, f"{name}_low": self.low, f"{name}_high": self.high}


def mean_interval(values: Values) -> ConfidenceInterval:
    """Return the mean of [n] with a percentile bootstrap (B. Efron, 1979) of 2,000 resamples.

    Rows are drawn again with replacement. Values that are all alike have no width.
    """
    mean = float(values.mean())
    if len(values) < 2 or np.ptp(values) == 0:
        return ConfidenceInterval(mean, mean, mean)
    # Imported on use: it would delay the start of a training job by half a second.
    from scipy.stats import bootstrap

    drawn = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=RESAMPLES // 10,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    )
    return ConfidenceInterval(mean, *map(float, drawn.confidence_interval))


@dataclass(frozen=True, slots=True)
class ChanceMargin:
    """An accuracy, that of the best constant answer, and how far its lower bound is above that."""

    accuracy: float
    chance: float
    low: float

    def numbers(self, name: str) -> dict[str, float]:
        """Return them as metrics of the attribute `name`."""
        return {
            f"{name}_accuracy": self.accuracy,
            f"{name}_chance": self.chance,
            f"{name}_above_chance_low": self.low,
        }


def above_chance(right: Values, wanted: NDArray[np.int64]) -> ChanceMargin:
    """Compare answers, [n] of 0 and 1, with always giving the commonest of `wanted`, [n].

    The margin is that of the lower end of Wilson's 95 % interval, so that a model at chance has a
    negative one.
    """
    _, counts = np.unique(wanted, return_counts=True)
    chance = float(counts.max() / counts.sum())
    low = wilson_lower_bound(int(right.sum()), len(right))
    return ChanceMargin(float(right.mean()), chance, low - chance)


def wilson_lower_bound(hits: int, of: int) -> float:
    """Return the lower end of Wilson's 95% interval of a share."""
    return wilson_interval(hits, of)[0]


def wilson_interval(hits: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share of `of`, 1 at least.

    E. B. Wilson, Probable inference, JASA 22, 1927.
    """
    # Imported on use: it would delay the start of a training job by half a second.
    from scipy.stats import binomtest

    found = binomtest(hits, of).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


def group_means(values: Values, groups: RowGroups) -> Values:
    """Return the mean of each group's rows, [groups], of values, [n]."""
    at = np.unique(groups, return_inverse=True)[1]
    return np.asarray(np.bincount(at, values) / np.bincount(at), np.float64)


def group_sums(counts: Values, groups: RowGroups) -> Values:
    """Return the sums of each group's rows, [groups, columns], of counts, [n, columns]."""
    names, at = np.unique(groups, return_inverse=True)
    found = np.zeros((len(names), counts.shape[1]))
    np.add.at(found, at, counts)
    return found
