from __future__ import annotations

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
