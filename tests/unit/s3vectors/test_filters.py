from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.errors import AwsError
from localcloud.s3vectors import filters
from localcloud.s3vectors.filters import MetadataColumns

SCALARS = st.one_of(
    st.sampled_from(["a", "ab", "b", ""]),
    st.integers(-2, 2),
    st.sampled_from([0.5, 1.0]),
    st.booleans(),
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
KEYS = st.sampled_from(["x", "y", "z"])
NUMBERS = st.integers(-2, 2) | st.sampled_from([0.5, 1.0])
COMPARISONS = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), SCALARS),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), NUMBERS),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(SCALARS, min_size=1, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.just("$startsWith"), st.sampled_from(["", "a", "b"])),
)
LEAVES = st.builds(
    lambda key, comparisons: {key: dict(comparisons)},
    KEYS,
    st.lists(COMPARISONS, min_size=1, max_size=2),
) | st.builds(lambda key, value: {key: value}, KEYS, SCALARS)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda operator, parts: {operator: parts},
        st.sampled_from(["$and", "$or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


def naive(written: dict[str, Any], metadata: dict[str, Any]) -> bool:
    """The guide's table, read aloud."""
    ((key, value),) = written.items()
    if key == "$and":
        return all(naive(part, metadata) for part in value)
    if key == "$or":
        return any(naive(part, metadata) for part in value)
    comparisons = value if isinstance(value, dict) else {"$eq": value}
    there = key in metadata
    stored = metadata.get(key, [])
    items = stored if isinstance(stored, list) else [stored]

    def typed(one: object) -> tuple[str, object]:
        return (
            "bool" if isinstance(one, bool) else "number" if isinstance(one, int | float) else "s",
            one,
        )

    def holds(operator: str, operand: Any) -> bool:
        numbers = [one for one in items if typed(one)[0] == "number"]
        wanted = {typed(one) for one in operand} if isinstance(operand, list) else {typed(operand)}
        hit = any(typed(one) in wanted for one in items)
        return {
            "$eq": lambda: hit,
            "$in": lambda: hit,
            "$ne": lambda: not hit,
            "$nin": lambda: not hit,
            "$gt": lambda: any(one > operand for one in numbers),
            "$gte": lambda: any(one >= operand for one in numbers),
            "$lt": lambda: any(one < operand for one in numbers),
            "$lte": lambda: any(one <= operand for one in numbers),
            "$exists": lambda: there is operand,
            "$startsWith": lambda: any(
                isinstance(one, str) and one.startswith(operand) for one in items
            ),
        }[operator]()

    return all(holds(operator, operand) for operator, operand in comparisons.items())


@given(FILTERS, st.lists(st.dictionaries(KEYS, VALUES), max_size=6))
def test_a_filter_matches_what_the_guide_says(
    written: dict[str, object], all_metadata: list[dict[str, object]]
) -> None:
    parsed = filters.parse_filter(written)
    columns = MetadataColumns()
    for row, metadata in enumerate(all_metadata):
        columns.set(row, metadata)
    expected = [naive(written, metadata) for metadata in all_metadata]
    assert [parsed.matches(metadata) for metadata in all_metadata] == expected
    assert columns.mask(parsed, len(all_metadata)).tolist() == expected


@pytest.mark.parametrize(
    "written",
    [
        {},
        [],
        "x",
        {"x": {}},
        {"x": None},
        {"x": ["a"]},
        {"x": {"$eg": "a"}},
        {"x": {"$eq": None}},
        {"x": {"$eq": ["a"]}},
        {"x": {"$gt": "1"}},
        {"x": {"$gt": True}},
        {"x": {"$lt": math.nan}},
        {"x": {"$in": []}},
        {"x": {"$in": "a"}},
        {"x": {"$nin": [None]}},
        {"x": {"$exists": "yes"}},
        {"x": {"$exists": 1}},
        {"x": {"$startsWith": 1}},
        {"x": {"$and": [{"x": 1}]}},
        {"x": {"$eq": 1, "y": 1}},
        {"x": 1, "y": 2},
        {"$and": []},
        {"$or": {}},
        {"$and": [{}]},
        {"$and": [{"x": 1, "y": 2}]},
        {"$not": [{"x": 1}]},
    ],
)
def test_a_malformed_filter_is_refused_as_the_service_refuses_it(written: object) -> None:
    with pytest.raises(AwsError, match="Invalid filter") as caught:
        filters.parse_filter(written)
    assert caught.value.fields["fieldList"] == [{"path": "filter", "message": "Invalid filter"}]


def test_a_non_filterable_key_is_refused() -> None:
    with pytest.raises(AwsError, match="Invalid use of non-filterable metadata in filter"):
        filters.parse_filter({"$or": [{"x": 1}, {"text": "a"}]}, {"text"})


def test_at_most_a_hundred_constraints_are_taken() -> None:
    filters.parse_filter({"$or": [{"x": n} for n in range(100)]})
    with pytest.raises(AwsError, match="at most 100 constraints"):
        filters.parse_filter({"$or": [{"x": n} for n in range(101)]})


def test_a_dot_in_a_key_is_a_letter_like_any_other() -> None:
    assert filters.parse_filter({"page.number": {"$gte": 5}}).matches({"page.number": 7})
