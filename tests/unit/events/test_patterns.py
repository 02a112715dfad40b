"""Event patterns, https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
and eb-create-pattern-operators.html.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.events.content_filters import InvalidPattern, build_filter
from localcloud.events.patterns import compile_pattern, parse_pattern

ABSENT = object()


def match(wanted: list[Any], value: Any = ABSENT) -> bool:
    event = {"detail": {} if value is ABSENT else {"x": value}}
    return compile_pattern({"detail": {"x": wanted}}).matches(event)


@pytest.mark.parametrize(
    ("wanted", "hits", "misses"),
    [
        (["a"], ["a", ["b", "a"]], ["A", "", 1, None, ["b"], [], {"a": "a"}, ABSENT]),
        ([""], [""], [None, "a", ABSENT]),
        ([None], [None], ["", "null", 0, False, [], ABSENT]),
        ([True], [True], [1, "true", False]),
        ([300], [300, 300.0, [1, 300]], [301, "300", True]),
        ([123456789012], [123456789012], [123456789013]),
        ([{"prefix": "us-"}], ["us-east-1"], ["eu-us-1", "US-east", 1, None]),
        ([{"prefix": ""}], ["", "x"], [1, None]),
        ([{"prefix": {"equals-ignore-case": "EventB"}}], ["eventbridge"], ["xeventb"]),
        ([{"suffix": ".png"}], ["a.png", ".png"], ["a.PNG", "png"]),
        ([{"suffix": {"equals-ignore-case": ".PNG"}}], ["a.png", "a.pNg"], ["a.jpg"]),
        ([{"equals-ignore-case": "alice"}], ["Alice", "ALICE"], ["alicea", 1]),
        ([{"anything-but": "a"}], ["b", 1, None, True, ["a", "b"]], ["a", ["a"], [], ABSENT]),
        ([{"anything-but": ["a", "b"]}], ["c"], ["a", "b"]),
        ([{"anything-but": 0}], [1, "0"], [0, 0.0]),
        ([{"anything-but": [1, 2]}], [3], [1, 2.0]),
        ([{"anything-but": {"prefix": "us-"}}], ["eu", 7], ["us-1", ABSENT]),
        ([{"anything-but": {"prefix": ["us-", "eu-"]}}], ["ap-1"], ["us-1", "eu-1"]),
        ([{"anything-but": {"suffix": [".png", ".jpg"]}}], ["a.gif"], ["a.png", "a.jpg"]),
        ([{"anything-but": {"equals-ignore-case": ["A", "b"]}}], ["c"], ["a", "B"]),
        ([{"anything-but": {"wildcard": "*/lib/*"}}], ["/src/a", 1], ["/usr/lib/a"]),
        ([{"anything-but": {"wildcard": ["a*", "*z"]}}], ["m"], ["abc", "xyz"]),
        ([{"numeric": ["=", 5]}], [5, 5.0], [6, "5", True]),
        ([{"numeric": [">", 0, "<=", 5]}], [0.1, 5], [0, 5.1, "3"]),
        ([{"numeric": ["<", 10]}], [-4e9, 9.9], [10, -6e9, None]),
        ([{"numeric": [">=", 10]}], [10], [9, 6e9]),
        ([{"cidr": "10.0.0.0/24"}], ["10.0.0.255"], ["10.0.1.0", "host", 1, "::1"]),
        ([{"cidr": "2001:db8::/32"}], ["2001:db8::1"], ["2001:db9::1", "10.0.0.1"]),
        ([{"exists": True}], ["a", None, [1]], [ABSENT, [], {}, {"leaf": 1}]),
        ([{"exists": False}], [ABSENT, [], {"leaf": 1}], ["a", None, [1]]),
        ([{"wildcard": "a*z"}], ["az", "abcz"], ["a", "abz?", 1]),
        ([{"wildcard": "*.txt"}], [".txt", "a\n.txt"], ["txt"]),
        ([{"wildcard": r"a\*b\\c"}], [r"a*b\c"], ["axb\\c"]),
        (["a", {"prefix": "b"}, {"exists": False}], ["a", "bc", ABSENT], ["c"]),
    ],
)
def test_a_filter_tells_hits_from_misses(
    wanted: list[Any], hits: list[Any], misses: list[Any]
) -> None:
    """eb-create-pattern-operators.html"""
    assert [value for value in hits if not match(wanted, value)] == []
    assert [value for value in misses if match(wanted, value)] == []


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ([], "Filter is not an object"),
        ({}, "Empty objects are not allowed"),
        ({"a": {}}, "Empty objects are not allowed"),
        ({"a": []}, "Empty arrays are not allowed"),
        ({"a": "x"}, '"a" must be an object or an array'),
        ({"a": [["x"]]}, "Match value must be String, number, true, false, or null"),
        ({"a": [{}]}, "Match expression name not found"),
        ({"a": [{"like": "x"}]}, "Unrecognized match type like"),
        ({"a": [{"Prefix": "x"}]}, "Unrecognized match type Prefix"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "Only one key allowed in match expression"),
        ({"a": [{"prefix": 1}]}, "prefix match pattern must be a string"),
        ({"a": [{"prefix": {"wildcard": "x"}}]}, "Unsupported prefix pattern: wildcard"),
        ({"a": [{"equals-ignore-case": ["x"]}]}, "must be a string"),
        ({"a": [{"wildcard": "a**b"}]}, "Consecutive wildcard characters"),
        ({"a": [{"wildcard": "a\\b"}]}, "Invalid escape character"),
        ({"a": [{"wildcard": "a\\"}]}, "Invalid escape character"),
        ({"a": [{"numeric": ">"}]}, "Value of numeric must be an array."),
        ({"a": [{"numeric": [">"]}]}, "Invalid member in numeric match"),
        ({"a": [{"numeric": [">", "5"]}]}, "Value of > must be numeric"),
        ({"a": [{"numeric": ["!", 5]}]}, "Unrecognized numeric range operator: !"),
        ({"a": [{"numeric": ["<", 5, ">", 1]}]}, "Too many elements"),
        ({"a": [{"numeric": [">", 1, ">", 5]}]}, "Bad numeric range operator: >"),
        ({"a": [{"numeric": [">", 5, "<", 1]}]}, "Bottom must be less than top"),
        ({"a": [{"numeric": [">", 1, "<", 5, "<", 7]}]}, "Too many elements"),
        ({"a": [{"numeric": ["<", 6e9]}]}, "Value must be between -5.0E9 and 5.0E9"),
        ({"a": [{"cidr": "10.0.0.0/33"}]}, "Malformed CIDR"),
        ({"a": [{"cidr": 10}]}, "must be a string"),
        ({"a": [{"exists": "yes"}]}, "exists match pattern must be either true or false."),
        ({"a": [{"anything-but": ["x", 1]}]}, "mixed type is not supported"),
        ({"a": [{"anything-but": []}]}, "Empty arrays are not allowed"),
        ({"a": [{"anything-but": None}]}, "start|null|boolean is not supported"),
        ({"a": [{"anything-but": [True]}]}, "start|null|boolean is not supported"),
        ({"a": [{"anything-but": {}}]}, "expression name not found"),
        ({"a": [{"anything-but": {"cidr": "::/0"}}]}, "Unsupported anything-but pattern: cidr"),
        ({"a": [{"anything-but": {"prefix": ""}}]}, "Null prefix/suffix not allowed"),
        ({"a": [{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}]}, "must be a string"),
        ({"$or": [{"a": ["x"]}]}, "Unrecognized match type a"),
    ],
)
def test_a_bad_pattern_is_refused_with_the_reason(pattern: Any, reason: str) -> None:
    """API_PutRule.html: InvalidEventPatternException."""
    with pytest.raises(InvalidPattern) as refusal:
        compile_pattern(pattern)
    assert reason in str(refusal.value)


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidPattern):
        parse_pattern("{")


def test_every_named_field_must_match_and_keys_are_case_sensitive() -> None:
    """eb-event-patterns.html"""
    pattern = parse_pattern('{"source": ["a"], "detail": {"state": ["on"]}}')
    assert pattern.matches({"source": "a", "detail": {"state": "on", "more": 1}})
    assert not pattern.matches({"source": "a", "detail": {"state": "off"}})
    assert not pattern.matches({"source": "a", "detail": {"State": "on"}})


def test_dotted_names_join_levels_in_pattern_and_event() -> None:
    """github.com/aws/event-ruler: fields are matched by their dotted path."""
    assert parse_pattern('{"detail.a": ["x"]}').matches({"detail": {"a": "x"}})
    assert parse_pattern('{"detail": {"a": ["x"]}}').matches({"detail.a": "x"})


def test_fields_of_an_array_of_objects_match_within_one_element() -> None:
    """eb-event-patterns-arrays.html and github.com/aws/event-ruler, array consistency."""
    pattern = compile_pattern({"items": {"kind": ["pear"], "ripe": [True]}})
    pear, unripe = {"kind": "pear", "ripe": True}, {"kind": "pear", "ripe": False}
    assert pattern.matches({"items": [unripe, pear]})
    assert not pattern.matches({"items": [unripe, {"kind": "plum", "ripe": True}]})


def test_or_joins_alternatives_and_may_nest() -> None:
    """eb-create-pattern-operators.html#eb-filtering-complex-example-or"""
    pattern = compile_pattern(
        {
            "source": ["a"],
            "$or": [{"x": [1]}, {"y": [1], "$or": [{"z": [1]}, {"z": [2]}]}],
        }
    )
    assert pattern.matches({"source": "a", "x": 1})
    assert pattern.matches({"source": "a", "y": 1, "z": 2})
    assert not pattern.matches({"source": "a", "y": 1})
    assert not pattern.matches({"source": "b", "x": 1})


