"""Validation by JSON Schemas of draft 2020-12 in bounded time.

jsonschema's keywords that search by Python's regular expressions are replaced, since some patterns
would take exponential time; so are those of multiples, which overflow, and of unique items, which
take the square of their number. References are counted, since a few of them can multiply into more
checks than any machine can run.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from fractions import Fraction
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, validators
from jsonschema.exceptions import ValidationError
from referencing import Registry

from chalicelib.generation.patterns import PatternError, compile_pattern

MAX_REFERENCES = 20_000
"""The most references that the validation of one value follows."""


class TooComplexError(ValueError):
    """Raised when the validation of a value would take too long."""


_SHOWN = 100
_COLLIDING = sys.hash_info.modulus
"""From here on many numbers share a hash, and a set of them takes the square of their number."""

_left: ContextVar[list[int]] = ContextVar("references that are left")
_HELD_AS_VALUES = ("const", "enum", "default", "examples")
_NAMED = ("properties", "$defs", "definitions", "dependentSchemas")


def iter_violations(value: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Yield the violations of `schema` by a value; references cannot lead outside of it.

    Raises:
        PatternError: a pattern is invalid or not supported.
        TooComplexError: the validation would take too long.
        Unresolvable: a reference leads nowhere.
    """
    strange = unsupported_pattern(schema)
    if strange:
        raise PatternError(strange)
    _left.set([MAX_REFERENCES])
    yield from _validator()(schema, registry=Registry()).iter_errors(value)


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise jsonschema's `SchemaError` if this is no JSON Schema.

    The cause of an error about a pattern is a `PatternError`: what a pattern is, RE2 decides, and
    not Python's engine, which would refuse `\\p{L}`.
    """
    Draft202012Validator.check_schema(schema, format_checker=_formats())


@functools.cache
def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())
    own = {"regex": (_is_pattern, PatternError)}
    checker.checkers = {**Draft202012Validator.FORMAT_CHECKER.checkers, **own}
    return checker


def _is_pattern(value: object) -> bool:
    return not isinstance(value, str) or bool(compile_pattern(value))


def unsupported_pattern(schema: Any) -> str:
    """Return why a pattern anywhere in `schema` is not supported, "" if all are.

    Beside unevaluatedProperties, jsonschema searches patternProperties by Python's engine.
    """
    by_name, unevaluated = False, False
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        if not isinstance(part, Mapping):
            continue
        unevaluated = unevaluated or "unevaluatedProperties" in part
        by_name = by_name or "patternProperties" in part
        for pattern in _patterns(part):
            try:
                compile_pattern(pattern)
            except PatternError as error:
                return f"{pattern[:_SHOWN]!r}, {error}"
        waiting += _within(part)
    return "patternProperties beside unevaluatedProperties" if by_name and unevaluated else ""


def _patterns(schema: Mapping[str, Any]) -> Iterator[str]:
    pattern_properties, own = schema.get("patternProperties"), schema.get("pattern")
    if isinstance(pattern_properties, Mapping):
        yield from pattern_properties
    if isinstance(own, str):
        yield own


def _within(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the parts of a schema that may be schemas: no values, but entries under any name."""
    for name, value in schema.items():
        if name in (*_NAMED, "patternProperties") and isinstance(value, Mapping):
            yield from value.values()
        elif name not in _HELD_AS_VALUES:
            yield value


@functools.cache
def _validator() -> Any:
    own = {
        "multipleOf": _multiple_of,
        "uniqueItems": _unique_items,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    counted = {
        name: _counting(Draft202012Validator.VALIDATORS[name]) for name in ("$ref", "$dynamicRef")
    }
    extended: Any = validators.extend
    return extended(Draft202012Validator, {**own, **counted})


def _counting(keyword: Any) -> Any:
    def counted(
        validator: Any, reference: str, value: Any, schema: Any
    ) -> Iterator[ValidationError]:
        remaining = _left.get()
        remaining[0] -= 1
        if remaining[0] < 0:
            raise TooComplexError(f"it takes more than {MAX_REFERENCES} references")
        yield from keyword(validator, reference, value, schema) or ()

    return counted


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not compile_pattern(pattern).search(value):
        yield ValidationError("It does not match the pattern.")


def _multiple_of(validator: Any, factor: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    """Yield a violation unless `value` is a multiple of `factor` as both are written.

    By decimals, where floats say that 19.99 is no multiple of .01, and overflow for large numbers.
    """
    if validator.is_type(value, "number"):
        exact, divisor = _as_written(value), _as_written(factor)
        if exact is None or divisor is None or exact % divisor:
            yield ValidationError("It is no multiple of the number.")


def _as_written(number: float) -> Fraction | None:
    """Return a number of JSON as its digits have it, None for one that no float can hold."""
    if isinstance(number, float) and not math.isfinite(number):
        return None
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _unique_items(
    validator: Any, unique: Any, value: Any, schema: Any
) -> Iterator[ValidationError]:
    """Yield a violation if items are equal; jsonschema compares each with each unless they sort."""
    is_checked = unique and validator.is_type(value, "array")
    if is_checked and len({_hashable(item) for item in value}) < len(value):
        yield ValidationError("Items are equal.")


def _hashable(value: Any) -> Any:
    """Return a hashable value that is equal for equal values of JSON: 1 and 1.0, not 1 and true."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, dict):
        return ("object", frozenset((name, _hashable(item)) for name, item in value.items()))
    if isinstance(value, list):
        return ("array", tuple(_hashable(item) for item in value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) >= _COLLIDING:
        return ("number", str(value))
    return value


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], value: Any, schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    for pattern, rule in patterns.items():
        for name, item in value.items():
            if compile_pattern(pattern).search(name):
                yield from validator.descend(item, rule, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, rule: Any, value: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    extra = [name for name in value if not _is_named(name, schema)]
    if isinstance(rule, Mapping):
        for name in extra:
            yield from validator.descend(value[name], rule, path=name)
    elif rule is False and extra:
        yield ValidationError("There are properties that the schema does not name.")


def _is_named(name: str, schema: Mapping[str, Any]) -> bool:
    if name in schema.get("properties", {}):
        return True
    return any(
        compile_pattern(pattern).search(name) for pattern in schema.get("patternProperties", {})
    )
