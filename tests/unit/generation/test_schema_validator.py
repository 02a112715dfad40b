from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chalicelib.errors import InvalidInput
from chalicelib.generation.schemas import require_schema, schema_violation

HANGS = "^(a+)+$"
LONG = "a" * 40 + "!"


@pytest.mark.parametrize(
    ("schema", "value", "reason"),
    [
        ({"pattern": HANGS}, LONG, f'$ does not keep to pattern "{HANGS}"'),
        ({"items": {"pattern": HANGS}}, ["aa", LONG], f'$[1] does not keep to pattern "{HANGS}"'),
        ({"propertyNames": {"pattern": HANGS}}, {LONG: 1}, "$ does not keep to pattern"),
        ({"patternProperties": {HANGS: {"type": "null"}}}, {LONG: 1}, ""),
        ({"patternProperties": {HANGS: {"type": "null"}}}, {"aa": 1}, "$.aa does not keep to type"),
        (
            {"patternProperties": {HANGS: {}}, "additionalProperties": False},
            {LONG: 1},
            "$ does not keep to additionalProperties",
        ),
        ({"patternProperties": {HANGS: {}}, "additionalProperties": False}, {"aa": 1}, ""),
        ({"pattern": HANGS}, 7, ""),
    ],
)
def test_patterns_should_be_held_to_and_never_hang(
    schema: dict[str, Any], value: Any, reason: str
) -> None:
    require_schema(schema, "json_schema")
    told = schema_violation(value, schema)
    assert told.startswith(reason)
    assert bool(told) == bool(reason)


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"a": {"pattern": "(?=a)"}}}, ".properties.a.pattern"),
        ({"properties": {"a": {"pattern": "[a-z"}}}, ".properties.a.pattern"),
        ({"$defs": {"a": {"patternProperties": {"(?!a)": {}}}}}, "['$defs'].a.patternProperties"),
        ({"anyOf": [{"pattern": r"(a)\1"}]}, ".anyOf[0].pattern"),
        ({"unevaluatedProperties": False, "allOf": [{"patternProperties": {"a": {}}}]}, ""),
    ],
)
def test_a_pattern_that_is_not_supported_should_be_told_with_its_place(
    schema: dict[str, Any], place: str
) -> None:
    with pytest.raises(InvalidInput, match="has a pattern that is not supported") as raised:
        require_schema(schema, "json_schema")
    assert raised.value.field == f"json_schema{place}"
    assert str(raised.value.field) in raised.value.message
    assert "b'" not in raised.value.message
    assert "not supported" in schema_violation({"a": "a"}, schema)


def test_what_re2_knows_and_python_does_not_should_be_a_pattern() -> None:
    schema = {"properties": {"a": {"pattern": r"^\p{Greek}+$"}}}
    require_schema(schema, "json_schema")
    assert schema_violation({"a": "λόγος"}, schema) == ""
    assert "$.a does not keep to pattern" in schema_violation({"a": "logos"}, schema)


def test_what_is_only_called_like_a_keyword_should_be_no_pattern() -> None:
    schema = {
        "properties": {"pattern": {"const": {"pattern": "("}}, "items": {"enum": [{"pattern": 1}]}}
    }
    require_schema(schema, "json_schema")


def test_references_that_multiply_should_end() -> None:
    names = [f"n{n}" for n in range(30)]
    definitions: dict[str, Any] = {
        name: {"allOf": [{"$ref": f"#/$defs/n{n + 1}"}] * 2} for n, name in enumerate(names)
    }
    schema = {"$ref": "#/$defs/n0", "$defs": {**definitions, "n30": {"type": "integer"}}}
    require_schema(schema, "json_schema")
    assert "more than 20000 references" in schema_violation(1, schema)


SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["object", "string"]),
        "pattern": st.sampled_from(["a", "^b$", "[ab]+c"]),
        "properties": st.just({"a": {"pattern": "^a"}}),
        "patternProperties": st.just({"b": {"type": "string"}, "^c": {"pattern": "c$"}}),
        "additionalProperties": st.sampled_from([True, False, {"pattern": "b"}]),
        "$ref": st.just("#/$defs/d"),
    },
)
VALUES = st.text("abc", max_size=3)


@given(
    SCHEMAS, VALUES | st.dictionaries(VALUES, VALUES | st.integers(0, 1), max_size=4) | st.none()
)
def test_should_hold_to_what_jsonschema_holds_to(schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "$defs": {"d": {"not": {"pattern": "ccc"}}}}
    assert (schema_violation(value, whole) == "") == Draft202012Validator(whole).is_valid(value)


@pytest.mark.parametrize(
    ("factor", "value", "fits"),
    [
        (0.01, 19.99, True),
        (0.01, 19.995, False),
        (0.1, 10**400, True),
        (1e-300, 1e300, True),
        (3e-300, 1e300, False),
        (0.5, 10**400 + 1, True),
        (7, 10**400, False),
        (2.0, 3, False),
        (2, 4.0, True),
        (0.1, float("inf"), False),
        (float("inf"), 1.0, False),
    ],
)
def test_multiples_should_be_those_of_the_digits_and_never_overflow(
    factor: float, value: float, fits: bool
) -> None:
    told = schema_violation([value], {"items": {"multipleOf": factor}})
    assert told.startswith("" if fits else "$[0] does not keep to multipleOf")
    assert bool(told) != fits


@pytest.mark.parametrize(
    ("items", "unique"),
    [
        ([1, 1.0], False),
        ([1, True], True),
        ([0, False, "", None, [], {}], True),
        ([[1, True], [1.0, True]], False),
        ([[1, True], [True, 1]], True),
        ([{"a": 1, "b": [0]}, {"b": [0], "a": 1}], False),
        ([{"a": 1}, {"a": True}], True),
        ([10**300, float(10**300), 1e300], False),
        ([2**61, float(2**61)], False),
        ([2**61, 2**61 + 1, str(2**61)], True),
    ],
)
def test_items_should_be_unique_by_their_value_in_json(items: list[Any], unique: bool) -> None:
    assert bool(schema_violation(items, {"uniqueItems": True})) != unique
    assert schema_violation(items, {"uniqueItems": False}) == ""


def test_thousands_of_items_should_be_compared_once_each() -> None:
    """Objects do not sort, and were compared each with each: 20,000 took minutes."""
    items: list[Any] = [{"n": number} for number in range(20_000)]
    assert schema_violation(items, {"uniqueItems": True}) == ""
    told = schema_violation([*items, {"n": 7}], {"uniqueItems": True})
    assert told.startswith("$ does not keep to uniqueItems")
    colliding = [number * sys.hash_info.modulus for number in range(20_000)]
    assert schema_violation(colliding, {"uniqueItems": True}) == ""
