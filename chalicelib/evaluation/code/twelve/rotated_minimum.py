"""Rotated minimum: the least number of a sorted list that was rotated."""

from __future__ import annotations

from collections.abc import Callable


def rotated_minimum(numbers: list[int]) -> int:
    """Return the least of numbers, a sorted list of different numbers that was rotated.

    Use a number of steps that grows with the logarithm of the list's length.

    >>> rotated_minimum([4, 5, 6, 7, 0, 1, 2])
    0
    """
    first, last = 0, len(numbers) - 1
    while first < last:
        middle = (first + last) // 2
        if numbers[middle] > numbers[last]:
            first = middle + 1
        else:
            last = middle
    return numbers[first]


def check(candidate: Callable[[list[int]], int]) -> None:
    """Assert what any right answer returns."""
    assert candidate([4, 5, 6, 7, 0, 1, 2]) == 0
    assert candidate([3, 4, 5, 1, 2]) == 1
    assert candidate([1]) == 1
    assert candidate([2, 1]) == 1
    assert candidate([1, 2]) == 1
    assert candidate([11, 13, 15, 17]) == 11
    assert candidate([5, 1, 2, 3, 4]) == 1
    assert candidate([2, 3, 4, 5, 1]) == 1
    assert candidate([-3, -1, 4, -10, -7]) == -10
    for length in range(1, 9):
        numbers = list(range(10, 10 + 3 * length, 3))
        for turn in range(length):
            assert candidate(numbers[turn:] + numbers[:turn]) == 10
    assert candidate([*range(1000, 3000), *range(500)]) == 0
