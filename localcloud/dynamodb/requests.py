"""Reading of requests: by botocore's model, with attribute values in their canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from localcloud.dynamodb.errors import invalid
from localcloud.dynamodb.values import read_value
from localcloud.errors import AwsError, unsupported
from localcloud.wire import constraints
from localcloud.wire.requests import decode
from localcloud.wire.service_models import service_model

_LEGACY = (
    "AttributesToGet",
    "AttributeUpdates",
    "ConditionalOperator",
    "Expected",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
)
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html"""


@cache
def _input_shape(operation: str) -> Shape:
    shape = service_model("dynamodb").operation_model(operation).input_shape
    assert shape is not None  # every operation of DynamoDB takes parameters
    return shape


@cache
def _members(shape_name: str, shape: StructureShape) -> tuple[Mapping[str, Shape], frozenset[str]]:
    return dict(shape.members), frozenset(shape.required_members)


def read_request(operation: str, params: object) -> dict[str, Any]:
    """Return the parameters of a call. Raises AwsError if they do not fit the model."""
    if not isinstance(params, dict):
        raise AwsError("SerializationException", "The body must be a JSON object")
    for name in _LEGACY:
        if name in params:
            raise unsupported("DynamoDB", f"the legacy parameter {name}")
    request: dict[str, Any] = _read(_input_shape(operation), params, "")
    return request


def _read(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(shape, StructureShape):
        if shape.name == "AttributeValue":
            return read_value(value)
        return _read_structure(shape, value, path)
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            raise AwsError("SerializationException", f"{path} must be an object")
        _check(shape, value, path, constraints.bounds)
        return {key: _read(shape.value, item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise AwsError("SerializationException", f"{path} must be a list")
        _check(shape, value, path, constraints.bounds)
        return [_read(shape.member, item, f"{path}.{n}.member") for n, item in enumerate(value, 1)]
    scalar = decode(shape, value, path)
    _check(shape, scalar, path, constraints.violations)
    return scalar


def _read_structure(shape: StructureShape, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AwsError("SerializationException", f"{path or 'The body'} must be an object")
    members, required = _members(shape.name, shape)
    read = {}
    for name, item in value.items():
        member = members.get(name)
        if member is None:
            raise invalid(f"Unknown parameter: {f'{path}.{name}' if path else name}")
        if item is not None:
            read[name] = _read(member, item, f"{path}.{name}" if path else name)
    missing = [name for name in required if name not in read]
    if missing:
        where = constraints.member_path(path, min(missing))
        raise invalid(
            f"1 validation error detected: Value null at '{where}' failed to satisfy constraint: "
            "Member must not be null"
        )
    return read


def _check(shape: Shape, value: Any, path: str, find: Any) -> None:
    found = list(find(shape, value, path))
    if found:
        raise invalid(f"1 validation error detected: {found[0]}")
