"""A peer of extraction, run in an environment of its own: pdfplumber, regular expressions, tables.

It is what is usually written by hand: labels are the schema's keys, titles and synonyms, the value
is what follows a label on its line or stands below it, and lists are the tables that pdfplumber
finds. Requests are lines of JSON on standard input, with `path` and `schema`.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from importlib import import_module
from typing import Any

_CASES = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")
_AMOUNT = re.compile(r"[-(]?\d[\d.,'\s\u00a0]*\d\)?-?|\d")
_DATE = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}\.? (?:de )?\w+\.?(?: de)? \d{4}|\w+ \d{1,2}, \d{4}"
)
_LIKE = 0.75
"""How alike a header and a column's name have to be."""


def leaves(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Yield the path and the schema of each leaf and list."""
    for key, part in schema.get("properties", {}).items():
        if "properties" in part:
            yield from leaves(part, (*path, key))
        else:
            yield (*path, key), part


def names(key: str, leaf: Mapping[str, Any]) -> list[str]:
    """Return what a leaf may be called, longest first."""
    found = [" ".join(_CASES.split(key)), leaf.get("title", ""), *leaf.get("x-synonyms", ())]
    return sorted({each.lower() for each in found if each}, key=len, reverse=True)


def typed(text: str, leaf: Mapping[str, Any]) -> Any:
    """Return the value of a leaf in a text, None where it has none of its type."""
    kinds = leaf.get("type", "string")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    text = text.strip(" :.#\u00a0|-") if "number" not in kinds else text
    if not text:
        return None
    if "number" in kinds or "integer" in kinds:
        found = _AMOUNT.search(text)
        return number(found.group()) if found else None
    if "boolean" in kinds:
        return None
    if leaf.get("format") == "date":
        found = _DATE.search(text)
        return day(found.group()) if found else None
    if "enum" in leaf:
        return next((each for each in leaf["enum"] if each and each in text), None)
    return text


def number(text: str) -> float | None:
    """Return a number; the last of point and comma with at most two digits behind is decimal."""
    bare = re.sub(r"[\s\u00a0'()-]", "", text)
    point = max(bare.rfind("."), bare.rfind(","))
    if point >= 0 and len(bare) - point - 1 <= 2:
        bare = re.sub(r"[.,]", "", bare[:point]) + "." + bare[point + 1 :]
    else:
        bare = re.sub(r"[.,]", "", bare)
    try:
        value = float(bare)
    except ValueError:
        return None
    return -value if text.strip()[0] in "(-" or text.strip()[-1] == "-" else value


def day(text: str) -> str | None:
    """Return a date in ISO 8601; of two readings the day comes first."""
    dates: Any = import_module("dateutil.parser")
    try:
        first = not re.match(r"\d{4}", text)
        return str(dates.parse(text, dayfirst=first).date().isoformat())
    except (ValueError, OverflowError):
        return None


def labelled(lines: Sequence[str], key: str, leaf: Mapping[str, Any]) -> Any:
    """Return the value after a label, or below one that stands alone."""
    for name in names(key, leaf):
        label = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)\s*[:.#]*\s*(.*)", re.IGNORECASE)
        for at, line in enumerate(lines):
            found = label.search(line)
            if not found:
                continue
            rest = found.group(1).strip() or (lines[at + 1] if at + 1 < len(lines) else "")
            value = typed(rest, leaf)
            if value is not None:
                return value
    return None


def rows(tables: Sequence[Any], leaf: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the tables whose header names most columns, over all pages."""
    columns = leaf.get("items", {}).get("properties", {})
    best: dict[int, str] = {}
    width = 0
    for table in tables:
        for header in table:
            match = matched(header, columns)
            if len(match) > len(best):
                best, width = match, len(header)
    if not best:
        return []
    found, begun = [], False
    for table in tables:
        if len(table[0]) != width:
            continue
        for row in table:
            if matched(row, columns) == best:
                begun = True
                continue
            values = {key: typed(row[at] or "", columns[key]) for at, key in best.items()}
            if begun and any(value is not None for value in values.values()):
                found.append({key: values.get(key) for key in columns})
    return found


def matched(header: Sequence[str | None], columns: Mapping[str, Any]) -> dict[int, str]:
    """Return which column of a table is which of the list's."""
    match: dict[int, str] = {}
    for key, leaf in columns.items():
        scores = [
            (SequenceMatcher(None, (cell or "").lower(), name).ratio(), at)
            for at, cell in enumerate(header)
            for name in names(key, leaf)
            if at not in match
        ]
        if scores and max(scores)[0] >= _LIKE:
            match[max(scores)[1]] = key
    return match


def extract(path: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a PDF by a schema."""
    pdfplumber: Any = import_module("pdfplumber")
    with pdfplumber.open(path) as pdf:
        lines = [line for page in pdf.pages for line in (page.extract_text() or "").split("\n")]
        tables = []
        for page in pdf.pages:
            found = page.extract_tables() or page.extract_tables(
                {"vertical_strategy": "text", "horizontal_strategy": "text"}
            )
            tables += [table for table in found if table and table[0]]
            page.close()
    values: dict[str, Any] = {}
    for where, leaf in leaves(schema):
        inside = values
        for key in where[:-1]:
            inside = inside.setdefault(key, {})
        is_list = leaf.get("type") == "array"
        inside[where[-1]] = rows(tables, leaf) if is_list else labelled(lines, where[-1], leaf)
    return values


def main() -> None:
    """Answer requests until there are no more."""
    for line in sys.stdin:
        request = json.loads(line)
        began = time.process_time()
        values = extract(request["path"], request["schema"])
        answer = {"values": values, "seconds": time.process_time() - began}
        print(json.dumps(answer, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
