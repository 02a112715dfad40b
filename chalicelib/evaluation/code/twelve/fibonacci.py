"""Fibonacci: one of his numbers."""

from __future__ import annotations

from collections.abc import Callable


def fibonacci(n: int) -> int:
    """Return the n-th Fibonacci number, where the 0-th is 0 and the first is 1.

    Raise ValueError for a negative n.

    >>> fibonacci(10)
    55
    """
    if n < 0:
        raise ValueError("n is negative")
    number, following = 0, 1
    for _ in range(n):
        number, following = following, number + following
    return number


def check(candidate: Callable[[int], int]) -> None:
    """Assert what any right answer returns."""
    expected = [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55]
    for n, number in enumerate(expected):
        assert candidate(n) == number
    assert candidate(50) == 12_586_269_025
    assert candidate(90) == 2_880_067_194_370_816_120
    assert candidate(200) == 280571172992510140037611932413038677189525
    for negative in (-1, -10):
        try:
            candidate(negative)
        except ValueError:
            continue
        raise AssertionError(negative)
