"""JSON Schema of draft 2020-12 as the leaves and lists that are read from documents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from pydantic import JsonValue

from chalicelib.extraction.leaf_reader import label_names, min_confidence, read_leaf
from chalicelib.extraction.leaves import Constraints, Leaf, LeafKind, ListField
from chalicelib.extraction.rules import ExtractionRule, parse_rules
from chalicelib.extraction.schema_checks import (
    MAX_DEPTH,
    MAX_LEAVES,
    MAX_LISTS,
    SchemaPart,
    canonical_json,
    check_keywords,
    check_range,
    checked,
    escaped,
    refused,
)
from chalicelib.extraction.schema_merger import SchemaMerger, types

__all__ = [
    "Constraints",
    "ExtractionSchema",
    "Leaf",
    "LeafKind",
    "ListField",
    "extraction_schema",
]


@dataclass(frozen=True, slots=True)
class ExtractionSchema:
    """Fields, lists and rules to read from a document.

    Attributes:
        source: The JSON Schema as it was given, without text forms of numbers beside numbers.
        sha256: The hash of its canonical JSON, by which it is known.
        leaves: The leaves outside of lists, in the order of the schema.
        lists: The lists, in the order of the schema.
        rules: What the values are to keep to beyond the schema, from `x-rules`.
        min_confidence: How sure a value outside of lists has to be to be given, unless its leaf
            says otherwise; None for what was learned.
    """

    source: Mapping[str, JsonValue]
    sha256: str
    leaves: tuple[Leaf, ...]
    lists: tuple[ListField, ...]
    rules: tuple[ExtractionRule, ...] = ()
    min_confidence: float | None = None


def extraction_schema(source: Mapping[str, JsonValue]) -> ExtractionSchema:
    """Read a JSON Schema whose root is an object.

    Raises:
        InvalidInput: no document can fill it, or it is beyond a limit; the error names the JSON
            pointer, the limit and the fix.
    """
    source = checked(source)
    walk = _SchemaWalk(SchemaMerger(source))
    root, within = walk.merger.plain(source, "")
    if _shape(root, "") != "object":
        fix = 'wrap it: {"type": "object", "properties": {"items": ...}}'
        raise refused("/type", "the root must be an object", fix)
    walk.read_object(root, _Place("", within))
    pointers = {leaf.pointer: leaf for leaf in walk.leaves}
    rules = parse_rules(root.get("x-rules", []), pointers, walk.lists)
    digest = hashlib.sha256(canonical_json(source).encode()).hexdigest()
    least = min_confidence(root, "")
    return ExtractionSchema(source, digest, tuple(walk.leaves), tuple(walk.lists), rules, least)


@dataclass(frozen=True, slots=True)
class _Place:
    """A place of the walk: where it is in the schema, and in the values."""

    pointer: str
    within: tuple[str, ...]
    path: tuple[str, ...] = ()
    parents: tuple[tuple[str, ...], ...] = ()
    depth: int = 0

    def property(self, name: str, within: tuple[str, ...]) -> _Place:
        pointer = f"{self.pointer}/properties/{escaped(name)}"
        return _Place(pointer, within, (*self.path, name), self.parents, self.depth)


@dataclass(slots=True)
class _SchemaWalk:
    """Collects leaves and lists, in the order of the schema."""

    merger: SchemaMerger
    leaves: list[Leaf] = field(default_factory=list)
    lists: list[ListField] = field(default_factory=list)
    _count: int = 0

    def read_object(
        self, part: SchemaPart, place: _Place, columns: list[Leaf] | None = None
    ) -> None:
        """Read the properties of an object, as columns if it is a row of a list."""
        check_keywords(part, place.pointer)
        if place.pointer:
            _refuse_min_confidence(part, place.pointer)
        properties = part.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            fix = "name the values wanted in properties"
            raise refused(place.pointer, "the object has no properties", fix)
        if place.depth >= MAX_DEPTH:
            fix = f"keep to {MAX_DEPTH} objects within each other"
            raise refused(place.pointer, "the object is nested too deeply", fix, MAX_DEPTH)
        required = cast("list[str]", part.get("required", []))
        for number, name in enumerate(required):
            if name not in properties:
                reason = f"{name!r} is required and is no property"
                fix = "add it to properties, or remove it"
                raise refused(f"{place.pointer}/required/{number}", reason, fix)
        labels: dict[tuple[str, str], str] = {}
        for name, inner in properties.items():
            plain, within = self.merger.plain(
                inner, f"{place.pointer}/properties/{escaped(name)}", place.within
            )
            there = place.property(name, within)
            shape = self._read(plain, there, name in required, columns)
            _check_distinct(plain, name, there.pointer, shape, labels)

    def _read(
        self, part: SchemaPart, place: _Place, required: bool, columns: list[Leaf] | None
    ) -> str:
        """Read one property; return its kind or shape."""
        check_keywords(part, place.pointer)
        shape = _shape(part, place.pointer)
        names = label_names(place.path[-1], part, place.pointer)
        if shape == "object":
            parents = (*place.parents, names)
            inner = _Place(place.pointer, place.within, place.path, parents, place.depth + 1)
            self.read_object(part, inner, columns)
            return shape
        if shape == "array":
            if columns is not None:
                fix = "make the inner list a list of its own, or name its values"
                raise refused(place.pointer, "it is a list within a list", fix)
            self._read_list(part, place, names, required)
            return shape
        if columns is not None:
            _refuse_min_confidence(part, place.pointer)
        leaf = read_leaf(part, place.pointer, place.path, place.parents, required)
        self._add(leaf, place.pointer, self.leaves if columns is None else columns)
        return leaf.kind

    def _add(self, leaf: Leaf, pointer: str, leaves: list[Leaf]) -> None:
        self._count += 1
        if self._count > MAX_LEAVES:
            fix = f"keep to {MAX_LEAVES}, or split the schema"
            raise refused(pointer, "the schema has too many leaves", fix, MAX_LEAVES)
        leaves.append(leaf)

    def _read_list(
        self, part: SchemaPart, place: _Place, names: tuple[str, ...], required: bool
    ) -> None:
        if len(self.lists) >= MAX_LISTS:
            fix = f"keep to {MAX_LISTS}, or split the schema"
            raise refused(place.pointer, "the schema has too many lists", fix, MAX_LISTS)
        check_range(part, place.pointer, "minItems", "maxItems")
        _refuse_min_confidence(part, place.pointer)
        pointer = f"{place.pointer}/items"
        if "items" not in part:
            raise refused(place.pointer, "the list has no items", "describe its rows in items")
        row, within = self.merger.plain(part["items"], pointer, place.within)
        check_keywords(row, pointer)
        shape = _shape(row, pointer)
        if shape == "array":
            raise refused(pointer, "it is a list of lists", "make each row an object")
        columns: list[Leaf] = []
        parents = (*place.parents, names)
        if shape == "object":
            self.read_object(row, _Place(pointer, within, (), parents, place.depth + 1), columns)
        else:
            _refuse_min_confidence(row, pointer)
            leaf = read_leaf(row, pointer, (), parents, True)
            own = tuple(dict.fromkeys((*names, *leaf.names)))
            self._add(replace(leaf, names=own), pointer, columns)
        self.lists.append(
            ListField(
                place.path,
                "".join(f"/{escaped(name)}" for name in place.path),
                names,
                tuple(columns),
                of_scalars=shape != "object",
                required=required,
                min_items=int(cast("int", part.get("minItems", 0))),
                max_items=None if "maxItems" not in part else int(cast("int", part["maxItems"])),
                unique_items=part.get("uniqueItems") is True,
            )
        )


def _refuse_min_confidence(part: SchemaPart, pointer: str) -> None:
    """Refuse a bound of confidence where none is looked at: objects, lists and their cells."""
    if "x-min-confidence" in part:
        fix = "give it to the root, or to single values outside of lists"
        raise refused(f"{pointer}/x-min-confidence", "it decides nothing here", fix)


def _check_distinct(
    part: SchemaPart, name: str, pointer: str, shape: str, labels: dict[tuple[str, str], str]
) -> None:
    """Refuse two properties of an object with the same label and kind."""
    first = label_names(name, part, pointer)[:1]
    label = (first[0].casefold() if first else name, shape)
    if label in labels:
        reason = (
            f"it has the label and kind of {labels[label]!r}, so that no document tells them apart"
        )
        raise refused(pointer, reason, "give each a title or x-synonyms of its own, or remove one")
    labels[label] = name


def _shape(part: SchemaPart, pointer: str) -> str:
    """Return the one type of a plain schema beside null: object, array, or "" for a scalar."""
    named = [name for name in types(part) if name != "null"]
    if types(part) == ("null",):
        raise refused(f"{pointer}/type", "no document holds a null", "name the type of the value")
    shapes: Sequence[str] = [name for name in named if name in ("object", "array")]
    if shapes and len(named) > 1:
        raise refused(f"{pointer}/type", "it leaves open which form is wanted", "name one type")
    if shapes:
        return shapes[0]
    if not named and "properties" in part:
        return "object"
    return "array" if not named and "items" in part else ""
