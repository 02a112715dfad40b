"""Parsing of request bodies, paths, queries and headers into parameters, by botocore's shapes."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.utils import parse_timestamp

from localcloud.errors import AwsError

Json = Any
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|NaN|-?Infinity")


def _malformed(path: str, expected: str, value: object) -> AwsError:
    actual = "null" if value is None else type(value).__name__
    return AwsError(
        "SerializationException", f"{path or 'The body'} must be {expected}, not {actual}"
    )


def _structure(shape: StructureShape, value: Json, path: str) -> Any:
    return value if shape.is_document_type else _members(shape.members, value, path)


def _members(members: Mapping[str, Shape], value: Json, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _malformed(path, "an object", value)
    names = {member.serialization.get("name", name): name for name, member in members.items()}
    unknown = sorted(set(value) - set(names))
    if unknown:
        where = f" in {path}" if path else ""
        raise AwsError(
            "ValidationException",
            f"Unknown parameter{where}: {', '.join(unknown)}; "
            f"known are {', '.join(sorted(names))}.",
        )
    return {
        names[key]: decode(members[names[key]], item, f"{path}.{key}" if path else key)
        for key, item in value.items()
        if item is not None
    }


def _timestamp(value: Json, path: str) -> datetime:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        moment: datetime = parse_timestamp(_string(value, path))
    except (ValueError, OverflowError, OSError, RuntimeError) as error:  # the last for "INF"
        raise _malformed(path, "a timestamp", value) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _blob(value: Json, path: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise _malformed(path, "base64", value) from error


_INTEGER_BOUNDS = {"integer": 2**31, "long": 2**63}
"""Integers of a type are from minus this to below this."""


def _number(kind: str, value: Json, path: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        if kind not in _INTEGER_BOUNDS and value in ("NaN", "Infinity", "-Infinity"):
            return float(value)
        raise _malformed(path, "a whole number" if kind in _INTEGER_BOUNDS else "a number", value)
    try:
        if kind not in _INTEGER_BOUNDS:
            return float(value)
        whole = int(value)
    except (OverflowError, ValueError) as error:
        raise _out_of_range(kind, path) from error
    if whole != value:
        raise _malformed(path, "a whole number", value)
    if not -_INTEGER_BOUNDS[kind] <= whole < _INTEGER_BOUNDS[kind]:
        raise _out_of_range(kind, path)
    return whole


def _out_of_range(kind: str, path: str) -> AwsError:
    return AwsError("SerializationException", f"{path} is out of the range of type {kind}")


def _string(value: Json, path: str) -> str:
    if not isinstance(value, str):
        raise _malformed(path, "a string", value)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise AwsError(
            "SerializationException", f"{path} has half a surrogate pair, which is no text"
        ) from error
    return value


def decode(shape: Shape, value: Json, path: str = "") -> Any:
    """Convert a JSON value to the Python value of `shape`.

    Raises ValidationException for an unknown member and SerializationException for a value of
    the wrong type; both name the path of the parameter.
    """
    if isinstance(shape, StructureShape):
        return _structure(shape, value, path)
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise _malformed(path, "a list", value)
        if shape.member.type_name in ("float", "double") and {*map(type, value)} <= {float}:
            return value
        return [decode(shape.member, item, f"{path}[{i}]") for i, item in enumerate(value)]
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            raise _malformed(path, "an object", value)
        return {
            _string(key, path): decode(shape.value, item, f"{path}.{key}")
            for key, item in value.items()
        }
    return _scalar(shape.type_name, value, path)


def _scalar(kind: str, value: Json, path: str) -> Any:
    if kind == "timestamp":
        return _timestamp(value, path)
    if kind == "blob":
        return _blob(value, path)
    if kind in ("integer", "long", "float", "double"):
        return _number(kind, value, path)
    if kind in ("string", "character"):
        return _string(value, path)
    if kind == "boolean" and not isinstance(value, bool):
        raise _malformed(path, "a boolean", value)
    return value


def _from_text(shape: Shape, text: str, path: str) -> Any:
    """Convert the text of a path label, query parameter or header."""
    kind = shape.type_name
    if kind in _INTEGER_BOUNDS:
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            raise _malformed(path, "a whole number", text)
        return _number(kind, int(text[:40]), path)
    if kind in ("float", "double"):
        if not _DECIMAL.fullmatch(text):
            raise _malformed(path, "a number", text)
        return float(text)
    if kind == "boolean":
        if text.lower() not in ("true", "false"):
            raise _malformed(path, "true or false", text)
        return text.lower() == "true"
    if kind == "timestamp":
        return _timestamp(text, path)
    return text


def parse_json(body: bytes) -> Json:
    """Parse a JSON body; an empty body counts as an empty object."""
    if not body:
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AwsError("SerializationException", f"The body is not JSON: {error}") from error


def parse_rest(
    operation: OperationModel,
    labels: Mapping[str, str],
    query: Mapping[str, list[str]],
    headers: Mapping[str, str],
    body: bytes,
) -> dict[str, Any]:
    """Parse a rest-json request whose input shape places members in path, query and headers."""
    shape = operation.input_shape
    if shape is None:
        return {}
    params: dict[str, Any] = {}
    known_parameters = set()
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        key = member.serialization.get("name", name)
        if location == "uri":
            params[name] = _from_text(member, labels[key], name)
        elif location == "querystring":
            known_parameters.add(key)
            if key in query:
                params[name] = _query_value(member, query[key], name)
        elif location == "header" and key.lower() in headers:
            params[name] = _from_text(member, headers[key.lower()], name)
    _refuse_unknown_parameters(operation, query, known_parameters)
    return params | _body(shape, body)


def _body(shape: StructureShape, body: bytes) -> dict[str, Any]:
    payload = shape.serialization.get("payload")
    if payload:
        value = _payload(shape.members[payload], body)
        return {} if value is None else {payload: value}
    members = {n: m for n, m in shape.members.items() if "location" not in m.serialization}
    return _members(members, parse_json(body), "") if members or body else {}


def _query_value(member: Shape, values: list[str], name: str) -> Any:
    if isinstance(member, ListShape):
        return [_from_text(member.member, value, name) for value in values]
    return _from_text(member, values[0], name)


def _refuse_unknown_parameters(
    operation: OperationModel, query: Mapping[str, list[str]], known: set[str]
) -> None:
    fixed = {
        part.split("=")[0] for part in operation.http["requestUri"].partition("?")[2].split("&")
    }
    unknown = sorted(key for key in query if key not in known | fixed and key[:6] != "X-Amz-")
    if unknown:
        raise AwsError("ValidationException", f"Unknown query parameter: {', '.join(unknown)}.")


def _payload(shape: Shape, body: bytes) -> Any:
    if shape.type_name == "blob":
        return body
    return decode(shape, parse_json(body)) if body else None
