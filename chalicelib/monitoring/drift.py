"""Drift: which features of a window of calls differ from the baseline, beyond chance and notice.

A look spends a part of the false alarms that a monitor may have in 30 days: the part of the 30 days
that has passed since the last look, divided among its features. The expected number of false alarms
is then at most what the monitor says, however many looks there are and however their windows
overlap, since expectations add up whatever the dependence (Bonferroni 1936; spending by time as in
Lan and DeMets 1983, https://doi.org/10.1093/biomet/70.3.659).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np

from chalicelib.monitoring.features import FeatureValues
from chalicelib.monitoring.two_samples import (
    Sample,
    category_psi,
    fisher_p_value,
    ks_distance,
    ks_p_value,
    numeric_psi,
)

ALARM_PERIOD = timedelta(days=30)
"""The time to which the false alarms of a monitor refer."""
MIN_VALUES = 30
"""The fewest values of a feature in a window that are compared."""
TOLERANCE = 0.05
"""The KS distance that is no drift of numbers, however sure it is. A window of some hours differs
from a baseline of whole days by the time of day; without it, a latency that rises and falls by a
tenth each day raised an alarm in four of ten months of the benchmark.
"""
FeatureKind = Literal["number", "category"]


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature of a window against the baseline.

    Attributes:
        name: The feature.
        kind: Whether it is of numbers or of categories.
        baseline: Its mean in the baseline, or the share of `category` there.
        window: The same in the window.
        category: The category that has changed most, "" of numbers.
        psi: The population stability index.
        p_value: The chance of such a difference, beyond the tolerance of numbers, without a
            change; before correction.
        drifted: Whether it is both surer than the level and larger than the least index.
    """

    name: str
    kind: FeatureKind
    baseline: float
    window: float
    category: str
    psi: float
    p_value: float
    drifted: bool


@dataclass(frozen=True, slots=True)
class DriftLook:
    """One look at a window.

    `level` is the p-value below which a feature counts as changed in this look; `features` come
    most certain first.
    """

    level: float
    features: tuple[FeatureDrift, ...]

    @property
    def drifted(self) -> tuple[FeatureDrift, ...]:
        """Return the features that have drifted."""
        return tuple(each for each in self.features if each.drifted)


def look_share(elapsed: timedelta, false_alarms: float) -> float:
    """Return the false alarms that a look may have which comes `elapsed` after the one before."""
    share = max(timedelta(0), min(elapsed, ALARM_PERIOD)) / ALARM_PERIOD
    return false_alarms * share


def compare(
    baseline: FeatureValues, window: FeatureValues, alarms: float, min_psi: float
) -> DriftLook:
    """Return how a window differs from the baseline.

    Args:
        baseline: The values of the baseline.
        window: The values of the newest calls.
        alarms: The false alarms that this look may have, of `look_share`.
        min_psi: The least population stability index that counts.
    """
    tested = [*_numbers(baseline, window), *_categories(baseline, window)]
    level = alarms / max(1, len(tested))
    decided = [
        FeatureDrift(
            each.name,
            each.kind,
            each.baseline,
            each.window,
            each.category,
            each.psi,
            each.p_value,
            each.p_value <= level and each.psi >= min_psi,
        )
        for each in tested
    ]
    return DriftLook(level, tuple(sorted(decided, key=lambda each: (each.p_value, each.name))))


@dataclass(frozen=True, slots=True)
class _Tested:
    name: str
    kind: FeatureKind
    baseline: float
    window: float
    category: str
    psi: float
    p_value: float


def _numbers(baseline: FeatureValues, window: FeatureValues) -> Iterator[_Tested]:
    for name, base in baseline.numbers.items():
        values = window.numbers.get(name, np.empty(0))
        if len(values) < MIN_VALUES or len(base) < MIN_VALUES:
            continue
        yield _tested_number(name, base, values)


def _tested_number(name: str, base: Sample, values: Sample) -> _Tested:
    # Of all distributions within the tolerance of the baseline, the bound is that of the nearest.
    beyond = max(0.0, ks_distance(base, values) - TOLERANCE)
    p_value = ks_p_value(beyond, len(base), len(values))
    psi = numeric_psi(base, values)
    return _Tested(name, "number", float(base.mean()), float(values.mean()), "", psi, p_value)


def _categories(baseline: FeatureValues, window: FeatureValues) -> Iterator[_Tested]:
    for name in sorted(baseline.categories.keys() | window.categories.keys()):
        base = baseline.categories.get(name, {})
        counts = window.categories.get(name, {})
        if sum(counts.values()) < MIN_VALUES or sum(base.values()) < MIN_VALUES:
            continue
        yield _tested_category(name, base, counts)


def _tested_category(name: str, base: Mapping[str, int], counts: Mapping[str, int]) -> _Tested:
    """Test each category by itself, and correct for how many they are."""
    of_base, of_window = sum(base.values()), sum(counts.values())
    names = sorted(base.keys() | counts.keys())
    if set(names) <= {"yes", "no"}:
        names = ["yes"]  # the other one's share is the rest
    p_values = {
        each: fisher_p_value(counts.get(each, 0), of_window, base.get(each, 0), of_base)
        for each in names
    }
    tests = 1 if len(names) <= 2 else len(names)  # two categories are one share
    most = min(names, key=lambda each: p_values[each])
    return _Tested(
        name,
        "category",
        base.get(most, 0) / of_base,
        counts.get(most, 0) / of_window,
        most,
        category_psi(base, counts),
        min(1.0, tests * p_values[most]),
    )
