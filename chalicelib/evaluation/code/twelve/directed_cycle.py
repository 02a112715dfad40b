"""Directed cycle: whether a directed graph has one."""

from __future__ import annotations

from collections.abc import Callable


def has_cycle(count: int, edges: list[tuple[int, int]]) -> bool:
    """Return whether a directed graph has a cycle.

    Its nodes are the numbers from 0 to count - 1; an edge (a, b) leads from a to b.

    >>> has_cycle(3, [(0, 1), (1, 2), (2, 0)])
    True
    """
    following: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for start, end in edges:
        following[start].append(end)
        waiting[end] += 1
    free = [node for node in range(count) if waiting[node] == 0]
    for node in free:
        for end in following[node]:
            waiting[end] -= 1
            if waiting[end] == 0:
                free.append(end)
    return len(free) < count


def check(candidate: Callable[[int, list[tuple[int, int]]], bool]) -> None:
    """Assert what any right answer returns."""
    assert candidate(3, [(0, 1), (1, 2), (2, 0)]) is True
    assert candidate(3, [(0, 1), (1, 2), (0, 2)]) is False
    assert candidate(0, []) is False
    assert candidate(1, []) is False
    assert candidate(1, [(0, 0)]) is True
    assert candidate(2, [(0, 1)]) is False
    assert candidate(2, [(0, 1), (1, 0)]) is True
    assert candidate(4, [(0, 1), (0, 2), (1, 3), (2, 3)]) is False
    assert candidate(5, [(0, 1), (2, 3), (3, 4), (4, 2)]) is True
    assert candidate(5, [(0, 1), (1, 2), (2, 3), (3, 1), (3, 4)]) is True
    assert candidate(4, [(3, 2), (2, 1), (1, 0), (3, 0)]) is False
    assert candidate(3, [(0, 1), (0, 1), (1, 2)]) is False
    assert candidate(6, [(5, 4), (4, 3), (3, 5)]) is True
    assert candidate(2000, [(n, n + 1) for n in range(1999)]) is False
