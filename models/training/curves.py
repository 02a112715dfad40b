"""Curves of a training, thinned so that their size does not depend on its number of steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.contracts.model_card import TrainingCurves

MAX_POINTS = 400
_DIGITS = 6


@dataclass(slots=True)
class _Point:
    """The sums of consecutive steps."""

    step: int = 0
    count: int = 0
    sums: dict[str, tuple[float, int]] = field(default_factory=dict)

    def add(self, other: _Point) -> None:
        self.step, self.count = other.step, self.count + other.count
        for name, (value, count) in other.sums.items():
            before, many = self.sums.get(name, (0.0, 0))
            self.sums[name] = (before + value, many + count)

    def mean(self, name: str) -> float | None:
        total, count = self.sums.get(name, (0.0, 0))
        return float(f"{total / count:.{_DIGITS}g}") if count else None


class CurveSampler:
    """Means of consecutive steps; each time there are too many, two become one."""

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        """Keep at most `max_points` points, and more than half as many of a long training."""
        self._max_points = max_points
        self._stride = 1
        self._points: list[_Point] = []

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add a step, later than those before; values that are not finite are left out."""
        sums = {name: (value, 1) for name, value in values.items() if math.isfinite(value)}
        point = _Point(step, 1, sums)
        if self._points and self._points[-1].count < self._stride:
            self._points[-1].add(point)
            return
        self._points.append(point)
        if len(self._points) > self._max_points:
            self._halve()

    def curves(self) -> TrainingCurves:
        """Return the curves so far."""
        names = dict.fromkeys(name for point in self._points for name in point.sums)
        return TrainingCurves(
            steps=tuple(point.step for point in self._points),
            values={name: tuple(point.mean(name) for point in self._points) for name in names},
        )

    def _halve(self) -> None:
        self._stride *= 2
        pairs = zip(self._points[::2], [*self._points[1::2], None], strict=False)
        halved = []
        for one, other in pairs:
            if other is not None:
                one.add(other)
            halved.append(one)
        self._points = halved


def sampled_curves(history: Mapping[int, Mapping[str, float]]) -> TrainingCurves:
    """Return the curves of a training by the metrics of each of its steps."""
    sampler = CurveSampler()
    for step in sorted(history):
        sampler.add(step, history[step])
    return sampler.curves()
