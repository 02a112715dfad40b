"""Values that cross from one guest to the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.run_code.guests.wire import Opaque, WireError, decode, encode

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text()
    | st.binary()
)
HASHABLE = st.recursive(
    ATOMS, lambda inner: st.lists(inner).map(tuple) | st.frozensets(inner), max_leaves=8
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.sets(HASHABLE)
        | st.dictionaries(HASHABLE, inner)
    ),
    max_leaves=20,
)


@dataclass(eq=False)
class Node:
    val: int
    neighbors: list[Node] = field(default_factory=list)


class Liar(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def crossed(value: object, **classes: type) -> object:
    return decode(encode(value, classes, {}), classes)[0]


def typed(value: object) -> object:
    """Return a value with the type of all that it holds, so that True is not 1."""
    if isinstance(value, dict):
        return {typed(key): typed(held) for key, held in value.items()}
    if isinstance(value, set | frozenset):
        return type(value), frozenset(map(typed, value))
    if isinstance(value, list | tuple):
        return type(value), tuple(map(typed, value))
    return type(value), repr(value)


@given(VALUES)
def test_a_plain_value_should_arrive_as_it_was(value: object) -> None:
    assert typed(crossed(value)) == typed(value)


def test_shared_and_cyclic_objects_should_stay_what_they_are() -> None:
    first, second = Node(1), Node(2)
    first.neighbors, second.neighbors = [second], [first, first]
    found = crossed([first, first.neighbors], Node=Node)
    assert isinstance(found, list)
    clone, neighbors = found
    assert clone.neighbors is neighbors
    assert neighbors[0].neighbors == [clone, clone]
    assert (clone.val, neighbors[0].val) == (1, 2)


def test_what_was_an_argument_should_be_marked_in_an_answer() -> None:
    text = encode([[1], [2]], {}, {})
    given_, known, marked = decode(text, {})
    assert isinstance(given_, list)
    assert marked == []
    assert decode(encode(given_[0], {}, known), {})[2] == [1]
    assert decode(encode([1], {}, known), {})[2] == []


def test_classes_that_decide_what_equals_them_should_not_cross() -> None:
    assert repr(crossed(Liar(7))) == "7"
    found = crossed([Node(1), object()])
    assert isinstance(found, list)
    assert all(isinstance(each, Opaque) for each in found)
    assert found[0] not in (1, None, Node(1))
    assert math.isnan(crossed(math.nan))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "x", "i", "i zz", "l 1", "l 9 9", "t 0", "t 1\nt 0", "d 1\ni 1", "o Node", "= x l"]
)
def test_what_is_no_value_should_be_refused(text: str) -> None:
    with pytest.raises(WireError):
        decode(text, {})


def test_nesting_should_be_bounded_where_python_recurses() -> None:
    deep: object = ()
    for _ in range(60):
        deep = (deep,)
    with pytest.raises(WireError):
        crossed(deep)
    listed: list[object] = []
    for _ in range(10_000):
        listed = [listed]
    crossed(listed)
