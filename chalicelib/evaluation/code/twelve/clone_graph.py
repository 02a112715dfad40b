"""Clone graph: a deep copy of a connected graph."""

from __future__ import annotations

from typing import Protocol


class Node:
    """A node of an undirected graph: its value, and the nodes next to it."""

    def __init__(self, val: int, neighbors: list[Node] | None = None) -> None:
        self.val = val
        self.neighbors = neighbors if neighbors is not None else []


def clone_graph(node: Node | None) -> Node | None:
    """Return a deep copy of the connected graph that node belongs to: a Node for each of its nodes,
    with the same values and neighbors in the same order. Return None for None.
    """
    if node is None:
        return None
    copies = {node: Node(node.val)}
    queue = [node]
    for each in queue:
        for neighbor in each.neighbors:
            if neighbor not in copies:
                copies[neighbor] = Node(neighbor.val)
                queue.append(neighbor)
            copies[each].neighbors.append(copies[neighbor])
    return copies[node]


class Cloner(Protocol):
    """The code under test; `shared` tells whether its answer holds what was its argument."""

    shared: bool

    def __call__(self, node: Node | None) -> Node | None:
        """Return the copy."""


def check(candidate: Cloner) -> None:
    """Assert what any right answer returns."""
    assert candidate(None) is None
    graphs: list[dict[int, list[int]]] = [
        {1: []},
        {1: [1]},
        {1: [2], 2: [1]},
        {1: [2, 4], 2: [1, 3], 3: [2, 4], 4: [1, 3]},
        {1: [3, 2], 2: [1], 3: [1, 4], 4: [3]},
        {7: [8, 8], 8: [7, 7]},
        {n: [m for m in range(5) if m != n] for n in range(5)},
    ]
    for edges in graphs:
        original = _graph(edges)
        clone = candidate(original)
        assert not candidate.shared
        assert clone is not None
        assert _edges(clone) == edges
        assert clone.val == original.val
    # Nodes of equal values are different nodes.
    twins = Node(1)
    twins.neighbors = [Node(1, [twins]), Node(1, [twins])]
    clone = candidate(twins)
    assert clone is not None
    assert not candidate.shared
    assert [each.val for each in clone.neighbors] == [1, 1]
    assert clone.neighbors[0] is not clone.neighbors[1]
    assert all(each.neighbors == [clone] for each in clone.neighbors)
    chain = _graph({n: [m for m in (n - 1, n + 1) if 0 <= m < 300] for n in range(300)})
    clone = candidate(chain)
    assert clone is not None
    assert len(_edges(clone)) == 300


def _graph(edges: dict[int, list[int]]) -> Node:
    nodes = {value: Node(value) for value in edges}
    for value, others in edges.items():
        nodes[value].neighbors = [nodes[other] for other in others]
    return next(iter(nodes.values()))


def _edges(node: Node) -> dict[int, list[int]]:
    found = {}
    queue = [node]
    seen = {node}
    for each in queue:
        found[each.val] = [other.val for other in each.neighbors]
        for other in each.neighbors:
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return found
