"""Grid BFS: the shortest way through a grid with walls."""

from __future__ import annotations

from collections.abc import Callable


def shortest_path(grid: list[list[int]]) -> int:
    """Return the least number of steps from the top left to the bottom right cell of a grid.

    A step goes up, down, left or right, to a cell that is 0; cells that are 1 are walls. Return -1
    if there is no way, or if the first or last cell is a wall. The grid is not empty.

    >>> shortest_path([[0, 1], [0, 0]])
    2
    """
    rows, columns = len(grid), len(grid[0])
    if grid[0][0] or grid[-1][-1]:
        return -1
    steps = {(0, 0): 0}
    queue = [(0, 0)]
    for row, column in queue:
        if (row, column) == (rows - 1, columns - 1):
            return steps[row, column]
        for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            cell = (row + down, column + right)
            if not (0 <= cell[0] < rows and 0 <= cell[1] < columns):
                continue
            if grid[cell[0]][cell[1]] == 0 and cell not in steps:
                steps[cell] = steps[row, column] + 1
                queue.append(cell)
    return -1


def check(candidate: Callable[[list[list[int]]], int]) -> None:
    """Assert what any right answer returns."""
    assert candidate([[0, 1], [0, 0]]) == 2
    assert candidate([[0]]) == 0
    assert candidate([[1]]) == -1
    assert candidate([[1, 0], [0, 0]]) == -1
    assert candidate([[0, 0], [0, 1]]) == -1
    assert candidate([[0, 1], [1, 0]]) == -1
    assert candidate([[0, 0, 0, 0]]) == 3
    assert candidate([[0], [0], [0]]) == 2
    assert candidate([[0, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0]]) == 10
    assert candidate([[0, 1, 0, 0, 0], [0, 1, 0, 1, 0], [0, 0, 0, 1, 0]]) == 10
    assert candidate([[0, 0, 0], [0, 1, 0], [0, 0, 0]]) == 4
    assert candidate([[0, 1, 1], [1, 1, 0], [0, 0, 0]]) == -1
    assert candidate([[0, 0, 1], [1, 0, 1], [0, 0, 1], [0, 1, 1], [0, 0, 0]]) == 8
    # The way leads back to the left and up, past cells where an index below 0 would find another.
    assert candidate([[0, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1], [1, 1, 1, 0]]) == -1
    assert candidate([[0, 1, 0, 0, 0], [0, 1, 0, 1, 0], [0, 0, 0, 1, 0], [1, 1, 1, 1, 0]]) == 11
    assert candidate([[0] * 30 for _ in range(30)]) == 58
    assert candidate([[0] * 300] * 2) == 300
    assert candidate([[0, 0]] * 300) == 300
