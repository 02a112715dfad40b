"""Two sum: the pair of numbers that add up to a target."""

from __future__ import annotations

from collections.abc import Callable


def two_sum(numbers: list[int], target: int) -> list[int]:
    """Return the indices of the two different numbers that add up to target, in ascending order.

    There is exactly one such pair.

    >>> two_sum([2, 7, 11, 15], 9)
    [0, 1]
    """
    places: dict[int, int] = {}
    for place, number in enumerate(numbers):
        other = places.get(target - number)
        if other is not None:
            return [other, place]
        places[number] = place
    return []


def check(candidate: Callable[[list[int], int], list[int]]) -> None:
    """Assert what any right answer returns."""
    assert candidate([2, 7, 11, 15], 9) == [0, 1]
    assert candidate([3, 2, 4], 6) == [1, 2]
    assert candidate([3, 3], 6) == [0, 1]
    assert candidate([-1, -2, -3, -4, -5], -8) == [2, 4]
    assert candidate([0, 4, 3, 0], 0) == [0, 3]
    assert candidate([5, 1, 9, -4], 5) == [2, 3]
    assert candidate([10**12, 7, -(10**12)], 0) == [0, 2]
    assert candidate([*range(2, 4002, 2), 1], 4001) == [1999, 2000]
