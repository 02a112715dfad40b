"""Extractions as tables: a row for each leaf, or a row for each item of a list. Pure.

Texts come from documents that strangers wrote, and spreadsheets run a cell that begins with a sign
of a formula, so such a text gets an apostrophe before it.
https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Container, Iterable, Iterator, Mapping

from pydantic import JsonValue

from chalicelib.contracts.extractions import ExtractedField

FIELD_COLUMNS = ("pointer", "value", "raw", "confidence", "page", "start", "end", "derived")
LIST_COLUMN = "list"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Cell = bool | str | int | float | None


def fields_csv(fields: Iterable[ExtractedField]) -> bytes:
    """Return a table of leaves in UTF-8, each with the place that it was first read from."""
    return table_csv(FIELD_COLUMNS, map(_field_row, fields))


def rows_csv(values: Mapping[str, JsonValue]) -> bytes:
    """Return a table of values in UTF-8: columns are paths with dots.

    A row is an item of a list, and repeats the values outside lists; of several lists, the column
    `list` names the one of the row. Without a list there is one row. A column whose name is taken
    gets an underscore behind it, and a list within a list is JSON.
    """
    rows = list(flat_rows(values))
    columns = dict.fromkeys(name for row in rows for name in row)
    return table_csv(tuple(columns), rows)


def flat_rows(values: Mapping[str, JsonValue]) -> Iterator[dict[str, Cell]]:
    """Yield the rows of `rows_csv`, with booleans as they are."""
    single: dict[str, Cell] = {}
    lists: dict[str, list[JsonValue]] = {}
    _flatten("", dict(values), single, lists)
    if not any(lists.values()):
        yield single
        return
    list_column = free_column(LIST_COLUMN, {*single, *lists})
    for name, items in lists.items():
        head: dict[str, Cell] = {list_column: name} if len(lists) > 1 else {}
        for item in items:
            row = {**head, **single}
            inner: dict[str, list[JsonValue]] = {}
            _flatten(name, item, row, inner)
            for path, found in inner.items():
                row[free_column(path, row)] = json.dumps(found, ensure_ascii=False)
            yield row


def free_column(name: str, taken: Container[str]) -> str:
    """Return a column's name, with as many underscores behind it as keep it from those `taken`."""
    while name in taken:
        name += "_"
    return name


def table_csv(columns: tuple[str, ...], rows: Iterable[Mapping[str, Cell]]) -> bytes:
    """Return a CSV table with a header, as RFC 4180 has it, in UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_scalar(row.get(name)) for name in columns])
    return text.getvalue().encode()


def _field_row(field: ExtractedField) -> dict[str, Cell]:
    first = field.evidence[0] if field.evidence else None
    return {
        "pointer": field.pointer,
        "value": _cell(field.value),
        "raw": field.raw,
        "confidence": round(field.confidence, 4),
        "page": first.page if first else None,
        "start": first.start if first else None,
        "end": first.end if first else None,
        "derived": "true" if field.derived else "false",
    }


def _flatten(
    path: str, value: JsonValue, single: dict[str, Cell], lists: dict[str, list[JsonValue]]
) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(f"{path}.{name}" if path else name, inner, single, lists)
    elif isinstance(value, list):
        lists[free_column(path, lists)] = value
    else:
        single[free_column(path or "value", single)] = _cell(value)


def _cell(value: object) -> Cell:
    if value is None or isinstance(value, (str, int, float)):
        return value
    return str(value)


def _scalar(value: Cell) -> Cell:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
