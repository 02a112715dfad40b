"""Edits of an extraction's fields: what a new value may be, and the values with it. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from pydantic import JsonValue

from chalicelib.contracts.extraction_reviews import EditRequest, FieldEdit
from chalicelib.contracts.extractions import ExtractedField, FieldEvidence
from chalicelib.errors import InvalidInput
from chalicelib.extraction.leaves import Leaf, LeafKind
from chalicelib.extraction.schema import ExtractionSchema
from chalicelib.extraction.schema_checks import exact
from chalicelib.extraction.values.constraints import keeps_to

CERTAIN = 1.0
"""The confidence of a value that a person gave."""
_INDEX = re.compile(r"(.*?)/\d+(/.*)?")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
}


def check_edit(edit: EditRequest, schema: ExtractionSchema, pages: int) -> None:
    """Check that a leaf of the schema can have the new value.

    Raises:
        InvalidInput: it has another type, breaks a constraint, or stands on no page.
    """
    leaf = _leaf(edit.pointer, schema)
    value = edit.value
    if value is not None:
        wanted = _TYPES[leaf.json_type]
        is_bool = isinstance(value, bool) and leaf.json_type != "boolean"
        if is_bool or not isinstance(value, wanted):
            raise InvalidInput(
                f"{edit.pointer} takes a value of type {leaf.json_type}, or null.",
                field="edits",
                limit=leaf.json_type,
            )
        if leaf.enum and value not in leaf.enum:
            listed = ", ".join(map(str, leaf.enum))
            raise InvalidInput(
                f"{edit.pointer} takes one of {listed}, or null.", field="edits", limit=listed
            )
        read = value if isinstance(value, str | bool) else exact(value)
        is_date = leaf.kind is not LeafKind.DATE or _is_date(value)
        if read is None or not is_date or not keeps_to(read, read, leaf):
            raise InvalidInput(
                f"{edit.pointer} takes what its schema allows (format, pattern, lengths, range), or"
                f" null; {value!r} is not that.",
                field="edits",
                limit=f"schema{edit.pointer}",
            )
    for place in edit.evidence or ():
        if place.page > pages or place.start >= place.end:
            raise InvalidInput(
                f"The evidence of {edit.pointer} is characters start to before end of a page from"
                f" 1 to {pages}.",
                field="edits",
                limit=str(pages),
            )


def _is_date(value: JsonValue) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def edited_fields(
    fields: Iterable[ExtractedField], edits: Iterable[FieldEdit]
) -> Iterator[ExtractedField]:
    """Yield the fields with the last edit of each, and without candidates where there is one.

    `raw` is the text of the field or of the candidate that stands where the edit says; that of
    another place is not known here, so that it is empty then.
    """
    last = {edit.pointer: edit for edit in edits}
    for field in fields:
        edit = last.get(field.pointer)
        if edit is None:
            yield field
        else:
            places = edit.evidence if edit.after is not None else ()
            update = {
                "value": edit.after,
                "confidence": CERTAIN,
                "evidence": places,
                "raw": _raw(field, places),
                "candidates": (),
            }
            yield field.model_copy(update=update)


def _raw(field: ExtractedField, places: tuple[FieldEvidence, ...]) -> str:
    if places == field.evidence:
        return field.raw
    where = _characters(places)
    return next((each.raw for each in field.candidates if _characters(each.evidence) == where), "")


def _characters(places: Iterable[FieldEvidence]) -> list[tuple[int, int, int]]:
    return [(each.page, each.start, each.end) for each in places]


def edited_values(values: dict[str, JsonValue], edits: Iterable[FieldEdit]) -> dict[str, JsonValue]:
    """Return the values with all edits, in their order."""
    edited = copy.deepcopy(values)
    for edit in edits:
        *parents, last = _tokens(edit.pointer)
        inner: JsonValue = edited
        for token in parents:
            inner = _below(inner, token)
        if isinstance(inner, dict):
            inner[last] = edit.after
        elif isinstance(inner, list):
            inner[int(last)] = edit.after
    return edited


def _below(value: JsonValue, token: str) -> JsonValue:
    if isinstance(value, dict):
        return value.setdefault(token, {})
    return value[int(token)] if isinstance(value, list) else None


def _tokens(pointer: str) -> list[str]:
    """Return the reference tokens of a JSON Pointer.

    https://www.rfc-editor.org/rfc/rfc6901
    """
    return [each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")[1:]]


def _leaf(pointer: str, schema: ExtractionSchema) -> Leaf:
    for leaf in schema.leaves:
        if leaf.pointer == pointer:
            return leaf
    for each in schema.lists:
        found = _INDEX.fullmatch(pointer.removeprefix(each.pointer))
        if pointer.startswith(f"{each.pointer}/") and found and not found.group(1):
            for column in each.columns:
                if column.pointer == (found.group(2) or ""):
                    return column
    raise InvalidInput(
        f"The schema has no value at {pointer}; GET /v1/extractions/ID/fields lists all.",
        field="edits",
    )