def test_or_that_is_no_alternative_is_a_field_name() -> None:
    """github.com/aws/event-ruler: `$or` is special with two or more plain objects only."""
    assert compile_pattern({"$or": {"a": ["x"]}}).matches({"$or": {"a": "x"}})
    assert compile_pattern({"$or": [{"prefix": "x"}, "y"]}).matches({"$or": "y"})


def test_or_unfolds_into_at_most_a_thousand_combinations() -> None:
    """eb-create-pattern-operators.html: $or limits."""
    options = [{f"f{n}": [1]} for n in range(11)]
    with pytest.raises(InvalidPattern):
        compile_pattern({"a": {"$or": options}, "b": {"$or": options}, "c": {"$or": options}})


def test_deep_events_are_matched() -> None:
    """API_PutEvents.html: nested JSON up to 1000 levels."""
    event: Any = "leaf"
    for _ in range(3000):
        event = {"a": event}
    assert not parse_pattern('{"a": ["leaf"]}').matches(event)


scalars = st.sampled_from(["a", "b", "ab", "", 0, 1, 2.5, True, None])
names = st.sampled_from("pqr")
events = st.dictionaries(
    names,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=3,
)
filters = st.one_of(
    scalars,
    st.sampled_from(
        [
            {"prefix": "a"},
            {"suffix": "b"},
            {"anything-but": ["a", "b"]},
            {"anything-but": 1},
            {"anything-but": {"wildcard": "a*"}},
            {"numeric": [">", 0]},
            {"equals-ignore-case": "AB"},
            {"wildcard": "*b"},
            {"exists": True},
            {"exists": False},
        ]
    ),
)
fields = st.lists(filters, min_size=1, max_size=3)
branches = st.dictionaries(
    names,
    st.recursive(
        fields, lambda inner: st.dictionaries(names, inner, min_size=1, max_size=2), max_leaves=4
    ),
    min_size=1,
    max_size=3,
)
patterns = branches | st.builds(lambda left, right: {"$or": [left, right]}, branches, branches)


