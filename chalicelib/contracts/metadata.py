"""Metadata of documents, given by users: names with typed values.

It travels as the user metadata of the upload's object and becomes filterable metadata of each
of the document's vectors. S3 takes 2 KB of user metadata an object, S3 Vectors 2 KB of
filterable metadata a vector; the limits here leave room for what we write there ourselves.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr

from chalicelib.errors import InvalidInput

MetadataValue = StrictBool | StrictInt | StrictFloat | StrictStr | tuple[StrictStr, ...]
Metadata = dict[str, MetadataValue]

USER_PREFIX = "m_"
"""Sets the names of users apart from ours in the metadata of a vector."""
MAX_NAMES = 20
MAX_BYTES = 1_024
MAX_TEXT = 256
MAX_LIST = 20
MAX_DIGITS = 15
"""Significant digits of a number: as many as a double keeps, and as JSONata, which the state
machine speaks, writes.

https://docs.jsonata.org/string-functions#string
"""
RESERVED = frozenset(
    {
        "collection",
        "document_id",
        "heading",
        "language",
        "media_type",
        "page",
        "path",
        "text",
        "uploaded_at",
        "version",
    }
)
"""Names of what we know of every document ourselves."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
NAMES_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "maxProperties": MAX_NAMES,
    "propertyNames": {"pattern": f"^{_NAME.pattern}$", "not": {"enum": sorted(RESERVED)}},
}
"""An object of names that a user may give."""
METADATA_SCHEMA: Mapping[str, Any] = {
    **NAMES_SCHEMA,
    "additionalProperties": {
        "anyOf": [
            {"type": "string", "maxLength": MAX_TEXT},
            {"type": "number"},
            {"type": "boolean"},
            {
                "type": "array",
                "items": {"type": "string", "maxLength": MAX_TEXT},
                "minItems": 1,
                "maxItems": MAX_LIST,
            },
        ]
    },
}
"""The JSON Schema of metadata, without limits on its bytes or on the digits of a number."""
NAME_RULE = "1 to 40 of a-z, 0-9 and '_', beginning with a letter"


def check_name(name: str, within: str = "metadata") -> None:
    """Raise `InvalidInput` unless `name` can name a value; `within` is the field it is in."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{within}: {name[:60]!r} is no name; a name has {NAME_RULE}.",
            field=within,
            limit=_NAME.pattern,
        )
    if name in RESERVED:
        raise InvalidInput(
            f"{within}: {name!r} is a name that every document has already; use another.",
            field=f"{within}.{name}",
        )


def check_metadata(given: Mapping[str, object]) -> Metadata:
    """Return `given`, parsed from JSON, as metadata.

    Raises:
        InvalidInput: a name or a value is none, or there is too much; it says which, and the
            limit.
    """
    if len(given) > MAX_NAMES:
        raise InvalidInput(
            f"metadata has {len(given)} names; at most {MAX_NAMES} are taken.",
            field="metadata",
            limit=str(MAX_NAMES),
        )
    for name in given:
        check_name(name)
    checked = {name: _value(name, value) for name, value in given.items()}
    size = len(_written(checked))
    if size > MAX_BYTES:
        raise InvalidInput(
            f"metadata has {size} bytes as JSON; at most {MAX_BYTES} are taken.",
            field="metadata",
            limit=str(MAX_BYTES),
        )
    return checked


def same_metadata(one: Metadata, other: Metadata) -> bool:
    """Say whether both tell the same; true is not 1, as it is not for the index."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def encode_metadata(metadata: Metadata) -> str:
    """Return `metadata` as an object's user metadata carries it: JSON, in base64url."""
    return base64.urlsafe_b64encode(_written(metadata)).decode().rstrip("=")


def decode_metadata(text: str) -> Metadata:
    """Return the metadata that an object carries, as base64url or as JSON itself.

    Raises:
        InvalidInput: it is neither, or not within the limits.
    """
    try:
        raw = text if text.lstrip().startswith("{") else _decoded(text)
        given = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidInput(
            "The object's user metadata 'metadata' is neither JSON nor JSON in base64url.",
            field="metadata",
        ) from error
    if not isinstance(given, dict):
        raise InvalidInput("metadata must be a JSON object.", field="metadata")
    return check_metadata(given)


def _decoded(text: str) -> str:
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True).decode()


def _written(metadata: Metadata) -> bytes:
    text = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("metadata is not valid Unicode.", field="metadata") from error


def _value(name: str, value: object) -> bool | int | float | str | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return check_number(value, f"metadata.{name}")
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        if not 1 <= len(value) <= MAX_LIST:
            raise InvalidInput(
                f"metadata.{name} is a list of {len(value)}; a list has 1 to {MAX_LIST} strings.",
                field=f"metadata.{name}",
                limit=str(MAX_LIST),
            )
        return tuple(_text(name, item) for item in value)
    raise InvalidInput(
        f"metadata.{name} must be a string, a number, true or false, or a list of strings.",
        field=f"metadata.{name}",
    )


def check_number(value: float, field: str) -> int | float:
    """Return `value`, as an integer where it is whole.

    Raises:
        InvalidInput: it is not finite, or has more digits than are kept.
    """
    if not math.isfinite(value):
        raise InvalidInput(f"{field} must be a finite number.", field=field)
    if abs(value) < 10**MAX_DIGITS and value == int(value):
        return int(value)
    if isinstance(value, int) or float(f"{value:.{MAX_DIGITS}g}") != value:
        raise InvalidInput(
            f"{field} has more than {MAX_DIGITS} significant digits; round it, or send a string.",
            field=field,
            limit=str(MAX_DIGITS),
        )
    return value


def _text(name: str, text: str) -> str:
    if len(text) > MAX_TEXT:
        raise InvalidInput(
            f"metadata.{name} has {len(text)} characters; at most {MAX_TEXT} are taken.",
            field=f"metadata.{name}",
            limit=str(MAX_TEXT),
        )
    return text
