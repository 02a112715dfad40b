"""Values held to JSON Schemas of draft 2020-12, in time that is bounded.

Of jsonschema's keywords those that search by Python's regular expressions are replaced, since some
patterns take longer than any answer is waited for. References are counted, since few of them can
ask for more checks than there are atoms.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from referencing import Registry

from chalicelib.generation.pattern_reading import PatternError
from chalicelib.generation.patterns import TooComplexError, compile_pattern

MAX_REFERENCES = 20_000
"""References that one value is followed through."""

_SHOWN = 100
_left: ContextVar[list[int]] = ContextVar("references that are left")
_HELD_AS_VALUES = ("const", "enum", "default", "examples")
_NAMED = ("properties", "$defs", "definitions", "dependentSchemas")


def iter_violations(value: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Yield what of `schema` a value does not keep to; references lead nowhere outside of it.

    Raises:
        PatternError: a pattern is none, or is not taken.
        TooMuchError: there is too much to look at.
        Unresolvable: a reference leads nowhere.
    """
    strange = unsupported_pattern(schema)
    if strange:
        raise PatternError(strange)
    _left.set([MAX_REFERENCES])
    yield from _validator()(schema, registry=Registry()).iter_errors(value)


def unsupported_pattern(schema: Any) -> str:
    """Return what is wrong with a pattern anywhere in `schema`, "" if nothing is.

    Where unevaluatedProperties is said too, jsonschema searches by patterns in a way of its own.
    """
    by_name, unevaluated = False, False
    waiting = [schema]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += found
        if not isinstance(found, Mapping):
            continue
        unevaluated = unevaluated or "unevaluatedProperties" in found
        by_name = by_name or "patternProperties" in found
        for pattern in _patterns(found):
            try:
                compile_pattern(pattern)
            except PatternError as error:
                return f"{pattern[:_SHOWN]!r}, {error}"
        waiting += _within(found)
    return "patternProperties beside unevaluatedProperties" if by_name and unevaluated else ""


def _patterns(schema: Mapping[str, Any]) -> Iterator[str]:
    named, own = schema.get("patternProperties"), schema.get("pattern")
    if isinstance(named, Mapping):
        yield from named
    if isinstance(own, str):
        yield own


def _within(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what of a schema may be one too: not values, but what stands under any name."""
    for name, value in schema.items():
        if name in (*_NAMED, "patternProperties") and isinstance(value, Mapping):
            yield from value.values()
        elif name not in _HELD_AS_VALUES:
            yield value


@functools.cache
def _validator() -> Any:
    own = {
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
        left = _left.get()
        left[0] -= 1
        if left[0] < 0:
            raise TooComplexError(f"it takes more than {MAX_REFERENCES} references")
        yield from keyword(validator, reference, value, schema) or ()

    return counted


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not compile_pattern(pattern).search(value):
        yield ValidationError("It does not match the pattern.")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], value: Any, schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    for pattern, rule in patterns.items():
        for name, each in value.items():
            if compile_pattern(pattern).search(name):
                yield from validator.descend(each, rule, path=name, schema_path=pattern)


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
