from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput
from chalicelib.prompts.schemas import check_schema

PERSON: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "pattern": "^[A-Z]"},
        "age": {"type": ["integer", "null"], "minimum": 0},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "uniqueItems": True},
        "kind": {"enum": ["a", "b"], "description": "What it is.", "default": "a"},
        "either": {"anyOf": [{"const": 1}, {"type": "number", "multipleOf": 0.5}]},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"tag": {"type": "string", "maxLength": 9}},
}


def test_should_take_what_models_are_held_to() -> None:
    check_schema(PERSON)
    jsonschema.Draft202012Validator.check_schema(PERSON)


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "text"}, "output_schema.type"),
        ({"type": []}, "output_schema.type"),
        ({"typ": "string"}, "output_schema.typ"),
        ({"properties": ["a"]}, "output_schema.properties"),
        ({"properties": {"a": "string"}}, "output_schema.properties.a"),
        ({"properties": {"a": {"minLength": -1}}}, "output_schema.properties.a.minLength"),
        ({"items": {"minimum": "0"}}, "output_schema.items.minimum"),
        ({"required": ["a", "a"]}, "output_schema.required"),
        ({"required": "a"}, "output_schema.required"),
        ({"enum": []}, "output_schema.enum"),
        ({"anyOf": []}, "output_schema.anyOf"),
        ({"anyOf": [{}, 3]}, "output_schema.anyOf.1"),
        ({"pattern": "("}, "output_schema.pattern"),
        ({"multipleOf": 0}, "output_schema.multipleOf"),
        ({"uniqueItems": 1}, "output_schema.uniqueItems"),
        ({"$ref": "https://example.com/a"}, "output_schema.$ref"),
        ({"$ref": "#/$defs/a", "$defs": {"b": {}}}, "output_schema.$ref"),
        ({"$defs": {"b": 1}}, "output_schema.$defs.b"),
    ],
)
def test_should_name_the_place_of_what_is_wrong(schema: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_schema(schema)
    assert caught.value.field == place
    assert place in caught.value.message


def test_should_bound_how_deep_a_schema_goes() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(20):
        schema = {"items": schema}
    check_schema(schema)
    with pytest.raises(InvalidInput, match="at most 20 deep"):
        check_schema({"items": schema})


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["string", "object", "a", "("]),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
_WITHIN = ("items", "properties", "anyOf", "additionalProperties", "$defs", "not", "prefixItems")
_BOUNDS = ("minimum", "minLength", "pattern", "uniqueItems", "multipleOf", "maxItems", "required")
_KEYWORDS = st.sampled_from([*_WITHIN, *_BOUNDS, "type", "enum", "const", "title", "examples"])
_SCHEMAS = st.recursive(
    st.dictionaries(_KEYWORDS, _VALUES, max_size=3),
    lambda inner: st.dictionaries(
        _KEYWORDS,
        inner | st.lists(inner, max_size=2) | st.dictionaries(st.just("a"), inner, max_size=1),
        max_size=3,
    ),
    max_leaves=6,
)


@given(_SCHEMAS)
def test_should_take_nothing_that_is_no_json_schema(schema: dict[str, Any]) -> None:
    try:
        check_schema(schema)
    except InvalidInput:
        return
    jsonschema.Draft202012Validator.check_schema(schema)
