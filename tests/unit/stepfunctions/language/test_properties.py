"""Laws of the language, tried on random values."""

from __future__ import annotations

import csv
import io
import json
import operator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from localcloud.stepfunctions.language import choice_rules, map_items, values
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.jsonpath import intrinsics, paths, payload_templates
from localcloud.stepfunctions.language.state_machine import ComparisonRule, ReaderConfig
from localcloud.stepfunctions.language.values import Environment, Json, is_equal, size_of

NOWHERE = Environment()
NAMES = st.text(min_size=1, max_size=5)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def places(value: Json, path: str = "$") -> list[tuple[str, Json]]:
    """Return every place in `value` with the path that a naive walk writes for it."""
    found = [(path, value)]
    if isinstance(value, dict):
        for name, part in value.items():
            quoted = name.replace("\\", "\\\\").replace("'", "\\'")
            found += places(part, f"{path}['{quoted}']")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            found += places(part, f"{path}[{index}]")
    return found


@given(VALUES)
def test_every_place_is_read_by_its_path(value: Json) -> None:
    for path, part in places(value):
        assert is_equal(paths.read(path, value), part)


@given(VALUES)
def test_a_deep_scan_finds_all_that_a_walk_finds(value: Json) -> None:
    found = paths.read("$..*", value)
    assert isinstance(found, list)
    walked = [part for _, part in places(value)[1:]]
    assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, walked))


@given(VALUES, VALUES)
def test_what_is_inserted_is_read_back_and_nothing_else_changes(value: Json, more: Json) -> None:
    before = json.dumps(value)
    for path, _ in places(value):
        changed = paths.insert(path, value, more)
        assert is_equal(paths.read(path, changed), more)
        assert is_equal(paths.insert(path, changed, paths.read(path, value)), value)
    assert json.dumps(value) == before


@given(
    st.lists(st.integers(-50, 50)), st.integers(-9, 9) | st.none(), st.integers(-9, 9) | st.none()
)
def test_slices_are_python_slices(numbers: list[int], start: int | None, stop: int | None) -> None:
    path = f"$[{'' if start is None else start}:{'' if stop is None else stop}]"
    assert paths.read(path, list(numbers)) == numbers[start:stop]


@given(
    st.lists(st.integers(-9, 9)),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.integers(-9, 9),
)
def test_filters_keep_what_python_keeps(numbers: list[int], sign: str, limit: int) -> None:
    compare = {
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
        "==": operator.eq,
        "!=": operator.ne,
    }[sign]
    document: Json = [{"n": number} for number in numbers]
    kept = paths.read(f"$[?(@.n {sign} {limit})].n", document)
    assert kept == [number for number in numbers if compare(number, limit)]


@given(st.text())
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    if paths.is_path(text):
        paths.check_path(text)


ORDERS = st.sampled_from(
    [
        ("Equals", operator.eq),
        ("LessThan", operator.lt),
        ("LessThanEquals", operator.le),
        ("GreaterThan", operator.gt),
        ("GreaterThanEquals", operator.ge),
    ]
)


def compares(kind: str, name: str, left: Json, right: Json) -> bool:
    fixed = ComparisonRule(variable="$.l", operator=f"{kind}{name}", expected=right)
    read = ComparisonRule(variable="$.l", operator=f"{kind}{name}Path", expected="$.r")
    value: Json = {"l": left, "r": right}
    held = choice_rules.holds(fixed, value, NOWHERE)
    assert held == choice_rules.holds(read, value, NOWHERE)
    return held


@given(
    ORDERS, st.integers() | st.floats(allow_nan=False), st.integers() | st.floats(allow_nan=False)
)
def test_numbers_compare_as_in_python(order: Any, left: float, right: float) -> None:
    assert compares("Numeric", order[0], left, right) == order[1](left, right)


@given(ORDERS, st.text(), st.text())
def test_strings_compare_by_utf_16_unit(order: Any, left: str, right: str) -> None:
    units = left.encode("utf-16-be"), right.encode("utf-16-be")
    assert compares("String", order[0], left, right) == order[1](*units)


MOMENTS = st.datetimes(
    datetime(1, 1, 3),
    datetime(9999, 12, 29),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=-30))]),
)


