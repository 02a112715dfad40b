from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chalicelib.generation.bodies.structured_output import narrow_schema

TEXT = {"type": "string"}


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_objects_should_be_closed_at_every_depth() -> None:
    schema = {
        **an_object(a={"anyOf": [an_object(b=TEXT), {"type": "null"}]}, c={"$ref": "#/$defs/c"}),
        "$defs": {"c": {"type": "array", "items": an_object(d=TEXT)}},
        "required": ["a"],
    }
    found = narrow_schema(schema)
    assert found is not None
    assert found["additionalProperties"] is False
    assert found["properties"]["a"]["anyOf"][0]["additionalProperties"] is False
    assert found["$defs"]["c"]["items"]["additionalProperties"] is False
    assert found["required"] == ["a"]
    assert "additionalProperties" not in schema


def test_what_only_narrows_a_value_should_be_left_to_the_check() -> None:
    number = {"type": "integer", "minimum": 1, "maximum": 5, "multipleOf": 2, "title": "N"}
    text = {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^a", "format": "x"}
    listed = {"type": "array", "items": TEXT, "minItems": 3, "uniqueItems": True}
    found = narrow_schema(
        an_object(n=number, t=text, l=listed, d={"type": "string", "format": "date"})
    )
    assert found is not None
    assert found["properties"] == {
        "n": {"type": "integer", "title": "N"},
        "t": TEXT,
        "l": {"type": "array", "items": TEXT},
        "d": {"type": "string", "format": "date"},
    }


@pytest.mark.parametrize(
    "schema",
    [
        {},
        TEXT,
        {"type": "object"},
        an_object(a={"type": ["object", "null"]}),
        {**an_object(a=TEXT), "additionalProperties": True},
        {**an_object(a=TEXT), "additionalProperties": TEXT},
        {**an_object(a=TEXT), "patternProperties": {"^x": TEXT}},
        an_object(a={"oneOf": [TEXT]}),
        an_object(a={"not": TEXT}),
        an_object(a={"enum": [{"b": 1}]}),
        an_object(a=True),
        an_object(a={"$ref": "https://example.com/schema"}),
        an_object(a={"$ref": "#/$defs/none"}),
        {**an_object(a={"$ref": "#/$defs/n"}), "$defs": {"n": an_object(n={"$ref": "#/$defs/n"})}},
        an_object(a={"$ref": "#"}),
    ],
)
def test_what_the_api_cannot_hold_should_be_left_to_words(schema: dict[str, Any]) -> None:
    assert narrow_schema(schema) is None


def test_definitions_that_lead_to_one_another_often_should_be_walked_once() -> None:
    names = [f"n{number}" for number in range(40)]
    definitions = {
        name: an_object(a={"$ref": f"#/$defs/{after}"}, b={"$ref": f"#/$defs/{after}"})
        for name, after in itertools.pairwise(names)
    }
    schema = {**an_object(a={"$ref": "#/$defs/n0"}), "$defs": {**definitions, "n39": TEXT}}
    assert narrow_schema(schema) is not None


SCHEMAS = st.recursive(
    st.sampled_from([TEXT, {"type": "integer", "minimum": 3}, {"enum": ["a", 1, None]}]),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, max_size=2).map(lambda p: an_object(**p)),
        inner.map(lambda each: {"type": "array", "items": each, "maxItems": 2}),
        st.lists(inner, min_size=1, max_size=2).map(lambda each: {"anyOf": each}),
    ),
    max_leaves=8,
)
VALUES = st.recursive(
    st.sampled_from(["a", "x", 1, 4, None]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from("abc"), SCHEMAS, max_size=2), VALUES)
def test_the_copy_should_be_a_schema_that_is_stable_and_never_less_closed(
    properties: dict[str, Any], value: Any
) -> None:
    schema = an_object(**properties)
    found = narrow_schema(schema)
    assert found is not None
    Draft202012Validator.check_schema(found)
    assert narrow_schema(found) == found
    closed = {**schema, "additionalProperties": False}
    if isinstance(value, dict) and Draft202012Validator(found).is_valid(value):
        assert set(value) <= set(closed["properties"])
