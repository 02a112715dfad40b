"""One plain schema for a place: `$ref` followed, `allOf` merged, alternatives with null joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from pydantic import JsonValue

from chalicelib.extraction.schema_checks import SchemaPart, canonical_json, escaped, exact, refused

MAX_REFERENCES = 1_000
"""The most references and parts of allOf that are followed for one schema."""
MAX_CHAIN = 32
"""The most references that lead from one to the next."""
_NULL = "null"
_LARGEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_SMALLEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_OWN = (
    *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
    *("$comment", "$id", "$schema", "$anchor", "$defs", "definitions"),
    *("x-kind", "x-unit", "x-enum-synonyms", "x-rules", "x-min-confidence"),
)
"""Keywords that annotate: the ones nearest to the place count."""


class SchemaMerger:
    """Resolves the places of one schema; counts what it follows, so that none can explode."""

    def __init__(self, root: SchemaPart) -> None:
        self._root = root
        self._left = MAX_REFERENCES

    def plain(
        self, part: JsonValue | SchemaPart, pointer: str, within: Sequence[str] = ()
    ) -> tuple[dict[str, JsonValue], tuple[str, ...]]:
        """Return the schema of a place without references, allOf and alternatives of null.

        A place that may be null has "null" in its list of types.

        Args:
            part: The schema as it stands there.
            pointer: The place, for errors.
            within: The references through which the place was reached.

        Returns:
            The plain schema, and the references followed to reach what is in it.

        Raises:
            InvalidInput: a reference or a combination cannot be followed.
        """
        if not isinstance(part, Mapping):
            reason = "false allows no value" if part is False else "it does not say what is wanted"
            raise refused(pointer, reason, "give it a type, or remove the property")
        own = {name: value for name, value in part.items() if name not in ("$ref", "allOf")}
        followed = tuple(within)
        others: list[tuple[SchemaPart, tuple[str, ...]]] = []
        if "$ref" in part:
            target, reference = self._target(part["$ref"], f"{pointer}/$ref", within)
            plain, references = self.plain(target, pointer, (*within, reference))
            plain.pop("title", None)  # it names the form, which several places may have
            others.append((plain, references))
        for number, each in enumerate(cast("list[JsonValue]", part.get("allOf", []))):
            self._count(pointer)
            others.append(self.plain(each, f"{pointer}/allOf/{number}", within))
        for other, references in others:
            own = merged(own, other, pointer)
            followed = (*followed, *(name for name in references if name not in followed))
        return self._with_alternatives(own, pointer, followed)

    def _count(self, pointer: str) -> None:
        self._left -= 1
        if self._left < 0:
            reason = f"it takes more than {MAX_REFERENCES} references"
            raise refused(pointer, reason, "write repeated parts with fewer", MAX_REFERENCES)

    def _target(
        self, reference: JsonValue, pointer: str, within: Sequence[str]
    ) -> tuple[JsonValue | SchemaPart, str]:
        """Return the part of the schema that a reference names."""
        self._count(pointer)
        name = str(reference)
        if name != "#" and not name.startswith("#/"):
            reason = f"{name[:100]!r} leads outside the schema"
            raise refused(pointer, reason, "put the part in $defs and write #/$defs/NAME")
        if len(within) >= MAX_CHAIN:
            reason = f"more than {MAX_CHAIN} references lead to it, one after another"
            raise refused(pointer, reason, "refer to the part itself", MAX_CHAIN)
        if name in within or name == "#":
            reason = f"{name[:100]!r} leads back into itself, and no document is endless"
            raise refused(pointer, reason, "describe as many levels as the documents have")
        target: JsonValue | SchemaPart = self._root
        for token in name[2:].split("/"):
            step = token.replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping) and step in target:
                target = target[step]
            elif isinstance(target, list) and step.isdecimal() and int(step) < len(target):
                target = target[int(step)]
            else:
                reason = f"{name[:100]!r} names no part of the schema"
                raise refused(pointer, reason, "correct it, or add the part to $defs")
        return target, name

    def _with_alternatives(
        self, part: dict[str, JsonValue], pointer: str, followed: tuple[str, ...]
    ) -> tuple[dict[str, JsonValue], tuple[str, ...]]:
        for keyword in ("anyOf", "oneOf"):
            if keyword not in part:
                continue
            choices = cast("list[JsonValue]", part.pop(keyword))
            place = f"{pointer}/{keyword}"
            plain = [
                self.plain(choice, f"{place}/{number}", followed)
                for number, choice in enumerate(choices)
            ]
            values = [choice for choice, _ in plain if types(choice) != (_NULL,)]
            is_nullable = len(values) < len(plain) or any(_NULL in types(each) for each in values)
            chosen = _one_of(values, keyword, place)
            allowed = tuple(name for name in types(chosen) if name != _NULL)
            if allowed:
                chosen = {**chosen, "type": [*allowed, *([_NULL] if is_nullable else [])]}
            part = merged(part, chosen, pointer)
            for _, references in plain:
                followed = (*followed, *(name for name in references if name not in followed))
        return part, followed


def types(part: SchemaPart) -> tuple[str, ...]:
    """Return the types that a plain schema allows, () if it names none."""
    named = part.get("type", [])
    return tuple(str(name) for name in named) if isinstance(named, list) else (str(named),)


def _one_of(choices: list[dict[str, JsonValue]], keyword: str, pointer: str) -> SchemaPart:
    """Return the alternative that documents are read by."""
    if not choices:
        raise refused(pointer, "it allows nothing but null", "name the type of the value")
    if len(choices) == 1:
        return choices[0]
    if all("const" in choice for choice in choices):
        return _enumeration(choices)
    is_scalar = all({"object", "array"}.isdisjoint(types(choice)) for choice in choices)
    if keyword == "anyOf" and is_scalar and all(types(choice) for choice in choices):
        return choices[0]
    reason = f"{keyword} leaves open which of {len(choices)} forms is wanted"
    raise refused(pointer, reason, "name one form; null may stand beside it")


def _enumeration(choices: list[dict[str, JsonValue]]) -> SchemaPart:
    """Return alternatives of one value each as an enum; their titles are synonyms."""
    synonyms: dict[str, JsonValue] = {
        str(choice["const"]): [choice["title"]] for choice in choices if choice.get("title")
    }
    return {"enum": [choice["const"] for choice in choices], "x-enum-synonyms": synonyms}


def merged(own: SchemaPart, other: SchemaPart, pointer: str) -> dict[str, JsonValue]:
    """Return the schema of values that keep to both; annotations of `own` come first.

    Raises:
        InvalidInput: no value keeps to both, or it cannot be said by one schema.
    """
    result = dict(own)
    _check_closed(own, other, pointer)
    _check_closed(other, own, pointer)
    for name, theirs in other.items():
        if name not in own:
            result[name] = theirs
        elif name in _MERGERS:
            result[name] = _MERGERS[name](own[name], theirs, f"{pointer}/{escaped(name)}")
        elif name not in _OWN and own[name] != theirs:
            raise _conflict(f"{pointer}/{escaped(name)}", own[name], theirs)
    return result


def _conflict(pointer: str, one: JsonValue, other: JsonValue) -> Exception:
    reason = f"{str(one)[:80]!r} and {str(other)[:80]!r} cannot both hold"
    return refused(pointer, reason, "keep one of them")


def _check_closed(closed: SchemaPart, other: SchemaPart, pointer: str) -> None:
    """Refuse properties that a part of allOf adds to one that allows no others."""
    names, added = closed.get("properties", {}), other.get("properties", {})
    if closed.get("additionalProperties") is not False or not isinstance(added, Mapping):
        return
    extra = [name for name in added if not isinstance(names, Mapping) or name not in names]
    if extra:
        reason = f"a part of it that allows no other properties has no {extra[0]!r}"
        raise refused(pointer, reason, "use unevaluatedProperties, or one list of properties")


def _types(own: JsonValue, other: JsonValue, pointer: str) -> JsonValue:
    ours, theirs = types({"type": own}), types({"type": other})
    both = [name for name in ours if name in theirs or (name == "integer" and "number" in theirs)]
    both += [name for name in theirs if name == "integer" and "number" in ours and name not in both]
    if not both:
        raise _conflict(pointer, own, other)
    return cast("JsonValue", both)


def _properties(own: JsonValue, other: JsonValue, pointer: str) -> JsonValue:
    ours, theirs = cast("dict[str, JsonValue]", own), cast("dict[str, JsonValue]", other)
    shared: dict[str, JsonValue] = {
        name: {"allOf": [ours[name], theirs[name]]} for name in ours if name in theirs
    }
    return {**ours, **theirs, **shared}


def _items(own: JsonValue, other: JsonValue, pointer: str) -> JsonValue:
    return {"allOf": [own, other]}


def _union(own: JsonValue, other: JsonValue, pointer: str) -> JsonValue:
    ours, theirs = cast("list[JsonValue]", own), cast("list[JsonValue]", other)
    return [*ours, *(each for each in theirs if each not in ours)]


def _enum(own: JsonValue, other: JsonValue, pointer: str) -> JsonValue:
    theirs = {canonical_json(each) for each in cast("list[JsonValue]", other)}
    both = [each for each in cast("list[JsonValue]", own) if canonical_json(each) in theirs]
    if not both:
        raise _conflict(pointer, own, other)
    return both


def _multiple(own: JsonValue, other: JsonValue, pointer: str) -> JsonValue:
    one, two = exact(own), exact(other)
    if one and two and one % two == 0:
        return own
    if one and two and two % one == 0:
        return other
    raise _conflict(pointer, own, other)


def _larger(own: JsonValue, other: JsonValue, pointer: str) -> JsonValue:
    return max(cast("float", own), cast("float", other))


def _smaller(own: JsonValue, other: JsonValue, pointer: str) -> JsonValue:
    return min(cast("float", own), cast("float", other))


def _nearest_false(own: JsonValue, other: JsonValue, pointer: str) -> JsonValue:
    return False if own is False or other is False else own


_MERGERS: Mapping[str, Callable[[JsonValue, JsonValue, str], JsonValue]] = {
    "type": _types,
    "properties": _properties,
    "items": _items,
    "required": _union,
    "x-synonyms": _union,
    "enum": _enum,
    "multipleOf": _multiple,
    "additionalProperties": _nearest_false,
    "unevaluatedProperties": _nearest_false,
    **dict.fromkeys(_LARGEST, _larger),
    **dict.fromkeys(_SMALLEST, _smaller),
}
