"""Proportions with their 95 % intervals."""

from __future__ import annotations

import math
from typing import Any

_Z = 1.96


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share. Wilson, 1927, https://doi.org/10.2307/2276774."""
    if not count:
        return 0.0, 1.0
    share, z2 = right / count, _Z**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    half /= 1 + z2 / count
    return max(0.0, middle - half), min(1.0, middle + half)


def share(right: int, count: int) -> dict[str, Any]:
    """Return a share and its interval in the form of results."""
    low, high = wilson(right, count)
    value = right / count if count else 0.0
    return {"value": round(value, 3), "interval": [round(low, 3), round(high, 3)]}