def selections(node: Any) -> Iterator[Any]:
    """Every way to put one element in the place of each array; nothing for an empty one."""
    if isinstance(node, list):
        if not node:
            yield ABSENT
        for item in node:
            yield from selections(item)
    elif isinstance(node, dict):
        choices = [list(selections(value)) for value in node.values()]
        for chosen in itertools.product(*choices):
            pairs = zip(node, chosen, strict=True)
            yield {name: value for name, value in pairs if value is not ABSENT}
    else:
        yield node


def leaves(node: Any, path: tuple[str, ...]) -> list[Any]:
    found = [node]
    for name in path:
        found = [item[name] for item in found if isinstance(item, dict) and name in item]
    return [item for item in found if not isinstance(item, dict)]


def plainly(pattern: Any, event: Any, every: list[Any], path: tuple[str, ...] = ()) -> bool:
    """The rules of matching, word for word, on an event without arrays."""
    if isinstance(pattern, dict):
        return all(
            any(plainly(option, event, every, path) for option in wanted)
            if name == "$or"
            else plainly(wanted, event, every, (*path, name))
            for name, wanted in pattern.items()
        )
    here = leaves(event, path)
    anywhere = any(leaves(other, path) for other in every)
    return any(
        (not anywhere)
        if item == {"exists": False}
        else bool(here)
        and (
            item == {"exists": True}
            or (
                build_filter(*next(iter(item.items())))(here[0])
                if isinstance(item, dict)
                else type(item) in (type(here[0]), *NUMBERS.get(type(here[0]), ()))
                and item == here[0]
            )
        )
        for item in pattern
    )


NUMBERS: dict[type, tuple[type, ...]] = {int: (float,), float: (int,)}


@given(pattern=patterns, event=events)
def test_matching_agrees_with_trying_every_choice_of_array_elements(
    pattern: dict[str, Any], event: dict[str, Any]
) -> None:
    """eb-event-patterns-arrays.html"""
    every = list(selections(event))
    naive = any(plainly(pattern, chosen, every) for chosen in every)
    assert parse_pattern(json.dumps(pattern)).matches(event) is naive
