"""Intervals of rates of groups, and of differences and ratios of two.

Independent rows have Wilson's interval (1927), differences Newcombe's (Interval estimation for the
difference between independent proportions, 1998, method 10), and ratios MOVER-R (R. G. Newcombe,
2016), both made of Wilson's bounds. Unlike a bootstrap they have a width where a rate is 0 or 1.
Rows of one query are no independent rows: there the queries are resampled, and where a tail has
hardly a draw, the interval is at least that of Student's t. Where all queries are
alike, Wilson's bound of none among them says how many might not have been.

Of several pairs each has Bonferroni's share of the 5 %, so that all hold together at 95 %, and with
them what is said of the pair that is furthest apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import RESAMPLES, wilson_interval

Values = NDArray[np.float64]
Rows = NDArray[np.bool_]
Interval = tuple[float, float]

ERROR = 0.05
LEAST_BEYOND = 20
"""Draws beyond an end of an interval, at the least, for these to say where it is: of 2,000, two
groups have 50 there, each of the pairs of three groups 17, and of twelve groups not one."""
_SEED = 0
_ALIKE = 1e-12
"""Rates that differ by less are the same but for the order in which they were added up."""


class RateSample(Protocol):
    """Rates of groups, as intervals; `pairs` is how many pairs are looked at together."""

    def rate(self, group: str) -> Interval:
        """Return the 95 % interval of a group's rate."""

    def difference(self, one: str, other: str, pairs: int) -> Interval:
        """Return the interval of the rate of `one` less that of `other`."""

    def ratio(self, one: str, other: str, pairs: int) -> Interval:
        """Return the interval of the rate of `one` by that of `other`; infinity may bound it."""


class IndependentRows:
    """Rates of rows that have nothing to do with each other: each is a person, a text, a call."""

    def __init__(self, selected: Values, groups: Mapping[str, Rows]) -> None:
        self._counts = {
            name: (int(selected[rows].sum()), int(rows.sum())) for name, rows in groups.items()
        }

    def rate(self, group: str) -> Interval:
        """Return Wilson's interval."""
        return self._wilson(group, ERROR)

    def difference(self, one: str, other: str, pairs: int) -> Interval:
        """Return Newcombe's interval."""
        a, b = self._share(one), self._share(other)
        a_low, a_high = self._wilson(one, ERROR / pairs)
        b_low, b_high = self._wilson(other, ERROR / pairs)
        low = a - b - math.hypot(a - a_low, b_high - b)
        return max(-1.0, low), min(1.0, a - b + math.hypot(a_high - a, b - b_low))

    def ratio(self, one: str, other: str, pairs: int) -> Interval:
        """Return the interval by MOVER-R."""
        a, b = self._share(one), self._share(other)
        a_low, a_high = self._wilson(one, ERROR / pairs)
        b_low, b_high = self._wilson(other, ERROR / pairs)
        both = a * b
        spread = max(0.0, both**2 - a_low * b_high * (2 * a - a_low) * (2 * b - b_high))
        # Newcombe's lower bound by its conjugate, which does not divide by 0 where 2 b is b_high.
        low = a_low * (2 * a - a_low) / (both + math.sqrt(spread)) if a_low > 0 else 0.0
        if b_low <= 0:
            return low, math.inf
        spread = max(0.0, both**2 - a_high * b_low * (2 * a - a_high) * (2 * b - b_low))
        return low, (both + math.sqrt(spread)) / (b_low * (2 * b - b_low))

    def _share(self, group: str) -> float:
        hits, of = self._counts[group]
        return hits / of

    def _wilson(self, group: str, error: float) -> Interval:
        return wilson_interval(*self._counts[group], 1 - error)


