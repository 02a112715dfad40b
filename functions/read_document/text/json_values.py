"""JSON: every value with the path to it.

Numbers are kept as they are written, so that none loses a digit; a name that occurs twice keeps
both values. RFC 8259, and NaN and Infinity beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from chalicelib.documents.pages import page_of
from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.pages import Extract
from functions.read_document.text import nested_values
from functions.read_document.text.encodings import decode
from functions.read_document.text.nested_values import NamedValues, Value, ValueList

MAX_CHARACTERS = 8_000_000
"""A parsed file takes some twenty times its size in memory."""

_DUPLICATE_NAMES = (
    "The file gives some names in an object more than once; all their values are kept."
)


@dataclass(slots=True)
class _ObjectBuilder:
    """Builds objects, and records whether one had a name twice."""

    twice: bool = False

    def __call__(self, pairs: list[tuple[str, Value]]) -> NamedValues:
        self.twice = self.twice or len({name for name, _ in pairs}) < len(pairs)
        return NamedValues((name, _as_text(value)) for name, value in pairs)


def extract(data: bytes) -> Extract:
    """Return the values of a JSON file as one page.

    Raises:
        InvalidInput: it is not valid JSON, or nests too deep.
        Unsupported: it is too long to be read at once.
    """
    text = decode(data)
    if len(text) > MAX_CHARACTERS:
        raise Unsupported(
            f"The JSON has {len(text):,} characters; the limit is {MAX_CHARACTERS:,}. Split it, or"
            " write it as JSON Lines, which are read record by record.",
            field="file",
            limit=str(MAX_CHARACTERS),
        )
    pairs = _ObjectBuilder()
    value = parse(text, pairs)
    notices = (_DUPLICATE_NAMES,) if pairs.twice else ()
    return Extract("application/json", (page_of(1, nested_values.blocks(value)),), notices=notices)


def parse(text: str, pairs: _ObjectBuilder | None = None) -> Value:
    """Return the value in `text`, with all of its leaves as text.

    Raises `InvalidInput` with line and column if it is not valid, or if it nests too deep.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=pairs or _ObjectBuilder(),
            parse_int=str,
            parse_float=str,
            parse_constant=str,
        )
        return _as_text(value)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"This is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            field="file",
        ) from error
    except RecursionError as error:
        raise nested_values.too_deep() from error


def _as_text(value: object, depth: int = 0) -> Value:
    """Return a parsed value with its leaves as text; those in objects are text already."""
    if isinstance(value, str | NamedValues | ValueList):
        return value
    if isinstance(value, list):
        if depth > nested_values.MAX_DEPTH:
            raise nested_values.too_deep()
        return ValueList(_as_text(child, depth + 1) for child in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null"
