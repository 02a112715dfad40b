"""0/1 knapsack: the most value that a bag carries."""

from __future__ import annotations

from collections.abc import Callable


def knapsack(weights: list[int], values: list[int], capacity: int) -> int:
    """Return the greatest total value of items whose total weight is at most capacity.

    Item i weighs weights[i], is worth values[i], and can be taken once. Weights are at least 1.

    >>> knapsack([1, 3, 4, 5], [1, 4, 5, 7], 7)
    9
    """
    best = [0] * (capacity + 1)
    for weight, value in zip(weights, values, strict=True):
        for room in range(capacity, weight - 1, -1):
            best[room] = max(best[room], best[room - weight] + value)
    return best[capacity]


def check(candidate: Callable[[list[int], list[int], int], int]) -> None:
    """Assert what any right answer returns."""
    assert candidate([1, 3, 4, 5], [1, 4, 5, 7], 7) == 9
    assert candidate([], [], 10) == 0
    assert candidate([1], [5], 0) == 0
    assert candidate([5], [10], 4) == 0
    assert candidate([5], [10], 5) == 10
    assert candidate([1], [5], 10) == 5
    assert candidate([10, 20, 30], [60, 100, 120], 50) == 220
    assert candidate([2, 3, 4, 5], [3, 4, 5, 6], 5) == 7
    assert candidate([4, 4, 4], [1, 2, 3], 8) == 5
    assert candidate([6, 5, 5], [10, 8, 8], 10) == 16
    assert candidate([1, 2, 3], [0, 0, 0], 6) == 0
    assert candidate([1, 1, 1, 1], [1, 2, 3, 4], 2) == 7
    assert candidate([3, 2], [7, 7], 3) == 7
    assert candidate([1] * 40 + [40], [2] * 40 + [79], 40) == 80
