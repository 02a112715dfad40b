"""Checks of a schema: refusals name JSON pointer, limit and fix."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import cast

from pydantic import JsonValue

from chalicelib.errors import InvalidInput

MAX_BYTES = 64 * 1024
"""The most bytes of a schema as canonical JSON."""
MAX_NESTING = 64
"""The most levels of JSON within a schema."""
MAX_DEPTH = 8
"""The most objects around a leaf."""
MAX_LEAVES = 200
"""The most leaves, columns of lists included."""
MAX_LISTS = 20
MAX_ENUM = 500
MAX_SYNONYMS = 50
MAX_NAME = 200
"""The most characters of a title, a synonym or an example that is matched with documents."""

SchemaPart = Mapping[str, JsonValue]
TYPES = ("string", "number", "integer", "boolean")
DIALECTS = ("2020-12", "2019-09", "draft-07")
EXTENSIONS = (
    *("x-kind", "x-synonyms", "x-enum-synonyms", "x-unit", "x-rules"),
    "x-min-confidence",
)
_ENCODED = ("contentEncoding", "contentMediaType", "contentSchema")
_REFUSED = {
    "patternProperties": "names of properties must be given in properties",
    "prefixItems": "rows of a list have one form: describe it in items",
    "contains": "rows of a list have one form: describe it in items",
    "not": "say what the value is, or write a rule in x-rules",
    "if": "write a rule in x-rules",
    "then": "write a rule in x-rules",
    "else": "write a rule in x-rules",
    "dependentSchemas": "write a rule in x-rules",
    "dependentRequired": "write a rule in x-rules",
    "propertyNames": "names of properties must be given in properties",
    "$dynamicRef": "use $ref to a place within the schema",
    "$recursiveRef": "use $ref to a place within the schema",
}


def refused(pointer: str, reason: str, fix: str, limit: int | None = None) -> InvalidInput:
    """Return the error for a place of the schema: what is wrong there, and how to mend it."""
    return InvalidInput(
        f"json_schema{pointer or ' (its root)'}: {reason}. {fix[:1].upper()}{fix[1:]}.",
        field=f"json_schema{pointer}",
        limit=None if limit is None else str(limit),
    )


def escaped(name: str) -> str:
    """Return a name as a token of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def checked(source: SchemaPart) -> SchemaPart:
    """Check what needs no understanding: nesting, bytes, dialect, JSON Schema's own grammar.

    Returns:
        The schema, without the text forms that pydantic allows beside its decimal numbers.

    Raises:
        InvalidInput: the schema is too large, or no JSON Schema.
    """
    _check_nesting(source)
    source = {name: _without_text_forms(part) for name, part in source.items()}
    try:
        size = len(canonical_json(source).encode())
    except ValueError as error:
        reason = "it is a number or a text that JSON in UTF-8 cannot hold"
        raise refused(_unwritable(source), reason, "remove it") from error
    if size > MAX_BYTES:
        raise refused("", f"it has {size} bytes", f"keep to {MAX_BYTES}", MAX_BYTES)
    dialect = source.get("$schema", DIALECTS[0])
    if not any(known in str(dialect) for known in DIALECTS):
        raise refused("/$schema", f"{dialect!r} is not read", "write it in draft 2020-12")
    _check_grammar(source)
    return source


def _without_text_forms(part: JsonValue) -> JsonValue:
    """Return a schema whose numbers may not be text as well: their pattern is not one of RE2."""
    if isinstance(part, list):
        return [_without_text_forms(each) for each in part]
    if not isinstance(part, Mapping):
        return part
    plain: dict[str, JsonValue] = {name: _without_text_forms(each) for name, each in part.items()}
    choices = plain.get("anyOf")
    if isinstance(choices, list):
        types = [choice.get("type") for choice in choices if isinstance(choice, Mapping)]
        if "number" in types or "integer" in types:
            plain["anyOf"] = [choice for choice in choices if not _is_text_form(choice)]
    return plain


def _is_text_form(choice: JsonValue) -> bool:
    return (
        isinstance(choice, Mapping)
        and choice.get("type") == "string"
        and set(choice) == {"type", "pattern"}
    )


