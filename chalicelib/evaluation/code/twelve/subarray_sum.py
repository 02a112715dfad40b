"""Subarray sum: how many runs of numbers add up to a target."""

from __future__ import annotations

from collections.abc import Callable


def subarray_sum(numbers: list[int], target: int) -> int:
    """Return how many contiguous, non-empty subarrays of numbers have the sum target.

    >>> subarray_sum([1, 1, 1], 2)
    2
    """
    counts = {0: 1}
    total = found = 0
    for number in numbers:
        total += number
        found += counts.get(total - target, 0)
        counts[total] = counts.get(total, 0) + 1
    return found


def check(candidate: Callable[[list[int], int], int]) -> None:
    """Assert what any right answer returns."""
    assert candidate([1, 1, 1], 2) == 2
    assert candidate([1, 2, 3], 3) == 2
    assert candidate([], 0) == 0
    assert candidate([5], 5) == 1
    assert candidate([5], 0) == 0
    assert candidate([0, 0, 0], 0) == 6
    assert candidate([1, -1, 0], 0) == 3
    assert candidate([3, 4, 7, 2, -3, 1, 4, 2], 7) == 4
    assert candidate([-1, -1, 1], 0) == 1
    assert candidate([-2, -3], -5) == 1
    assert candidate([10, 2, -2, -20, 10], -10) == 3
    assert candidate([1] * 3000, 2999) == 2
