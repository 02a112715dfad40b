"""The `filter` of a query, as a caller writes it; `retrieval/search/filters.py` applies it.

All that one object names must hold. `any` and `all` hold further objects of the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import HttpInput
from chalicelib.contracts.metadata import MAX_TEXT, check_number
from chalicelib.contracts.names import (
    COLLECTION_SCHEMA,
    MAX_PATH_CHARACTERS,
    MEDIA_TYPE_SCHEMA,
    Collection,
    media_type,
)
from chalicelib.errors import InvalidInput

LANGUAGE_PATTERN = r"^[a-z]{2,3}$"
PICTURES = "image/*"
"""Stands for the media types of all documents that are pictures."""
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


def _as_it_is(value: object) -> object:
    """Return a value that a plain validator made; Pydantic would serialise it by another type."""
    return value


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


def _media_type(text: str) -> str:
    return text if text == PICTURES else media_type(text)


_SCALAR: Mapping[str, Any] = {
    "anyOf": [
        {"type": "string", "maxLength": MAX_TEXT},
        {"type": "number"},
        {"type": "boolean"},
    ]
}


def _one_or_several(schema: Mapping[str, Any]) -> WithJsonSchema:
    several = {"type": "array", "items": schema, "minItems": 1, "maxItems": MAX_VALUES}
    return WithJsonSchema({"anyOf": [schema, several]})


Bound = Annotated[int | float | None, PlainValidator(_number), WithJsonSchema({"type": "number"})]
OneOf = Annotated[Scalar | None, PlainValidator(_scalar), WithJsonSchema(dict(_SCALAR))]
Values = Annotated[
    tuple[Scalar, ...] | None,
    PlainValidator(_scalars),
    PlainSerializer(_as_it_is),
    WithJsonSchema({"type": "array", "items": _SCALAR, "minItems": 1, "maxItems": MAX_VALUES}),
]


class Condition(HttpInput):
    """The condition on the value of one name; all given operators must hold."""

    eq: OneOf = None
    ne: OneOf = None
    gt: Bound = None
    gte: Bound = None
    lt: Bound = None
    lte: Bound = None
    in_: Values = Field(None, alias="in")
    exists: StrictBool | None = None


class Uploaded(HttpInput):
    """When the version that answers was uploaded: at or after `after`, and before `before`."""

    after: AwareDatetime | None = None
    before: AwareDatetime | None = None


Place = Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARACTERS)]
Collections = Annotated[
    tuple[Collection, ...],
    BeforeValidator(_several),
    Field(min_length=1, max_length=MAX_VALUES),
    _one_or_several(COLLECTION_SCHEMA),
]
MediaTypes = Annotated[
    tuple[Annotated[str, Field(max_length=255), AfterValidator(_media_type)], ...],
    BeforeValidator(_several),
    Field(min_length=1, max_length=MAX_VALUES),
    _one_or_several({"anyOf": [{"const": PICTURES}, MEDIA_TYPE_SCHEMA]}),
]
Languages = Annotated[
    tuple[Annotated[str, Field(pattern=LANGUAGE_PATTERN)], ...],
    BeforeValidator(_several),
    Field(min_length=1, max_length=MAX_VALUES),
    _one_or_several({"type": "string", "pattern": LANGUAGE_PATTERN}),
]
Conditions = Annotated[
    Condition,
    BeforeValidator(_condition, json_schema_input_type=Condition | OneOf | Values),
]


class Filter(HttpInput):
    """A filter of documents: a query sees those that meet every given condition."""

    collection: Collections | None = None
    path: Place | None = None
    """The path of one document, or of a folder where it ends in "/"."""
    path_prefix: Annotated[Place, Field(json_schema_extra={"pattern": "/$"})] | None = None
    """A folder; ends in "/"."""
    media_type: MediaTypes | None = None
    language: Languages | None = None
    uploaded: Uploaded | None = None
    metadata: dict[str, Conditions] | None = None
    any: Annotated[tuple[Filter, ...], Field(min_length=1, max_length=MAX_PARTS)] | None = None
    all: Annotated[tuple[Filter, ...], Field(min_length=1, max_length=MAX_PARTS)] | None = None


FieldType = Literal["string", "number", "boolean", "strings"]
"""The type of a field that a collection declares; `strings` is a list of strings."""
