"""Validation of output schemas: the supported part of JSON Schema.

It is roughly what models with structured output support: types, objects, lists, enums, bounds,
alternatives, and references within the schema. A keyword that would be ignored is refused.
https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pydantic import JsonValue

from chalicelib.errors import InvalidInput
from chalicelib.generation.patterns import PatternError, compile_pattern

MAX_DEPTH = 20
TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_FIELD = "output_schema"
_DEFINITION = re.compile(r"#/\$defs/([A-Za-z0-9_.-]+)")


def check_schema(schema: Mapping[str, JsonValue]) -> None:
    """Raise `InvalidInput` if the schema is not valid; the error names the place in it."""
    definitions = schema.get("$defs", {})
    known = frozenset(definitions) if isinstance(definitions, dict) else frozenset[str]()
    waiting: list[tuple[str, JsonValue, int]] = [(_FIELD, dict(schema), 0)]
    while waiting:
        place, schema_, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise _wrong(place, f"a schema goes at most {MAX_DEPTH} deep")
        if isinstance(schema_, bool) and depth:
            continue
        if not isinstance(schema_, dict):
            raise _wrong(place, "a schema is an object")
        waiting += _within(place, schema_, depth + 1, known)


def _within(
    place: str, schema: Mapping[str, JsonValue], depth: int, known: frozenset[str]
) -> list[tuple[str, JsonValue, int]]:
    """Return the schemas nested in a schema, whose own keywords are checked."""
    inner: list[tuple[str, JsonValue, int]] = []
    for keyword, value in schema.items():
        at = f"{place}.{keyword}"
        if keyword in _ONE:
            inner.append((at, value, depth))
        elif keyword in _SEVERAL:
            if not isinstance(value, list) or not value:
                raise _wrong(at, "it takes a list of schemas")
            inner += [(f"{at}.{n}", inner_schema, depth) for n, inner_schema in enumerate(value)]
        elif keyword in _NAMED:
            if not isinstance(value, dict):
                raise _wrong(at, "it takes schemas by their names")
            inner += [(f"{at}.{name}", inner_schema, depth) for name, inner_schema in value.items()]
        elif keyword == "$ref":
            _check_reference(at, value, known)
        elif keyword not in _PLAIN:
            raise _wrong(at, "this keyword is not known")
        elif not _PLAIN[keyword][0](value):
            raise _wrong(at, f"it takes {_PLAIN[keyword][1]}")
    return inner


def _check_reference(place: str, value: JsonValue, known: frozenset[str]) -> None:
    found = _DEFINITION.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[1] not in known:
        raise _wrong(place, "it takes #/$defs/NAME, of what is in $defs")


def _is_type(value: JsonValue) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(name in TYPES for name in names)


def _is_count(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_pattern(value: JsonValue) -> bool:
    try:
        return isinstance(value, str) and compile_pattern(value) is not None
    except PatternError:
        return False


def _is_names(value: JsonValue) -> bool:
    texts = [each for each in value if isinstance(each, str)] if isinstance(value, list) else [""]
    return isinstance(value, list) and len({*texts}) == len(value)


_ONE = frozenset({"items", "additionalProperties", "not"})
_SEVERAL = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_NAMED = frozenset({"properties", "$defs"})
_Rule = tuple[Callable[[JsonValue], bool], str]
_TEXT: _Rule = (lambda value: isinstance(value, str), "a text")
_COUNT: _Rule = (_is_count, "a whole number that is not negative")
_NUMBER: _Rule = (_is_number, "a number")
_FLAG: _Rule = (lambda value: isinstance(value, bool), "true or false")
_ANY: _Rule = (lambda value: True, "anything")
_PLAIN: Mapping[str, _Rule] = {
    **dict.fromkeys(("$schema", "title", "description", "format", "$comment"), _TEXT),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), _COUNT),
    **dict.fromkeys(("minProperties", "maxProperties"), _COUNT),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _NUMBER),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),  # type: ignore[operator]
    "uniqueItems": _FLAG,
    "type": (_is_type, f"one or some of {', '.join(TYPES)}"),
    "enum": (lambda value: isinstance(value, list) and bool(value), "a list of values"),
    "required": (_is_names, "a list of names, each once"),
    "pattern": (_is_pattern, "a regular expression"),
    **dict.fromkeys(("const", "default"), _ANY),
    "examples": (lambda value: isinstance(value, list), "a list of values"),
}


def _wrong(place: str, message: str) -> InvalidInput:
    return InvalidInput(f"The schema of the output is none at {place}: {message}.", field=place)