class ResampledQueries:
    """Rates of rows of rankings, whose queries are drawn again with replacement, 2,000 times."""

    def __init__(
        self, selected: Values, groups: Mapping[str, Rows], queries: Sequence[str]
    ) -> None:
        names, which = np.unique(np.asarray(queries, dtype=str), return_inverse=True)
        count = len(names)
        self._queries = count
        rng = np.random.default_rng(_SEED)
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
        self._drawn: dict[str, Values] = {}
        for name, rows in groups.items():
            hits = drawn @ np.bincount(which[rows], selected[rows], count)
            of = drawn @ np.bincount(which[rows], minlength=count)
            # A draw without any member says nothing of its rate, and widens the interval fully.
            self._drawn[name] = np.divide(hits, of, out=np.full(RESAMPLES, np.nan), where=of > 0)

    def rate(self, group: str) -> Interval:
        """Return the percentile interval."""
        found = _percentiles(self._drawn[group], ERROR, (0.0, 1.0), self._queries)
        return found or self._around(group, ERROR)

    def difference(self, one: str, other: str, pairs: int) -> Interval:
        """Return the percentile interval."""
        drawn = self._drawn[one] - self._drawn[other]
        found = _percentiles(drawn, ERROR / pairs, (-1.0, 1.0), self._queries)
        if found is not None:
            return found
        a_low, a_high = self._around(one, ERROR / pairs)
        b_low, b_high = self._around(other, ERROR / pairs)
        return a_low - b_high, a_high - b_low

    def ratio(self, one: str, other: str, pairs: int) -> Interval:
        """Return the percentile interval."""
        above, below = self._drawn[one], self._drawn[other]
        drawn = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
        found = _percentiles(drawn, ERROR / pairs, (0.0, math.inf), self._queries)
        if found is not None:
            return found
        a_low, a_high = self._around(one, ERROR / pairs)
        b_low, b_high = self._around(other, ERROR / pairs)
        return a_low / b_high, a_high / b_low if b_low > 0 else math.inf

    def _around(self, group: str, error: float) -> Interval:
        """Return the bounds of a rate that no draw changes, or that a few unseen queries would."""
        unseen = wilson_interval(0, self._queries, 1 - error)[1]
        drawn = self._drawn[group]
        return max(0.0, float(np.nanmin(drawn)) - unseen), min(
            1.0, float(np.nanmax(drawn)) + unseen
        )


def _percentiles(drawn: Values, error: float, widest: Interval, queries: int) -> Interval | None:
    """Return the middle of `drawn`, resampled of `queries`, None if all are alike.

    What is not a number counts as lying beyond both ends.
    """
    known = np.isfinite(drawn)
    tail = error / 2 - (1 - float(known.mean()))
    if tail <= 0:
        return widest
    if np.ptp(drawn[known]) <= _ALIKE:
        return None
    low, high = map(float, np.quantile(drawn[known], [tail, 1 - tail]))
    if tail * len(drawn) < LEAST_BEYOND:
        low, high = _widened(drawn[known], tail, (low, high), widest, queries)
    return low, high


def _widened(
    drawn: Values, tail: float, found: Interval, widest: Interval, queries: int
) -> Interval:
    """Return an interval that reaches as far as Student's t for the spread of `drawn`.

    Of many pairs each has so small a tail that hardly a draw lies in it, and the outermost draws
    lie nearer than the tail does. Ratios are normal by their logarithms, if they are anything.
    """
    # Imported on use: it would delay the start of a training job by half a second.
    from scipy.stats import t

    of_ratios = math.isinf(widest[1])
    if of_ratios and drawn.min() <= 0:
        return widest
    values = np.log(drawn) if of_ratios else drawn
    spread = float(values.std(ddof=1)) * math.sqrt(queries / (queries - 1))
    away = float(t.ppf(1 - tail, queries - 1)) * spread
    low, high = float(values.mean()) - away, float(values.mean()) + away
    if of_ratios:
        low, high = math.exp(low), math.exp(high)
    return max(widest[0], min(found[0], low)), min(widest[1], max(found[1], high))
