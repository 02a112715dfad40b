"""Rules for names of collections and media types, for bodies, keys and filters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

COLLECTION_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
MONITOR_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
COLLECTION_RULE = (
    "a collection's name has 1 to 63 lower-case letters, digits, '-' and '_', "
    "and begins with a letter or a digit"
)
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_PARAMETER = r'\s*;\s*[A-Za-z0-9!#$&^_.+-]+=(?:[A-Za-z0-9!#$&^_.+:-]+|"[^"\\]*")'
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}(?:{_PARAMETER})*")
"""https://www.rfc-editor.org/rfc/rfc6838#section-4.2, with the parameters of RFC 9110, 8.3.1."""

MAX_PATH_CHARACTERS = 512


def is_collection(name: str) -> bool:
    """Say whether a collection can have this name."""
    return re.fullmatch(COLLECTION_PATTERN, name) is not None


def _collection(name: str) -> str:
    if not is_collection(name):
        raise PydanticCustomError("collection", COLLECTION_RULE)
    return name


def media_type(text: str) -> str:
    """Return what is a media type; raise pydantic's error for anything else."""
    if not _MEDIA_TYPE.fullmatch(text):
        raise PydanticCustomError("media_type", "a media type looks like 'text/plain'")
    return text


COLLECTION_SCHEMA: Mapping[str, Any] = {"type": "string", "pattern": COLLECTION_PATTERN}
"""The JSON Schema of a collection's name."""
MEDIA_TYPE_SCHEMA: Mapping[str, Any] = {
    "type": "string",
    "maxLength": 255,
    "pattern": f"^{_MEDIA_TYPE.pattern}$",
}

Collection = Annotated[str, AfterValidator(_collection), WithJsonSchema(dict(COLLECTION_SCHEMA))]
EndUser = Annotated[str, Field(max_length=256)]
"""Whom a tenant serves by a call, in its own words, such as an account's id; "" leaves it open.

An end user stays in one arm of a rollout. Without one, the API key counts as the end user. It is
stored as a hash only.
"""
MediaType = Annotated[
    str,
    Field(max_length=255),
    AfterValidator(media_type),
    WithJsonSchema(dict(MEDIA_TYPE_SCHEMA)),
]
EXTRACTOR_REFERENCE_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}(@[1-9][0-9]{0,3})?$"
ExtractorReference = Annotated[str, Field(pattern=EXTRACTOR_REFERENCE_PATTERN)]
"""A saved extractor: `NAME` for its newest version at the time, or `NAME@VERSION`."""
MonitorName = Annotated[str, Field(pattern=MONITOR_PATTERN)]
S3_URI_PATTERN = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.{1,1024}$"
S3Uri = Annotated[str, Field(pattern=S3_URI_PATTERN, max_length=1_100)]
