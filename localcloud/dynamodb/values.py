"""Attribute values: reading, sizes, comparison.

A value is a dictionary of one member that names its type, as on the wire: `{"S": "text"}`.
Binary values stay base64, in its canonical form.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from localcloud.dynamodb.errors import invalid, invalid_values
from localcloud.dynamodb.numbers import canonical_number, number_size
from localcloud.errors import AwsError

Value = dict[str, Any]
Item = dict[str, Value]

MAX_DEPTH = 32
_SET_WORDS = {"SS": "string", "NS": "number", "BS": "binary"}


def read_value(value: object, depth: int = 0) -> Value:
    """Return a value of a request in its canonical form. Raises AwsError if it is not valid."""
    if not isinstance(value, dict):
        raise AwsError("SerializationException", "An attribute value must be an object")
    if len(value) != 1:
        what = "is empty" if not value else "has more than one datatypes set"
        raise invalid(
            f"Supplied AttributeValue {what}, must contain exactly one of the supported datatypes"
        )
    [(kind, content)] = value.items()
    if kind == "S" and type(content) is str:
        return {"S": _text(content)}
    read = _READERS.get(kind)
    if read is None:
        raise invalid(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    return {kind: read(content, depth)}


def _text(content: object) -> str:
    if not isinstance(content, str):
        raise AwsError("SerializationException", "An S value must be a string")
    if not content.isascii():
        try:
            content.encode()
        except UnicodeEncodeError as error:
            raise AwsError(
                "SerializationException", "A string has half a surrogate pair, which is no text"
            ) from error
    return content


def _number(content: object) -> str:
    if not isinstance(content, str):
        raise AwsError("SerializationException", "An N value must be a string")
    return canonical_number(content)


def _binary(content: object) -> str:
    try:
        raw = base64.b64decode(content, validate=True)  # type: ignore[arg-type]
    except (binascii.Error, TypeError, ValueError) as error:
        raise AwsError("SerializationException", "A B value must be base64") from error
    return base64.b64encode(raw).decode()


def _boolean(content: object, _: int) -> bool:
    if not isinstance(content, bool):
        raise AwsError("SerializationException", "A BOOL value must be a boolean")
    return content


def _null(content: object, _: int) -> bool:
    if content is not True:
        raise invalid_values("Null attribute value types must have the value of true")
    return True


def _set(kind: str, read: Callable[[object], str]) -> Callable[[object, int], list[str]]:
    def read_set(content: object, _: int) -> list[str]:
        if not isinstance(content, list):
            raise AwsError("SerializationException", f"A value of type {kind} must be a list")
        if not content:
            raise invalid_values(f"An {_SET_WORDS[kind]} set  may not be empty")
        members = [read(member) for member in content]
        if len(set(members)) != len(members):
            raise invalid_values(f"Input collection [{', '.join(members)}] contains duplicates.")
        return members

    return read_set


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise invalid(
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested "
            "levels beyond supported limit"
        )


def _list(content: object, depth: int) -> list[Value]:
    if not isinstance(content, list):
        raise AwsError("SerializationException", "An L value must be a list")
    _check_depth(depth)
    return [read_value(member, depth + 1) for member in content]


def _map(content: object, depth: int) -> dict[str, Value]:
    if not isinstance(content, dict):
        raise AwsError("SerializationException", "An M value must be an object")
    _check_depth(depth)
    return {_text(name): read_value(member, depth + 1) for name, member in content.items()}


_READERS: Mapping[str, Callable[[object, int], Any]] = {
    "S": lambda content, _: _text(content),
    "N": lambda content, _: _number(content),
    "B": lambda content, _: _binary(content),
    "BOOL": _boolean,
    "NULL": _null,
    "SS": _set("SS", _text),
    "NS": _set("NS", _number),
    "BS": _set("BS", _binary),
    "L": _list,
    "M": _map,
}


def kind_of(value: Mapping[str, Any]) -> str:
    """Return the name of a value's type, such as "S"."""
    return next(iter(value))


def binary_size(text: str) -> int:
    """Return how many bytes canonical base64 stands for."""
    return len(text) // 4 * 3 - text.count("=", -2)


def text_size(text: str) -> int:
    """Return the bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


_SCALAR_SIZES: Mapping[str, Callable[[str], int]] = {
    "S": text_size,
    "N": number_size,
    "B": binary_size,
}


def value_size(value: Value) -> int:
    """Return the bytes that a value counts towards the size of its item.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    [(kind, content)] = value.items()
    if kind in _SCALAR_SIZES:
        return _SCALAR_SIZES[kind](content)
    if kind in _SET_WORDS:
        return sum(map(_SCALAR_SIZES[kind[0]], content))
    if kind == "L":
        return 3 + sum(value_size(member) + 1 for member in content)
    if kind == "M":
        return 3 + item_size(content) + len(content)
    return 1


def item_size(item: Mapping[str, Value]) -> int:
    """Return the bytes of an item: its names and values."""
    return sum(text_size(name) + value_size(value) for name, value in item.items())


def same(left: Value | None, right: Value | None) -> bool:
    """Return whether two values are equal; sets are, in any order."""
    if left is None or right is None:
        return False
    if left == right:
        return True
    kind = kind_of(left)
    if kind != kind_of(right) or kind in ("S", "N", "B", "BOOL", "NULL"):
        return False
    mine, other = left[kind], right[kind]
    if kind in _SET_WORDS:
        return set(mine) == set(other)
    if len(mine) != len(other):
        return False
    if kind == "L":
        return all(same(one, two) for one, two in zip(mine, other, strict=True))
    return all(same(value, other.get(name)) for name, value in mine.items())


def ordered(value: Value | None) -> tuple[str, Any] | None:
    """Return the type of a value and what Python orders as DynamoDB does, None if it does not."""
    if value is None:
        return None
    [(kind, content)] = value.items()
    if kind == "S":
        return kind, content
    if kind == "N":
        return kind, Decimal(content)
    return (kind, base64.b64decode(content)) if kind == "B" else None


def members(values: Sequence[str], added: Sequence[str]) -> list[str]:
    """Return the union of two sets, in the order of the first."""
    return [*values, *(value for value in added if value not in set(values))]
