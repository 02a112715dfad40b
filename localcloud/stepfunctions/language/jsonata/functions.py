"""The functions that Step Functions adds to JSONata.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided-by-sfn

Arguments and results are the library's: None is undefined, `Utils.NULL_VALUE` is null. The guide
does not say what a wrong argument does: that is as others have measured it at AWS.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import math
import random
import uuid
from collections.abc import Callable
from typing import Final, TypeAlias, cast

from jsonata.jexception import JException
from jsonata.utils import Utils

from localcloud.stepfunctions.language.values import Json

LibraryValue: TypeAlias = object
"""A value of the JSONata library."""

MAX_RANGE_ITEMS: Final = 360_145
"""The length from which AWS reports that the memory limit is exceeded."""

_ALGORITHMS: Final = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}


class EvaluationError(Exception):
    """A function refuses an argument; `str()` is JSONata's code of the error and its words."""


class MemoryLimitError(Exception):
    """An expression would build a value that is too large."""

    def __init__(self) -> None:
        super().__init__(
            "Expression evaluation memory limit exceeded: Check for excessive memory usage"
        )


def to_library_value(value: Json) -> LibraryValue:
    """Return `value` as the library's value: null is an object of its own."""
    if value is None:
        return cast(LibraryValue, Utils.NULL_VALUE)
    if isinstance(value, list):
        return [to_library_value(part) for part in value]
    if isinstance(value, dict):
        return {name: to_library_value(part) for name, part in value.items()}
    return value


def _mismatch(index: int, function: str) -> EvaluationError:
    return EvaluationError(
        f'T0410: Argument {index} of function "{function}" does not match function signature'
    )


def _integer(value: LibraryValue, index: int, function: str) -> int:
    """Return a number rounded towards zero, as AWS does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(index, function)
    return int(value)


def partition(array: LibraryValue = None, size: LibraryValue = None) -> LibraryValue:
    """Split `array` into parts of `size` items; undefined for size 0, one part without a size."""
    if array is None:
        return None
    if not isinstance(array, list):
        raise EvaluationError(
            'T0412: Argument 1 of function "partition" must be an array of undefined'
        )
    if size is None:
        return [array]
    length = _integer(size, 2, "partition")
    if length < 0:
        raise EvaluationError("D3137: Second argument must be zero or greater")
    if length == 0:
        return None
    return [array[start : start + length] for start in range(0, len(array), length)] or None


def number_range(
    start: LibraryValue = None, end: LibraryValue = None, step: LibraryValue = None
) -> LibraryValue:
    """Return the numbers from `start` to `end`, which is included if `step` leads there."""
    if start is None or end is None or step is None:
        return None
    first, last, by = (
        _integer(value, index, "range") for index, value in enumerate((start, end, step), 1)
    )
    if by == 0 or (last - first) * by < 0:
        return None
    numbers = range(first, last + (1 if by > 0 else -1), by)
    if len(numbers) > MAX_RANGE_ITEMS:
        raise MemoryLimitError
    return cast(LibraryValue, Utils.create_sequence_from_iter(numbers))


def hash_of(data: LibraryValue = None, algorithm: LibraryValue = None) -> LibraryValue:
    """Return the hexadecimal digest of a string; undefined without an algorithm."""
    if data is None or algorithm is None:
        return None
    if not isinstance(data, str):
        raise _mismatch(1, "hash")
    if not isinstance(algorithm, str):
        raise _mismatch(2, "hash")
    if algorithm not in _ALGORITHMS:
        raise EvaluationError(
            f"D3137: Hash algorithm '{algorithm}' must be one of "
            "SHA-1, SHA-384, SHA-256, SHA-512, MD5"
        )
    return hashlib.new(
        _ALGORITHMS[algorithm], data.encode("utf-8", "surrogatepass"), usedforsecurity=False
    ).hexdigest()


_MULTIPLIER: Final = 0x5DEECE66D
_MASK: Final = 2**48 - 1


def random_number(seed: LibraryValue = None) -> LibraryValue:
    """Return a number in [0, 1); with a seed, what Java's `Random` of that seed gives first."""
    if seed is None:
        return random.random()  # noqa: S311 - AWS: not for secrets
    state = (_integer(seed, 1, "random") ^ _MULTIPLIER) & _MASK
    high = _following(state)
    low = _following(high)
    return ((high >> 22) * 2**27 + (low >> 21)) / 2**53


def _following(state: int) -> int:
    return (state * _MULTIPLIER + 11) & _MASK


def new_uuid() -> LibraryValue:
    """Return a version 4 UUID."""
    return str(uuid.uuid4())


def parse(text: LibraryValue = None) -> LibraryValue:
    """Return the value of a JSON text, which repeats no name and holds no infinite number."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise _mismatch(1, "parse")
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_constant=_refuse,
            parse_int=_long,
            parse_float=_finite,
        )
    except ValueError as problem:
        raise EvaluationError("D3137: Invalid JSON") from problem
    return to_library_value(value)


def _distinct(pairs: list[tuple[str, Json]]) -> Json:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name is repeated")
    return members


def _refuse(name: str) -> Json:
    raise ValueError(name)


def _long(digits: str) -> Json:
    number = int(digits)
    return number if -(2**63) <= number < 2**63 else _finite(digits)


def _finite(digits: str) -> Json:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(digits)
    return number


def no_eval(*_: LibraryValue) -> LibraryValue:
    """Refuse `$eval`, which Step Functions does not have."""
    raise JException("T1006", 0)


def _refuse_surplus(
    name: str, function: Callable[..., LibraryValue]
) -> Callable[..., LibraryValue]:
    """Return `function` so that it names the first argument that is one too many."""
    most = len(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*arguments: LibraryValue) -> LibraryValue:
        if len(arguments) > most:
            raise _mismatch(most + 1, name)
        return function(*arguments)

    return call


_ADDED: Final[dict[str, Callable[..., LibraryValue]]] = {
    "partition": partition,
    "range": number_range,
    "hash": hash_of,
    "random": random_number,
    "uuid": new_uuid,
    "parse": parse,
}
FUNCTIONS: Final = {
    **{name: _refuse_surplus(name, function) for name, function in _ADDED.items()},
    "eval": no_eval,
}
