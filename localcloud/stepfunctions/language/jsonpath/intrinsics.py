"""Evaluate intrinsic functions of JSONPath states.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html

Where the guide and what AWS is seen to do differ, the latter holds: arguments of a wrong type fail
with States.Runtime, which nothing catches, and not with States.IntrinsicFailure; a fraction is
rounded by MathAdd alone, and cut by the other functions; ArrayContains compares texts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import random
import re
import uuid
from collections.abc import Callable
from typing import Final, TypeAlias

from localcloud.stepfunctions.language.errors import RUNTIME, StatesError
from localcloud.stepfunctions.language.jsonpath import paths
from localcloud.stepfunctions.language.jsonpath.intrinsic_parser import (
    Argument,
    ConstantArgument,
    IntrinsicCall,
    IntrinsicSyntaxError,
    StringArgument,
    parse,
)
from localcloud.stepfunctions.language.values import Environment, Json, dumps, is_equal, loads

__all__ = ["IntrinsicSyntaxError", "check", "evaluate", "is_call"]

MAX_CHARACTERS: Final = 10_000
MAX_RANGE_ITEMS: Final = 1_000
_ALGORITHMS: Final = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}


class _Failure(Exception):  # noqa: N818 - it always becomes a StatesError
    """A function cannot work with its arguments; `str()` says why, in AWS's words."""


class _InvalidArgument(Exception):  # noqa: N818 - it always becomes a _Failure
    """An argument has a wrong type, or a value that the function does not take."""


def is_call(text: str) -> bool:
    """Return whether `text` is a call, well formed or not."""
    return text.startswith("States.")


def check(text: str) -> None:
    """Raise `IntrinsicSyntaxError` unless `text` is a well-formed call of a known function."""
    parse(text)


def evaluate(text: str, value: Json, environment: Environment) -> Json:
    """Evaluate the call with paths read from `value`.

    Raises `StatesError` with `States.Runtime`.
    """
    try:
        return _call(parse(text), value, environment)
    except IntrinsicSyntaxError as problem:
        raise StatesError(RUNTIME, str(problem)) from problem
    except (_Failure, paths.PathMissing) as problem:
        cause = f"The function '{text}' had the following error: {problem}"
        raise StatesError(RUNTIME, cause) from problem


def _call(call: IntrinsicCall, value: Json, environment: Environment) -> Json:
    arguments = [_argument(part, value, environment) for part in call.arguments]
    if call.function == "Format" and isinstance(call.arguments[0], StringArgument):
        arguments[0] = call.arguments[0].raw
    try:
        return _FUNCTIONS[call.function](arguments)
    except _InvalidArgument as problem:
        raise _Failure(f"Invalid arguments in States.{call.function}") from problem


def _argument(argument: Argument, value: Json, environment: Environment) -> Json:
    if isinstance(argument, StringArgument | ConstantArgument):
        return argument.value
    if isinstance(argument, IntrinsicCall):
        return _call(argument, value, environment)
    try:
        return paths.read(argument.path, value, environment)
    except paths.PathMissing as problem:
        raise paths.PathMissing(
            f"The JsonPath argument for the field '{argument.path}' could not be found in the "
            f"input '{dumps(value)}'"
        ) from problem


_Arguments: TypeAlias = list[Json]


