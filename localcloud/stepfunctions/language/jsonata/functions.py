"""The functions that Step Functions adds to JSONata.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided-by-sfn

Arguments and results are the library's: None is undefined, `Utils.NULL_VALUE` is null.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable
from typing import Final, TypeAlias, cast

from jsonata.jexception import JException
from jsonata.utils import Utils

from localcloud.stepfunctions.language.values import Json, loads

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


def _mismatch(index: int, function: str) -> JException:
    return JException("T0410", -1, index, function)


def _integer(value: LibraryValue, index: int, function: str) -> int:
    """Return a number rounded towards zero, as AWS does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(index, function)
    return int(value)


def partition(array: LibraryValue = None, size: LibraryValue = None) -> LibraryValue:
    """Split `array` into parts of `size` items; undefined for an empty array or size 0."""
    if array is None or size is None:
        return None
    items = array if isinstance(array, list) else [array]
    length = _integer(size, 2, "partition")
    if length <= 0:
        return None
    parts = [items[start : start + length] for start in range(0, len(items), length)]
    return parts or None


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
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise _mismatch(2, "hash")
    return hashlib.new(
        _ALGORITHMS[algorithm], data.encode("utf-8", "surrogatepass"), usedforsecurity=False
    ).hexdigest()


def random_number(seed: LibraryValue = None) -> LibraryValue:
    """Return a number in [0, 1), always the same for the same seed."""
    source = random.Random() if seed is None else random.Random(_integer(seed, 1, "random"))  # noqa: S311 - AWS: not for secrets
    return source.random()


def new_uuid() -> LibraryValue:
    """Return a version 4 UUID."""
    return str(uuid.uuid4())


def parse(text: LibraryValue = None) -> LibraryValue:
    """Return the value of a JSON text."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise _mismatch(1, "parse")
    return to_library_value(loads(text))


def no_eval(*_: LibraryValue) -> LibraryValue:
    """Refuse `$eval`, which Step Functions does not have."""
    raise JException("T1006", 0)


FUNCTIONS: Final[dict[str, Callable[..., LibraryValue]]] = {
    "partition": partition,
    "range": number_range,
    "hash": hash_of,
    "random": random_number,
    "uuid": new_uuid,
    "parse": parse,
    "eval": no_eval,
}
