"""Description of a JSON Schema in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

Json = Any

_BOUNDS = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("maxProperties", "at most {} names"),
    ("pattern", "like <code>{}</code>"),
)


def name_of(schema: Mapping[str, Json]) -> str:
    """Return the name of the schema that a reference refers to."""
    return str(schema["$ref"]).rpartition("/")[2]


def rows_of(schema: Mapping[str, Json]) -> Iterator[tuple[str, str, bool, Mapping[str, Json]]]:
    """Yield name, kind, whether it is required, and the schema, of each field of an object."""
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        yield name, kind_of(field), name in required, field


def kind_of(schema: Mapping[str, Json]) -> str:
    """Return the type of a value of `schema`, as HTML."""
    if "$ref" in schema:
        name = escape(name_of(schema))
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind_of(each) for each in schema["anyOf"]))
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    return ", ".join((_plain(schema), *_bounds(schema)))


def _plain(schema: Mapping[str, Json]) -> str:
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {kind_of(schema['additionalProperties'])}"
    return str(schema.get("format", kind))


def _bounds(schema: Mapping[str, Json]) -> Iterator[str]:
    for name, text in _BOUNDS:
        if name in schema:
            yield text.format(escape(str(schema[name])))
    if schema.get("default") not in (None, "", [], {}):
        yield f"<code>{escape(str(schema['default']))}</code> unless given"
