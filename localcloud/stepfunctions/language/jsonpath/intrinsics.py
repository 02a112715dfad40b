"""Evaluate intrinsic functions of JSONPath states.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
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

from localcloud.stepfunctions.language.errors import INTRINSIC_FAILURE, RUNTIME, StatesError
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
    """A function cannot work with its arguments."""


def is_call(text: str) -> bool:
    """Return whether `text` is a call, well formed or not."""
    return text.startswith("States.")


def check(text: str) -> None:
    """Raise `IntrinsicSyntaxError` unless `text` is a well-formed call of a known function."""
    parse(text)


def evaluate(text: str, value: Json, environment: Environment) -> Json:
    """Evaluate the call with paths read from `value`.

    Raises `StatesError`: `States.IntrinsicFailure`, or `States.Runtime` if a path argument does
    not exist.
    """
    try:
        call = parse(text)
    except IntrinsicSyntaxError as problem:
        raise StatesError(INTRINSIC_FAILURE, str(problem)) from problem
    return _call(call, value, environment)


def _call(call: IntrinsicCall, value: Json, environment: Environment) -> Json:
    try:
        arguments = [_argument(part, value, environment) for part in call.arguments]
        if call.function == "Format" and isinstance(call.arguments[0], StringArgument):
            arguments[0] = call.arguments[0].raw
        return _FUNCTIONS[call.function](arguments)
    except _Failure as problem:
        raise StatesError(INTRINSIC_FAILURE, _cause(call, problem)) from problem
    except paths.PathMissing as problem:
        raise StatesError(RUNTIME, _cause(call, problem)) from problem


def _cause(call: IntrinsicCall, problem: Exception) -> str:
    return f"The function '{call.text}' had the following error: {problem}"


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
        raise _Failure(f"an array is expected, not {dumps(value)}")
    return value


def _string(value: Json) -> str:
    if not isinstance(value, str):
        raise _Failure(f"a string is expected, not {dumps(value)}")
    return value


def _short_string(value: Json) -> str:
    text = _string(value)
    if len(text) > MAX_CHARACTERS:
        raise _Failure(f"the string is longer than {MAX_CHARACTERS} characters")
    return text


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _Failure(f"an object is expected, not {dumps(value)}")
    return value


def _integer(value: Json) -> int:
    """Return a number rounded as AWS does: to the nearest integer, halves up."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Failure(f"a number is expected, not {dumps(value)}")
    return value if isinstance(value, int) else math.floor(value + 0.5)


def _positive(value: Json) -> int:
    number = _integer(value)
    if number <= 0:
        raise _Failure(f"a positive number is expected, not {number}")
    return number


def _format(arguments: _Arguments) -> Json:
    template, values = _string(arguments[0]), arguments[1:]
    pieces = re.findall(r"\\.|\{\}|[{}\\]|[^{}\\]+", template, re.DOTALL)
    if pieces.count("{}") != len(values):
        raise _Failure("the number of arguments does not match the occurrences of {}")
    rest = iter(values)
    return "".join(_format_piece(piece, rest.__next__) for piece in pieces)


def _format_piece(piece: str, next_value: Callable[[], Json]) -> str:
    if piece == "{}":
        return _display(next_value())
    if piece in {"{", "}", "\\"}:
        raise _Failure(f"'{piece}' must be escaped by a backslash")
    return piece[1:] if piece.startswith("\\") else piece


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
        raise _Failure(f"the string is not valid JSON ({problem})") from problem


def _array_partition(arguments: _Arguments) -> Json:
    items, size = _array(arguments[0]), _positive(arguments[1])
    return [items[start : start + size] for start in range(0, len(items), size)]


def _array_contains(arguments: _Arguments) -> Json:
    return any(is_equal(item, arguments[1]) for item in _array(arguments[0]))


def _array_range(arguments: _Arguments) -> Json:
    first, last, step = (_integer(argument) for argument in arguments)
    if step == 0:
        raise _Failure("the step must not be 0")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > MAX_RANGE_ITEMS:
        raise _Failure(f"the array would have more than {MAX_RANGE_ITEMS} items")
    return list(numbers)


def _array_get_item(arguments: _Arguments) -> Json:
    items, index = _array(arguments[0]), _integer(arguments[1])
    if not 0 <= index < len(items):
        raise _Failure(f"the index {index} is out of bounds for length {len(items)}")
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
        raise _Failure(f"the string is not Base64 of a text ({problem})") from problem


def _hash(arguments: _Arguments) -> Json:
    data, algorithm = arguments[0], _string(arguments[1])
    if algorithm not in _ALGORITHMS:
        raise _Failure(f"the algorithm is not one of {', '.join(_ALGORITHMS)}")
    text = _short_string(data if isinstance(data, str) else dumps(data))
    return hashlib.new(_ALGORITHMS[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _json_merge(arguments: _Arguments) -> Json:
    if arguments[2] is not False:
        raise _Failure("only the shallow merging mode is supported: the third argument is false")
    return {**_object(arguments[0]), **_object(arguments[1])}


def _math_random(arguments: _Arguments) -> Json:
    start, end = _integer(arguments[0]), _integer(arguments[1])
    if start >= end:
        raise _Failure("the start must be less than the end")
    seed = _integer(arguments[2]) if len(arguments) == 3 else None
    return random.Random(seed).randrange(start, end)  # noqa: S311 - AWS: not for secrets


def _math_add(arguments: _Arguments) -> Json:
    numbers = [_integer(argument) for argument in arguments]
    if any(not -(2**31) <= number < 2**31 for number in numbers):
        raise _Failure("the numbers must be within -2147483648 and 2147483647")
    return sum(numbers)


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
