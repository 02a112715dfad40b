"""Read fields put together as the object that the schema describes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

    from chalicelib.extraction.read_fields import ReadField, ReadList
    from chalicelib.extraction.values.value_match import ScalarValue


def value_tree(fields: Sequence[ReadField], lists: Sequence[ReadList]) -> dict[str, object]:
    """Return the object of all fields, with exact numbers, None where there is no value."""
    tree: dict[str, object] = {}
    for field in fields:
        put_value(tree, field.leaf.path, field.value)
    for each in lists:
        put_value(tree, each.field.path, _rows(each))
    return tree


def _rows(of: ReadList) -> list[object]:
    width = len(of.field.columns)
    rows: list[object] = []
    for at in range(0, len(of.fields), width):
        row = of.fields[at : at + width]
        if of.field.of_scalars:
            rows.append(row[0].value)
            continue
        cells: dict[str, object] = {}
        for cell in row:
            put_value(cells, cell.leaf.path, cell.value)
        rows.append(cells)
    return rows


def put_value(tree: dict[str, object], path: Sequence[str], value: object) -> None:
    """Set a value within a tree, in objects that are made where there are none."""
    for name in path[:-1]:
        inner = tree.setdefault(name, {})
        if not isinstance(inner, dict):
            raise TypeError(f"{name!r} is a value and an object in one schema.")
        tree = inner
    tree[path[-1]] = value


def json_value(value: ScalarValue | None) -> JsonValue:
    """Return a value as Python's JSON has it: a number is equal up to 15 digits.

    Pydantic and Python's JSON have no decimals: one would become text. All digits stay in the
    evidence's raw text, and in a value that the schema asks for as `type: string`.
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def json_tree(tree: object) -> JsonValue:
    """Return a tree of values as JSON has it."""
    if isinstance(tree, dict):
        return {name: json_tree(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [json_tree(value) for value in tree]
    if tree is None or isinstance(tree, str | int | bool | Decimal):
        return json_value(tree)
    raise TypeError(f"{type(tree).__name__} is no value of a field.")
