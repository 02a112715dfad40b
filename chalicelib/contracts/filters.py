"""The `filter` of a query, as a caller writes it. What it means is in `retrieval/filters.py`.

All that one object names must hold. `any` and `all` hold further objects of the same kind.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, PlainValidator, StrictBool
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import HttpInput
from chalicelib.contracts.metadata import MAX_TEXT, check_number
from chalicelib.contracts.names import MAX_PATH_CHARACTERS, Collection, MediaType
from chalicelib.errors import InvalidInput

MAX_VALUES = 50
"""Values that one list of a filter may hold."""
MAX_PARTS = 20
"""Filters that one `any` or `all` may hold."""

Scalar = bool | int | float | str


def _scalar(value: object) -> Scalar:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        limit = {"max_length": MAX_TEXT}
        raise PydanticCustomError("text", "a text has at most {max_length} characters", limit)
    if isinstance(value, bool | str):
        return value
    return _number(value, "a value is a string, a number, or true or false")


def _number(value: object, otherwise: str = "a bound is a number") -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("value", "{why}", {"why": otherwise})
    try:
        return check_number(value, "it")
    except InvalidInput as error:
        why = error.message.removesuffix(".")
        raise PydanticCustomError("value", "{why}", {"why": why}) from error


def _scalars(value: object) -> tuple[Scalar, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
        limit = {"max_length": MAX_VALUES}
        raise PydanticCustomError("values", "a list of 1 to {max_length} values", limit)
    return tuple(map(_scalar, value))


def _several(value: object) -> object:
    """Return one value as a list of one; pydantic wants a tuple where it is strict."""
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str) else value


def _condition(value: object) -> object:
    """Return a bare value as the condition that it stands for."""
    if isinstance(value, dict):
        return value
    return {"in": value} if isinstance(value, list) else {"eq": value}


Bound = Annotated[int | float | None, PlainValidator(_number)]
OneOf = Annotated[Scalar | None, PlainValidator(_scalar)]


class Condition(HttpInput):
    """What the value of one name must be; all operators given must hold."""

    eq: OneOf = None
    ne: OneOf = None
    gt: Bound = None
    gte: Bound = None
    lt: Bound = None
    lte: Bound = None
    in_: Annotated[tuple[Scalar, ...] | None, PlainValidator(_scalars)] = Field(None, alias="in")
    exists: StrictBool | None = None


class Uploaded(HttpInput):
    """When the version that answers was uploaded: at or after `after`, and before `before`."""

    after: AwareDatetime | None = None
    before: AwareDatetime | None = None


Place = Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARACTERS)]
Collections = Annotated[
    tuple[Collection, ...], BeforeValidator(_several), Field(min_length=1, max_length=MAX_VALUES)
]
MediaTypes = Annotated[
    tuple[MediaType, ...], BeforeValidator(_several), Field(min_length=1, max_length=MAX_VALUES)
]
Languages = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ...],
    BeforeValidator(_several),
    Field(min_length=1, max_length=MAX_VALUES),
]


class Filter(HttpInput):
    """Which documents a query looks at."""

    collection: Collections | None = None
    path: Place | None = None
    """The path of one document, or of a folder where it ends in "/"."""
    path_prefix: Place | None = None
    """A folder; ends in "/"."""
    media_type: MediaTypes | None = None
    language: Languages | None = None
    uploaded: Uploaded | None = None
    metadata: dict[str, Annotated[Condition, BeforeValidator(_condition)]] | None = None
    any: Annotated[tuple[Filter, ...], Field(min_length=1, max_length=MAX_PARTS)] | None = None
    all: Annotated[tuple[Filter, ...], Field(min_length=1, max_length=MAX_PARTS)] | None = None


FieldType = Literal["string", "number", "boolean", "strings"]
"""The type of a field that a collection declares; `strings` is a list of strings."""
