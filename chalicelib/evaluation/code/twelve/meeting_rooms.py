"""Meeting rooms: how many rooms meetings need."""

from __future__ import annotations

from collections.abc import Callable


def meeting_rooms(meetings: list[tuple[int, int]]) -> int:
    """Return the least number of rooms in which all meetings can be held.

    A meeting is its start and end; one that ends when another starts leaves it its room.

    >>> meeting_rooms([(0, 30), (5, 10), (15, 20)])
    2
    """
    changes = sorted(
        [(start, 1) for start, _ in meetings] + [(end, -1) for _, end in meetings],
    )
    rooms = most = 0
    for _, change in changes:
        rooms += change
        most = max(most, rooms)
    return most


def check(candidate: Callable[[list[tuple[int, int]]], int]) -> None:
    """Assert what any right answer returns."""
    assert candidate([(0, 30), (5, 10), (15, 20)]) == 2
    assert candidate([(7, 10), (2, 4)]) == 1
    assert candidate([]) == 0
    assert candidate([(1, 2)]) == 1
    assert candidate([(1, 5), (5, 9)]) == 1
    assert candidate([(5, 9), (1, 5), (5, 8)]) == 2
    assert candidate([(1, 10), (2, 9), (3, 8), (4, 7)]) == 4
    assert candidate([(1, 4), (2, 5), (3, 6), (5, 7), (6, 8)]) == 3
    assert candidate([(1, 2), (1, 2), (1, 2)]) == 3
    assert candidate([(0, 1), (1, 2), (2, 3), (0, 3)]) == 2
    assert candidate([(-5, -1), (-3, 2)]) == 2
    assert candidate([(n, n + 10) for n in range(500)]) == 10