def canonical_json(source: JsonValue | SchemaPart) -> str:
    """Return JSON with sorted names and no spaces, the same for equal values.

    Raises:
        ValueError: a number is not finite, or a text is half of a surrogate pair.
    """
    text = json.dumps(
        source, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    text.encode()
    return text


def _unwritable(part: object, pointer: str = "") -> str:
    """Return the pointer of what `canonical_json` refuses: of a name, that of its object."""
    named: Iterable[tuple[object, object]] = ()
    if isinstance(part, Mapping):
        named = part.items()
    elif isinstance(part, list):
        named = enumerate(part)
    for name, inner in named:
        if not _is_writable(str(name)):
            return pointer
        if not _is_writable(inner):
            return _unwritable(inner, f"{pointer}/{escaped(str(name))}")
    return pointer


def _is_writable(part: object) -> bool:
    try:
        canonical_json(cast("JsonValue", part))
    except ValueError:
        return False
    return True


def _check_nesting(source: SchemaPart) -> None:
    level: list[object] = [source]
    for _ in range(MAX_NESTING):
        level = [inner for part in level for inner in _inner(part)]
        if not level:
            return
    raise refused("", "it is nested too deeply", f"keep to {MAX_NESTING} levels", MAX_NESTING)


def _inner(part: object) -> Iterator[object]:
    if isinstance(part, Mapping):
        yield from part.values()
    elif isinstance(part, list):
        yield from part


def _check_grammar(source: SchemaPart) -> None:
    from jsonschema.exceptions import SchemaError

    from chalicelib.generation.patterns import PatternError
    from chalicelib.generation.schema_validator import check_schema, unsupported_pattern

    try:
        check_schema(source)
    except SchemaError as error:
        pointer = "".join(f"/{escaped(str(step))}" for step in error.absolute_path)
        if isinstance(error.cause, PatternError):
            reason = f"the pattern is not supported: {error.cause}"
            raise refused(pointer, reason, "use the syntax of RE2 and ECMA-262") from error
        reason = f"it is not of JSON Schema: {error.message[:MAX_NAME]}"
        raise refused(pointer, reason, "correct it by draft 2020-12") from error
    strange = unsupported_pattern(source)
    if strange:
        raise refused("", f"a pattern is not supported: {strange}", "use the syntax of RE2")


def check_keywords(part: SchemaPart, pointer: str) -> None:
    """Refuse keywords that no document can fill, and misspelt extensions of ours."""
    import difflib

    for name, fix in _REFUSED.items():
        if name in part:
            raise refused(f"{pointer}/{name}", f"{name} is not supported here", fix)
    for name in _ENCODED:
        if name in part:
            raise refused(f"{pointer}/{name}", "no document holds encoded bytes", "remove it")
    if part.get("format") in ("binary", "byte"):
        raise refused(f"{pointer}/format", "no document holds bytes", "remove the property")
    for name in part:
        near = difflib.get_close_matches(name, EXTENSIONS, 1, 0.8)
        if near and name not in EXTENSIONS:
            raise refused(f"{pointer}/{escaped(name)}", "it is unknown", f"did you mean {near[0]}?")


def exact(number: JsonValue) -> Decimal | None:
    """Return a number of JSON with the digits in which it is written, None for anything else.

    None for what a double cannot hold, too: programs that read JSON make infinity of it.
    """
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        is_finite = math.isfinite(number)
    except OverflowError:
        return None
    return Decimal(repr(number)) if is_finite else None


def _limit(part: SchemaPart, pointer: str, name: str) -> Decimal | None:
    """Return a limit of a schema, None if it has none of that name; refuse what no double holds."""
    number = exact(part.get(name))
    if number is None and part.get(name) is not None:
        raise refused(f"{pointer}/{name}", "it is beyond 1.8e308", "give a smaller number")
    return number


def check_range(part: SchemaPart, pointer: str, least: str, most: str) -> None:
    """Refuse a least count above the greatest: minItems and maxItems, minLength and maxLength."""
    low, high = _limit(part, pointer, least), _limit(part, pointer, most)
    if high == 0:
        raise refused(f"{pointer}/{most}", "it allows no value", "raise it, or remove the property")
    if low is not None and high is not None and low > high:
        fix = f"lower it, or raise {most}"
        raise refused(f"{pointer}/{least}", f"{least} {low} is above {most} {high}", fix)


def check_numbers(part: SchemaPart, pointer: str, is_integer: bool) -> None:
    """Refuse limits that are too large, or between which there is no number."""
    lows = [(_limit(part, pointer, name), name) for name in ("minimum", "exclusiveMinimum")]
    highs = [(_limit(part, pointer, name), name) for name in ("maximum", "exclusiveMaximum")]
    step = _limit(part, pointer, "multipleOf") or (Decimal(1) if is_integer else None)
    low, least = max(((n, name) for n, name in lows if n is not None), default=(None, ""))
    high, most = min(((n, name) for n, name in highs if n is not None), default=(None, ""))
    if low is None or high is None:
        return
    is_open = least.startswith("exclusive") or most.startswith("exclusive")
    if low > high or (low == high and is_open):
        raise _no_number(pointer, least, low, most, high)
    if step is None:
        return
    first = -(-low // step) if low % step == 0 or low < 0 else low // step + 1
    first = first * step
    if first == low and least.startswith("exclusive"):
        first += step
    if first > high or (first == high and most.startswith("exclusive")):
        raise _no_number(pointer, least, low, most, high)


def _no_number(pointer: str, least: str, low: Decimal, most: str, high: Decimal) -> InvalidInput:
    reason = f"no number is both within {least} {low} and {most} {high}"
    return refused(f"{pointer}/{least}", reason, f"lower it, or raise {most}")


def is_of_type(value: JsonValue, json_type: str) -> bool:
    """Return whether a value of JSON is of a type of JSON Schema, where 1.0 is an integer."""
    if json_type == "boolean":
        return isinstance(value, bool)
    number = exact(value)
    if json_type == "integer":
        return number is not None and number == number.to_integral_value()
    return number is not None if json_type == "number" else isinstance(value, str)
