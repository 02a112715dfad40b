"""Convert between the JSON of states and botocore's values, by a service's shapes.

Members are named as in AWS's Java SDK. A blob is text if it is UTF-8, else base64; a timestamp
is ISO 8601; a stream is read to its end.
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeAlias

from botocore.model import ListShape, MapShape, Shape, StructureShape

from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps

Naming: TypeAlias = Callable[[str], str]


def to_call_parameters(shape: Shape | None, value: Json, naming: Naming, where: str = "") -> Any:
    """Return `value` as botocore's parameters. Raises `ReportedError` for an unknown member."""
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        return _structure(shape, value, naming, where)
    if isinstance(shape, ListShape):
        return [
            to_call_parameters(shape.member, item, naming, where) for item in _list(value, where)
        ]
    if isinstance(shape, MapShape):
        members = _object(value, where).items()
        return {
            key: to_call_parameters(shape.value, item, naming, f"{where}.{key}")
            for key, item in members
        }
    if shape is not None and shape.type_name == "blob":
        return value.encode() if isinstance(value, str) else dumps(value).encode()
    return value


def _structure(shape: StructureShape, value: Json, naming: Naming, where: str) -> dict[str, Any]:
    names = {naming(member): member for member in shape.members}
    call: dict[str, Any] = {}
    for name, item in _object(value, where).items():
        if name not in names:
            raise ReportedError(
                errors.RUNTIME,
                f"The field '{name}' is not supported by Step Functions",
            )
        if item is not None:
            member = names[name]
            call[member] = to_call_parameters(
                shape.members[member], item, naming, f"{where}.{name}"
            )
    return call


def _object(value: Json, where: str) -> JsonObject:
    if isinstance(value, dict):
        return value
    raise ReportedError(
        errors.RUNTIME, f"The parameter{where and f' {where[1:]}'} must be an object."
    )


def _list(value: Json, where: str) -> list[Json]:
    if isinstance(value, list):
        return value
    raise ReportedError(errors.RUNTIME, f"The parameter {where[1:]} must be an array.")


def missing_members_message(shape: StructureShape | None, call: dict[str, Any]) -> str | None:
    """Return AWS's message about missing required members, or None."""
    lacking = [name for name in (shape.required_members if shape else ()) if name not in call]
    if not lacking:
        return None
    complaints = "; ".join(
        f"Value null at '{name[:1].lower()}{name[1:]}' failed to satisfy constraint: "
        "Member must not be null"
        for name in lacking
    )
    return f"{len(lacking)} validation error{'s' * (len(lacking) > 1)} detected: {complaints}"


def to_json(shape: Shape | None, value: Any, naming: Naming, *, epoch: bool = False) -> Json:
    """Return a result of botocore's as JSON; `epoch` gives timestamps in milliseconds."""
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        members = ((name, value[name]) for name in shape.members if name in value)
        return {
            naming(name): to_json(shape.members[name], item, naming, epoch=epoch)
            for name, item in members
        }
    if isinstance(shape, ListShape):
        return [to_json(shape.member, item, naming, epoch=epoch) for item in value]
    if isinstance(shape, MapShape):
        return {key: to_json(shape.value, item, naming, epoch=epoch) for key, item in value.items()}
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000) if epoch else _iso(value)
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return _text(value)
    result: Json = value
    return result


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


_BOUNDARIES = (
    (re.compile(r"[^A-Za-z0-9]+"), " "),
    (re.compile(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])"), " "),
    (re.compile(r"([A-Z]+)([A-Z][a-z])"), r"\1 \2"),
    (re.compile(r"([0-9])([a-zA-Z])"), r"\1 \2"),
)


_RESERVED = {"Null": "Nul"}
"""DynamoDB's `NULL` would be a word of Java, so that its SDK calls it `nul`."""


@cache
def java_sdk_name(name: str) -> str:
    """Return botocore's name as the Java SDK has it: `MD5OfBody` is `Md5OfBody`."""
    for pattern, replacement in _BOUNDARIES:
        name = pattern.sub(replacement, name)
    joined = "".join(word[:1].upper() + word[1:].lower() for word in name.split())
    return _RESERVED.get(joined, joined)


def exception_name(code: str) -> str:
    """Return the exception class of an error code: `NoSuchKey` is `NoSuchKeyException`."""
    bare = code.rsplit(".", 1)[-1].removesuffix("Exception").removesuffix("Fault")
    return f"{bare}Exception"
