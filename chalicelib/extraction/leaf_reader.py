"""A leaf of a plain schema: its kind, its names and what its values keep to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

from pydantic import JsonValue

from chalicelib.extraction.leaves import NUMERIC_KINDS, Constraints, Leaf, LeafKind
from chalicelib.extraction.schema_checks import (
    MAX_ENUM,
    MAX_NAME,
    MAX_SYNONYMS,
    TYPES,
    SchemaPart,
    check_numbers,
    check_range,
    escaped,
    exact,
    is_of_type,
    refused,
)
from chalicelib.extraction.schema_merger import types

MAX_DESCRIPTION_AS_NAME = 80
"""The most characters of a description that may stand in a document as a label does."""
_FORMATS = {
    "date": LeafKind.DATE,
    "date-time": LeafKind.DATE_TIME,
    "time": LeafKind.TIME,
    "email": LeafKind.EMAIL,
    "idn-email": LeafKind.EMAIL,
    "uri": LeafKind.URL,
    "iri": LeafKind.URL,
    "url": LeafKind.URL,
    "uuid": LeafKind.IDENTIFIER,
    **{kind.value: kind for kind in (LeafKind.IBAN, LeafKind.VAT, LeafKind.PHONE)},
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")


def read_leaf(
    part: SchemaPart,
    pointer: str,
    path: tuple[str, ...],
    parents: tuple[tuple[str, ...], ...],
    required: bool,
) -> Leaf:
    """Return the leaf of a plain schema.

    Args:
        part: The schema, without references and alternatives.
        pointer: Its place in the schema, for errors.
        path: The property names that lead to it, () for the items of a list of scalars.
        parents: The names of the objects around it.
        required: Whether its object requires it.

    Raises:
        InvalidInput: it contradicts itself, or no document can fill it.
    """
    json_type = _json_type(part, pointer)
    kind = _kind(part, pointer, json_type)
    check_range(part, pointer, "minLength", "maxLength")
    check_numbers(part, pointer, json_type == "integer")
    return Leaf(
        path=path,
        pointer="".join(f"/{escaped(name)}" for name in path),
        kind=kind,
        json_type=json_type,
        names=label_names(path[-1], part, pointer) if path else _titles(part, pointer),
        parents=parents,
        description=str(part.get("description", "")),
        examples=tuple(
            each
            for each in cast("list[JsonValue]", part.get("examples", []))
            if is_of_type(each, json_type) and len(str(each)) <= MAX_NAME
        ),
        enum=_enum(part, pointer, json_type),
        synonyms=_value_synonyms(part, pointer, json_type),
        required=required,
        nullable="null" in types(part) or None in cast("list[JsonValue]", part.get("enum", [])),
        unit=_unit(part, pointer, kind),
        constraints=_constraints(part),
        min_confidence=min_confidence(part, pointer),
    )


def label_names(key: str, part: SchemaPart, pointer: str) -> tuple[str, ...]:
    """Return what a document may call a property: title, key in words, synonyms, description."""
    words = " ".join(_WORD.findall(key)) or key
    words = " ".join(word if word.isupper() else word.lower() for word in words.split())
    title, *others = [*_titles(part, pointer), ""]
    names = [title, words, *others] if part.get("title") else [words, title, *others]
    described = str(part.get("description", "")).strip()
    names += [described] if len(described) <= MAX_DESCRIPTION_AS_NAME else []
    distinct: dict[str, str] = {}
    for name in names:
        distinct.setdefault(name.casefold(), name)
    return tuple(name for name in distinct.values() if name)


def _titles(part: SchemaPart, pointer: str) -> tuple[str, ...]:
    synonyms = part.get("x-synonyms", [])
    if not _are_texts(synonyms):
        reason = f"it is no list of at most {MAX_SYNONYMS} texts of at most {MAX_NAME} characters"
        raise refused(f"{pointer}/x-synonyms", reason, "correct it", MAX_SYNONYMS)
    title = str(part.get("title", "")).strip()[:MAX_NAME]
    return tuple(name for name in (title, *cast("list[str]", synonyms)) if name.strip())


def _are_texts(values: JsonValue) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= MAX_SYNONYMS
        and all(isinstance(each, str) and 0 < len(each.strip()) <= MAX_NAME for each in values)
    )


def _json_type(part: SchemaPart, pointer: str) -> str:
    """Return the type of the values; the first one if several are allowed."""
    named = [name for name in types(part) if name in TYPES]
    if named:
        return named[0]
    values = _allowed(part)
    for json_type in ("boolean", "integer", "number", "string"):
        if values and all(is_of_type(each, json_type) for each in values):
            return json_type
    if values:
        raise refused(pointer, "its values are of several types", "name their type")
    if "x-kind" in part or "format" in part or "pattern" in part:
        return "number" if str(part.get("x-kind", "")) in NUMERIC_KINDS else "string"
    raise refused(pointer, "it does not say what is wanted", f"give it a type: {', '.join(TYPES)}")


def _allowed(part: SchemaPart) -> list[JsonValue]:
    """Return the values of enum or const, without null."""
    values = [part["const"]] if "const" in part else part.get("enum", [])
    return [each for each in cast("list[JsonValue]", values) if each is not None]


def _kind(part: SchemaPart, pointer: str, json_type: str) -> LeafKind:
    if "x-kind" in part:
        return _named_kind(part, pointer, json_type)
    if json_type == "boolean":
        return LeafKind.BOOLEAN
    if _allowed(part):
        return LeafKind.ENUM
    if json_type != "string":
        return LeafKind(json_type)
    if part.get("format") in _FORMATS:
        return _FORMATS[str(part["format"])]
    return LeafKind.IDENTIFIER if "pattern" in part else LeafKind.TEXT


def _named_kind(part: SchemaPart, pointer: str, json_type: str) -> LeafKind:
    place, named = f"{pointer}/x-kind", str(part["x-kind"])
    if named not in tuple(LeafKind):
        raise refused(place, f"{named[:100]!r} is no kind", f"use one of {', '.join(LeafKind)}")
    kind = LeafKind(named)
    fits = {
        LeafKind.BOOLEAN: ("boolean",),
        LeafKind.INTEGER: ("integer", "number", "string"),
        LeafKind.ENUM: TYPES,
        **dict.fromkeys(NUMERIC_KINDS - {LeafKind.INTEGER}, ("number", "integer", "string")),
    }.get(kind, ("string",))
    if json_type not in fits:
        reason = f"values of kind {named} are no {json_type}"
        raise refused(place, reason, f"set type to {fits[0]}, or name another kind")
    if kind is LeafKind.ENUM and not _allowed(part):
        raise refused(place, "the kind enum has no values", "list them in enum")
    return kind


def _enum(part: SchemaPart, pointer: str, json_type: str) -> tuple[JsonValue, ...]:
    """Return the allowed values that keep to all else that the schema says."""
    from chalicelib.generation.schemas import schema_violation

    if "const" not in part and "enum" not in part:
        return ()
    place = f"{pointer}/{'const' if 'const' in part else 'enum'}"
    values = _allowed(part)
    if not values:
        raise refused(place, "it allows no value", "list the values, or remove it")
    if len(values) > MAX_ENUM:
        raise refused(place, f"it has {len(values)} values", f"keep to {MAX_ENUM}", MAX_ENUM)
    for each in values:
        if not is_of_type(each, json_type):
            reason = f"{str(each)[:80]!r} is not of type {json_type}"
            raise refused(place, reason, "correct the value or the type")
    own: Mapping[str, JsonValue] = {
        name: value for name, value in part.items() if not name.startswith(("x-", "$"))
    }
    kept = tuple(each for each in values if not schema_violation(each, own))
    if not kept:
        raise refused(place, "none of its values keeps to the rest", "correct one of them")
    return kept


def _value_synonyms(part: SchemaPart, pointer: str, json_type: str) -> dict[str, tuple[str, ...]]:
    place, named = f"{pointer}/x-enum-synonyms", part.get("x-enum-synonyms", {})
    if not isinstance(named, Mapping) or not all(_are_texts(each) for each in named.values()):
        reason = f"it does not give each value at most {MAX_SYNONYMS} texts"
        raise refused(place, reason, 'write {"value": ["synonym"]}', MAX_SYNONYMS)
    values = _allowed(part) or ([True, False] if json_type == "boolean" else [])
    known = {value_text(each) for each in values}
    for value in named:
        if value not in known:
            fix = f"use {', '.join(sorted(known))[:MAX_NAME] or 'it beside enum'}"
            raise refused(f"{place}/{escaped(value)}", "it is none of the values", fix)
    return {value: tuple(cast("Sequence[str]", each)) for value, each in named.items()}


def value_text(value: JsonValue) -> str:
    """Return an allowed value as `x-enum-synonyms` names it: true and false as JSON has them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unit(part: SchemaPart, pointer: str, kind: LeafKind) -> str:
    unit = part.get("x-unit", "")
    if not isinstance(unit, str) or (unit and kind is not LeafKind.QUANTITY):
        fix = 'name a unit such as "kg", beside "x-kind": "quantity"'
        raise refused(f"{pointer}/x-unit", "it is no unit of a quantity", fix)
    return unit