def _array(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise _InvalidArgument
    return value


def _string(value: Json) -> str:
    if not isinstance(value, str):
        raise _InvalidArgument
    return value


def _short_string(value: Json) -> str:
    text = _string(value)
    if len(text) > MAX_CHARACTERS:
        raise _InvalidArgument
    return text


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _InvalidArgument
    return value


def _number(value: Json) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _InvalidArgument
    return value


def _integer(value: Json) -> int:
    """Return a number without its fraction."""
    return math.trunc(_number(value))


def _format(arguments: _Arguments) -> Json:
    values = arguments[1:]
    template = arguments[0] if isinstance(arguments[0], str) else dumps(arguments[0])
    pieces = re.findall(r"\\.|\{\}|[{}\\]|[^{}\\]+", template, re.DOTALL)
    if any(piece in {"{", "}", "\\"} for piece in pieces):
        raise _Failure("Invalid template in States.Format: matching '}' not found for '{'.")
    if pieces.count("{}") != len(values):
        raise _Failure(
            "Invalid arguments in States.Format: "
            "number of arguments do not match the occurrences of {}."
        )
    rest = iter(values)
    return "".join(
        _display(next(rest)) if piece == "{}" else piece.removeprefix("\\") for piece in pieces
    )


def _display(value: Json) -> str:
    """Return `value` as AWS formats it: strings as they are, objects as Java prints maps."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(_display, value))}]"
    if isinstance(value, dict):
        members = (f"{name}={_display(part)}" for name, part in value.items())
        return f"{{{', '.join(members)}}}"
    return dumps(value)


def _string_to_json(arguments: _Arguments) -> Json:
    text = _string(arguments[0])
    if not text.strip():
        return None
    try:
        return loads(text)
    except ValueError as problem:
        raise _InvalidArgument from problem


def _array_partition(arguments: _Arguments) -> Json:
    items, size = _array(arguments[0]), _integer(arguments[1])
    if size <= 0:
        raise _InvalidArgument
    return [items[start : start + size] for start in range(0, len(items), size)]


def _array_contains(arguments: _Arguments) -> Json:
    return any(_has_same_text(item, arguments[1]) for item in _array(arguments[0]))


def _has_same_text(one: Json, other: Json) -> bool:
    """Return whether two values are written alike: true is "true", but no object in other order."""
    return _text(one) == _text(other)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else dumps(value)


def _array_range(arguments: _Arguments) -> Json:
    first, last, step = (_integer(argument) for argument in arguments)
    if step == 0:
        raise _InvalidArgument
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > MAX_RANGE_ITEMS:
        raise _InvalidArgument
    return list(numbers)


def _array_get_item(arguments: _Arguments) -> Json:
    items, index = _array(arguments[0]), _integer(arguments[1])
    if not 0 <= index < len(items):
        raise _InvalidArgument
    return items[index]


def _array_unique(arguments: _Arguments) -> Json:
    kept: list[Json] = []
    for item in _array(arguments[0]):
        if not any(is_equal(item, other) for other in kept):
            kept.append(item)
    return kept


def _base64_encode(arguments: _Arguments) -> Json:
    return base64.b64encode(_short_string(arguments[0]).encode()).decode()


def _base64_decode(arguments: _Arguments) -> Json:
    try:
        return base64.b64decode(_short_string(arguments[0]), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as problem:
        raise _InvalidArgument from problem


def _hash(arguments: _Arguments) -> Json:
    data, algorithm = arguments[0], _string(arguments[1])
    if algorithm not in _ALGORITHMS:
        raise _InvalidArgument
    text = _short_string(_text(data))
    return hashlib.new(_ALGORITHMS[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _json_merge(arguments: _Arguments) -> Json:
    if arguments[2] is not False:
        raise _InvalidArgument
    return {**_object(arguments[0]), **_object(arguments[1])}


def _math_random(arguments: _Arguments) -> Json:
    start, end = _integer(arguments[0]), _integer(arguments[1])
    if start >= end:
        raise _InvalidArgument
    seed = _integer(arguments[2]) if len(arguments) == 3 else None
    return random.Random(seed).randrange(start, end)  # noqa: S311 - AWS: not for secrets


def _math_add(arguments: _Arguments) -> Json:
    """Add two numbers, each rounded, halves up; they and the sum have 32 bits."""
    one, other = (math.floor(_number(argument) + 0.5) for argument in arguments)
    if any(not -(2**31) <= number < 2**31 for number in (one, other, one + other)):
        raise _InvalidArgument
    return one + other


def _string_split(arguments: _Arguments) -> Json:
    """Split at any character of the second string; empty parts are dropped."""
    text, delimiters = _string(arguments[0]), _string(arguments[1])
    parts = re.split(f"[{re.escape(delimiters)}]", text) if delimiters else [text]
    return [part for part in parts if part]


_FUNCTIONS: Final[dict[str, Callable[[_Arguments], Json]]] = {
    "Array": lambda arguments: arguments,
    "ArrayContains": _array_contains,
    "ArrayGetItem": _array_get_item,
    "ArrayLength": lambda arguments: len(_array(arguments[0])),
    "ArrayPartition": _array_partition,
    "ArrayRange": _array_range,
    "ArrayUnique": _array_unique,
    "Base64Decode": _base64_decode,
    "Base64Encode": _base64_encode,
    "Format": _format,
    "Hash": _hash,
    "JsonMerge": _json_merge,
    "JsonToString": lambda arguments: dumps(arguments[0]),
    "MathAdd": _math_add,
    "MathRandom": _math_random,
    "StringSplit": _string_split,
    "StringToJson": _string_to_json,
    "UUID": lambda _: str(uuid.uuid4()),
}
