"""Parse JSON that a model wrote, and validate it by a JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_FENCED = re.compile(r"\A```[a-z]*\n(.*?)\n?```\Z", re.DOTALL)
_SHOWN = 200


def parse_json(text: str) -> Any:
    """Return the JSON value of an answer, with or without a fence of Markdown around it.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    bare = text.strip()
    fenced = _FENCED.match(bare)
    try:
        return json.loads(fenced[1] if fenced else bare, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def require_schema(schema: Mapping[str, Any], field: str) -> None:
    """Raise `InvalidInput` if `schema`, given as `field`, is not a supported JSON Schema."""
    from jsonschema.exceptions import SchemaError

    from chalicelib.generation.patterns import PatternError
    from chalicelib.generation.schema_validator import check_schema, unsupported_pattern

    try:
        check_schema(schema)
        strange = unsupported_pattern(schema)
    except SchemaError as error:
        place = f"{field}{error.json_path.removeprefix('$')}"
        if isinstance(error.cause, PatternError):
            pattern = str(error.instance)[:_SHOWN]
            raise InvalidInput(
                f"{place} has a pattern that is not supported: {pattern!r}, {error.cause}.",
                field=place,
            ) from error
        raise InvalidInput(
            f"{place} is not of JSON Schema: {error.message[:_SHOWN]}.", field=place
        ) from error
    except RecursionError as error:
        raise InvalidInput(f"{field} is nested too deeply.", field=field) from error
    if strange:
        raise InvalidInput(f"{field} has a pattern that is not supported: {strange}.", field=field)


def schema_violation(value: Any, schema: Mapping[str, Any]) -> str:
    """Return how a JSON value violates a JSON Schema of draft 2020-12, "" if it does not.

    References cannot lead outside the schema. jsonschema is imported only when needed: its import
    takes longer than the rest of a request.
    """
    from jsonschema.exceptions import SchemaError, best_match
    from referencing.exceptions import Unresolvable

    from chalicelib.generation.patterns import PatternError
    from chalicelib.generation.schema_validator import (
        TooComplexError,
        check_schema,
        iter_violations,
    )

    try:
        check_schema(schema)
        violation = best_match(iter_violations(value, schema))
    except SchemaError as error:
        if isinstance(error.cause, PatternError):
            return f"the schema has a pattern that is not supported: {error.cause}"
        return f"the schema itself is none: {error.message[:_SHOWN]}"
    except Unresolvable as error:
        return f"the schema refers to {error.ref}, which is not within it"
    except PatternError as error:
        return f"the schema has a pattern that is not supported: {error}"
    except TooComplexError as error:
        return f"it cannot be held to the schema: {error}"
    except RecursionError:
        return "it or the schema is nested too deeply"
    return "" if violation is None else _broken(violation)


def _broken(found: ValidationError) -> str:
    """Return the violated rule and its place, without the value that the model wrote.

    Half of a surrogate pair in a name, which no text can hold, stays an escape.
    """
    rule = json.dumps(found.validator_value, ensure_ascii=False)
    place = found.json_path.encode(errors="backslashreplace").decode()
    return f"{place} does not keep to {found.validator} {rule[:_SHOWN]}"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not of JSON")
