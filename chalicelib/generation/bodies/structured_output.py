"""JSON Schemas for Bedrock's structured output, which supports a part of draft 2020-12.

Pure. Keywords that only narrow a value (numbers' bounds, lengths, patterns) are left out of the
copy that is sent: a check validates the answer by the whole schema. Objects are closed, as Bedrock
requires. What cannot be expressed that way, such as objects with arbitrary names, is asked for in
words.
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

_KEPT = frozenset({"type", "title", "description", "default", "const"})
_DROPPED = frozenset(
    {
        *("$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "maxItems", "uniqueItems"),
        *("minProperties", "maxProperties", "contentEncoding", "contentMediaType"),
    }
)
_FORMATS = frozenset(
    {
        *("date-time", "time", "date", "duration", "email", "hostname"),
        *("uri", "ipv4", "ipv6", "uuid"),
    }
)
_LISTS = ("anyOf", "allOf")
_NAMED = ("properties", "$defs", "definitions")
_MOST_DEPTH = 64


class _Beyond(Exception):  # noqa: N818 - it is caught here and tells nobody of an error
    """Raised if a schema has a rule that structured output cannot enforce."""


def narrow_schema(schema: Mapping[str, Any]) -> Schema | None:
    """Return the copy of `schema` to send, None if the API cannot enforce it."""
    try:
        copy = _copied(schema, 0)
        _refuse_circles(copy)
    except _Beyond:
        return None
    return copy if copy.get("type") == "object" else None


def _copied(schema: Any, depth: int) -> Schema:
    if not isinstance(schema, Mapping) or depth > _MOST_DEPTH:
        raise _Beyond
    copy: Schema = {}
    for name, value in schema.items():
        if name in _KEPT:
            copy[name] = value
        elif name not in _DROPPED:
            copy |= _keyword(name, value, depth)
    if _is_object(copy):
        if "properties" not in copy:
            raise _Beyond
        copy["additionalProperties"] = False
    return copy


def _keyword(name: str, value: Any, depth: int) -> Schema:
    """Return the form in which a keyword is sent that is neither copied nor dropped."""
    if name in _NAMED and isinstance(value, Mapping):
        return {name: {key: _copied(subschema, depth + 1) for key, subschema in value.items()}}
    if name in _LISTS and isinstance(value, list):
        return {name: [_copied(subschema, depth + 1) for subschema in value]}
    if name == "items":
        return {name: _copied(value, depth + 1)}
    if name == "required" and isinstance(value, list):
        return {name: value}
    if name == "enum" and not any(isinstance(subschema, dict | list) for subschema in value):
        return {name: value}
    if name == "format":
        return {name: value} if value in _FORMATS else {}
    if name == "minItems":
        return {name: value} if value in (0, 1) else {}
    if name == "$ref" and str(value).startswith(("#/$defs/", "#/definitions/")):
        return {name: value}
    if name == "additionalProperties" and value is False:
        return {}
    raise _Beyond


def _is_object(schema: Schema) -> bool:
    kinds = schema.get("type")
    return "properties" in schema or "object" in (kinds if isinstance(kinds, list) else [kinds])


def _refuse_circles(schema: Schema) -> None:
    """Raise `_Beyond` if a definition refers to itself, or a reference leads nowhere."""
    known = {
        f"#/{place}/{name}": subschema
        for place in ("$defs", "definitions")
        for name, subschema in schema.get(place, {}).items()
    }
    plain = {name: value for name, value in schema.items() if name not in ("$defs", "definitions")}
    clear: set[str] = set()
    for ref in _refs(plain):
        _walk(ref, known, (), clear)


def _walk(ref: str, known: Mapping[str, Schema], way: tuple[str, ...], clear: set[str]) -> None:
    if ref in way or ref not in known:
        raise _Beyond
    if ref in clear:
        return
    for target in _refs(known[ref]):
        _walk(target, known, (*way, ref), clear)
    clear.add(ref)


def _refs(schema: Any) -> set[str]:
    if isinstance(schema, Mapping):
        own = {str(schema["$ref"])} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*(_refs(subschema) for subschema in schema.values()))
    if isinstance(schema, list):
        return set[str]().union(*(_refs(subschema) for subschema in schema))
    return set()
