from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.batches import storage
from chalicelib.batches.rounds import (
    MAX_CHILDREN,
    MAX_IDLE_ROUNDS,
    item_statuses,
    items_per_child,
    next_round,
)
from chalicelib.contracts.batches import MAX_ITEMS, ItemRef

NUMBERS = st.sets(st.integers(min_value=0, max_value=60))


def ref(n: int) -> ItemRef:
    return ItemRef(n=n, id=str(n), start=0, length=1)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_each_item_should_have_one_fate_and_what_is_done_is_not_failed(
    items: set[int], done: set[int], failed: set[int]
) -> None:
    found = {
        item.n: fate
        for item, fate in item_statuses(map(ref, sorted(items)), sorted(done), sorted(failed))
    }
    assert {n for n, fate in found.items() if fate == "done"} == items & done
    assert {n for n, fate in found.items() if fate == "failed"} == (items & failed) - done
    assert {n for n, fate in found.items() if fate == "missing"} == items - done - failed


@given(st.lists(st.integers(min_value=0, max_value=5), min_size=60, max_size=60))
def test_rounds_should_end_and_wait_longer_while_they_bring_nothing(progress: list[int]) -> None:
    missing, idle, waits = 20, 0, list[int]()
    for rounds, brought in enumerate(progress):
        left = max(0, missing - brought)
        found = next_round(missing, left, idle)
        if not found.another:
            assert left == 0 or found.idle == MAX_IDLE_ROUNDS
            assert rounds < 20 * (MAX_IDLE_ROUNDS + 1)
            return
        assert found.idle == (0 if brought and missing else idle + 1)
        waits = [*waits, found.seconds] if found.idle else []
        assert waits == sorted(waits)
        missing, idle = left, found.idle
    raise AssertionError("the rounds do not end")


@given(st.integers(min_value=1, max_value=MAX_ITEMS), st.integers(min_value=1, max_value=1_000))
def test_items_should_be_shared_among_no_more_children_than_one_state_tells_of(
    items: int, concurrency: int
) -> None:
    share = items_per_child(items, concurrency)
    assert 1 <= share <= items
    assert -(-items // share) <= MAX_CHILDREN


@given(NUMBERS)
def test_objects_of_items_should_sort_as_their_numbers_do(numbers: set[int]) -> None:
    keys = sorted(storage.OUTCOMES + storage.item_file(n) for n in numbers)
    assert [storage.item_number(key) for key in keys] == sorted(numbers)


@pytest.mark.parametrize(
    ("items", "concurrency", "children"), [(2_000, 2, 10), (10_000, 10, 50), (20, 10, 3), (1, 2, 1)]
)
def test_children_should_come_in_whole_turns_of_those_that_run_at_once(
    items: int, concurrency: int, children: int
) -> None:
    assert -(-items // items_per_child(items, concurrency)) == children
