"""Ratios of paired measurements, with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.judged.scoring import LEVEL, RESAMPLES, SEED


def ratio(over: Sequence[float], under: Sequence[float]) -> dict[str, Any]:
    """Return the median of `over` / `under`, pair by pair, and its interval by the bootstrap.

    Pairs are drawn with replacement, always the same.

    Raises:
        ValueError: there are no pairs, or the two are not of the same turns.
    """
    if len(over) != len(under) or not over:
        raise ValueError(f"{len(over)} measurements cannot be paired with {len(under)}.")
    each = np.asarray(over, np.float64) / np.asarray(under, np.float64)
    drawn = np.random.default_rng(SEED).integers(0, len(each), (RESAMPLES, len(each)))
    outside = (1 - LEVEL) / 2
    low, high = np.quantile(np.median(each[drawn], axis=1), (outside, 1 - outside))
    return {
        "value": round(float(np.median(each)), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
    }
