from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.retrieval.answer.context_packing import ContextItem, knapsack, pack_context

ITEMS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), max_size=9)
PARCELS = st.lists(
    st.builds(
        ContextItem,
        text=st.text(alphabet="ab ", max_size=12),
        support=st.integers(0, 10).map(lambda tenths: tenths / 10),
        tokens=st.integers(1, 40),
    ),
    max_size=9,
)


def distinct(support: float, tokens: int, name: str = "") -> ContextItem:
    name = name or f"{support}of{tokens}"
    return ContextItem(" ".join(f"{name}{n}" for n in range(9)), support, tokens)


@given(ITEMS, st.integers(0, 100))
def test_should_find_what_trying_every_choice_finds(
    items: list[tuple[int, int]], budget: int
) -> None:
    best = max(
        sum(items[at][0] for at in choice)
        for size in range(len(items) + 1)
        for choice in itertools.combinations(range(len(items)), size)
        if sum(items[at][1] for at in choice) <= budget
    )
    worths, weights = [worth for worth, _ in items], [weight for _, weight in items]
    chosen = knapsack(worths, weights, budget)
    assert sum(worths[at] for at in chosen) == best
    assert sum(weights[at] for at in chosen) <= budget
    assert chosen == sorted(set(chosen))


@given(PARCELS, st.integers(0, 120))
def test_should_keep_to_the_budget_and_begin_with_the_best_that_fits(
    parcels: list[ContextItem], budget: int
) -> None:
    chosen = pack_context(parcels, budget)
    assert sum(parcels[at].tokens for at in chosen) <= budget
    supports = [parcels[at].support for at in chosen]
    assert supports == sorted(supports, reverse=True)
    fitting = [parcel.support for parcel in parcels if parcel.tokens <= budget]
    assert bool(chosen) == bool(fitting)
    if chosen:
        assert supports[0] == max(fitting)
    assert pack_context(parcels, budget) == chosen


def test_should_not_trade_the_best_for_many_that_are_worse() -> None:
    parcels = [distinct(0.45, 100, name) for name in "abc"] + [distinct(0.7, 300)]
    assert pack_context(parcels, 300) == [3]


def test_should_fill_what_the_best_leaves_with_the_best_choice() -> None:
    parcels = [distinct(0.7, 100), distinct(0.66, 90), distinct(0.65, 50), distinct(0.64, 50)]
    assert pack_context(parcels, 200) == [0, 2, 3]


def test_should_leave_out_what_a_better_one_says() -> None:
    text = "The turbine was made by Voss Hydro in 2011 and is rated at 410 kilowatts."
    again = f"Note: {text}"
    assert pack_context([ContextItem(again, 0.6, 20), ContextItem(text, 0.7, 20)], 100) == [1]


def test_should_prefer_what_adds_something() -> None:
    said = "The intake gate drops by its own weight in eight seconds."
    half = "The intake gate drops by its own weight. Nobody may stand below it at that time."
    other = "Oil pressure must reach the mark within a minute or the pump has to be stopped."
    parcels = [
        ContextItem(said, 0.7, 20),
        ContextItem(half, 0.65, 20),
        ContextItem(other, 0.64, 20),
    ]
    assert pack_context(parcels, 40) == [0, 2]


def test_should_pack_nothing_where_nothing_fits() -> None:
    assert pack_context([distinct(0.9, 10)], 9) == []
    assert pack_context([], 9) == []


@pytest.mark.parametrize("budget", [0, 1, 10_000])
def test_should_take_the_earlier_of_equals(budget: int) -> None:
    parcels = [distinct(0.5, 1, name) for name in ("first", "second")]
    assert pack_context(parcels, budget) == [0, 1][:budget]


def test_should_stay_small_for_many_passages() -> None:
    worths = [math.sqrt(n + 1) for n in range(100)]
    weights = [40 + (n * 37) % 200 for n in range(100)]
    chosen = knapsack(worths, weights, 2_000)
    assert sum(weights[at] for at in chosen) <= 2_000