def min_confidence(part: SchemaPart, pointer: str) -> float | None:
    """Return how sure values have to be, None where the schema does not say.

    Raises:
        InvalidInput: it is no probability.
    """
    told = part.get("x-min-confidence")
    if told is None:
        return None
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told <= 1:
        fix = "give a probability from 0 to 1, such as 0.6"
        raise refused(f"{pointer}/x-min-confidence", "it is no probability", fix)
    return float(told)


def _constraints(part: SchemaPart) -> Constraints:
    low, open_low = exact(part.get("minimum")), exact(part.get("exclusiveMinimum"))
    high, open_high = exact(part.get("maximum")), exact(part.get("exclusiveMaximum"))
    is_open_low = open_low is not None and (low is None or open_low >= low)
    is_open_high = open_high is not None and (high is None or open_high <= high)
    shortest, longest = exact(part.get("minLength")), exact(part.get("maxLength"))
    return Constraints(
        minimum=open_low if is_open_low else low,
        maximum=open_high if is_open_high else high,
        exclusive_minimum=is_open_low,
        exclusive_maximum=is_open_high,
        multiple_of=exact(part.get("multipleOf")),
        min_length=None if shortest is None else int(shortest),
        max_length=None if longest is None else int(longest),
        pattern=str(part.get("pattern", "")),
        const="const" in part,
    )