@given(ORDERS, MOMENTS, MOMENTS)
def test_timestamps_compare_as_moments(order: Any, left: datetime, right: datetime) -> None:
    held = compares("Timestamp", order[0], left.isoformat(), right.isoformat())
    assert held == order[1](left, right)


@given(MOMENTS)
def test_a_written_timestamp_is_read_to_the_millisecond(moment: datetime) -> None:
    read = values.parse_timestamp(values.format_timestamp(moment))
    assert read is not None
    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)


@given(ORDERS, VALUES, VALUES)
def test_values_of_different_types_never_compare(order: Any, left: Json, right: Json) -> None:
    if not isinstance(left, str):
        assert not compares("String", order[0], left, right)
    if isinstance(left, bool) or not isinstance(left, int):
        assert not compares("Numeric", order[0], left, right)


CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\\\r\0\ufeff"))
ROWS = st.lists(st.lists(CELLS.map(lambda cell: f"x{cell}"), min_size=2, max_size=2))


@given(ROWS, st.sampled_from(sorted(map_items.DELIMITERS)))
def test_csv_that_was_written_is_read(rows: list[list[str]], delimiter: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=map_items.DELIMITERS[delimiter], quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b"], *rows])
    config = ReaderConfig(
        input_type="CSV", csv_delimiter=delimiter, csv_header_location="FIRST_ROW"
    )
    read = list(map_items.read_items(config, io.BytesIO(text.getvalue().encode())))
    assert read == [{"a": one, "b": two} for one, two in rows]


@given(st.lists(VALUES), st.sampled_from([True, False]))
def test_json_lines_that_were_written_are_read(values: list[Json], ascii_only: bool) -> None:
    lines = "".join(json.dumps(value, ensure_ascii=ascii_only) + "\n" for value in values)
    read = list(map_items.read_items(ReaderConfig(input_type="JSONL"), io.BytesIO(lines.encode())))
    assert is_equal(read, values)


@given(
    st.lists(VALUES),
    st.none() | st.integers(1, 5),
    st.none() | st.integers(0, 200),
    st.none() | st.dictionaries(NAMES, SCALARS, max_size=2),
)
def test_batches_hold_every_item_once_in_order_within_their_limits(
    values: list[Json], most: int | None, spare: int | None, given_input: Any
) -> None:
    largest = max(
        (size_of({"BatchInput": given_input, "Items": [value]}) for value in values), default=30
    )
    limit = None if spare is None else largest + spare
    batches = list(map_items.batch_items(values, most, limit, given_input))
    held: list[Json] = []
    for batch in batches:
        listed = batch["Items"]
        assert isinstance(listed, list)
        assert listed
        held += listed
        assert most is None or len(listed) <= most
        assert limit is None or size_of(batch) <= limit
        assert batch.get("BatchInput") == given_input
    assert is_equal(held, values)
    if limit is None and most is not None:
        assert len(batches) == -(-len(values) // most)


@given(VALUES)
def test_a_template_without_paths_is_filled_with_itself(value: Json) -> None:
    names = json.dumps(value).count('.$"')
    if not names:
        assert is_equal(payload_templates.fill(value, {"any": 1}, NOWHERE), value)


@given(VALUES)
def test_jsonata_hands_values_through_unchanged(value: Json) -> None:
    bindings = templates.Bindings(input=value, variables={"v": value})
    given_back = templates.evaluate(["{% $states.input %}", "{% $v %}"], bindings, "Output")
    assert is_equal(given_back, [value, value])


@given(VALUES)
def test_json_survives_being_made_a_string(value: Json) -> None:
    text = intrinsics.evaluate("States.JsonToString($)", value, NOWHERE)
    assert is_equal(intrinsics.evaluate("States.StringToJson($)", text, NOWHERE), value)


@given(st.lists(SCALARS), st.integers(1, 9))
def test_partitions_joined_are_the_array(values: list[Json], size: int) -> None:
    parts = intrinsics.evaluate(f"States.ArrayPartition($, {size})", values, NOWHERE)
    assert isinstance(parts, list)
    assert is_equal([item for part in parts if isinstance(part, list) for item in part], values)


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=100))
def test_base64_goes_both_ways(text: str) -> None:
    encoded = intrinsics.evaluate("States.Base64Encode($)", text, NOWHERE)
    assert intrinsics.evaluate("States.Base64Decode($)", encoded, NOWHERE) == text
