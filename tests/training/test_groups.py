"""Splits by group: what is alike is held out together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.data.groups import (
    groups,
    held_out_rows,
    is_held_out_text,
    near_pairs,
    same_key_pairs,
)


def test_items_that_share_a_key_or_a_look_should_be_in_one_group() -> None:
    pictures = np.zeros((5, 4, 4, 3), np.uint8)
    pictures[1:] += np.array([10, 40, 100, 200], np.uint8)[:, None, None, None]
    found = groups(
        5, [*same_key_pairs([{"a"}, {"b"}, {"c"}, {"b"}, {"d"}]), *near_pairs(pictures, 20)]
    )
    assert found.tolist() == [found[0], found[0], found[2], found[0], found[4]]
    assert len(set(found.tolist())) == 3


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(0, 40), st.integers(0, 99)
)
def test_whole_groups_should_be_held_out(of: list[int], count: int, seed: int) -> None:
    group = np.unique(of, return_inverse=True)[1].astype(np.int64)
    held = held_out_rows(group, count, np.random.default_rng(seed))
    assert held.sum() <= count
    assert not set(group[held].tolist()) & set(group[~held].tolist())
    smallest = np.bincount(group).min()
    assert held.any() == (smallest <= count)


def test_a_text_should_belong_to_one_part() -> None:
    held = [is_held_out_text(f"text {number}", 5) for number in range(1000)]
    assert 150 < sum(held) < 250
