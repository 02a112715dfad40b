"""Check the mocked result of a task against the model of the API that it stands for.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_MockInput.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from botocore.model import ListShape, MapShape, Shape, StructureShape

from localcloud.stepfunctions.integrations.aws_sdk import output_shape
from localcloud.stepfunctions.integrations.botocore_calls import first_upper
from localcloud.stepfunctions.integrations.integration import IntegrationPattern, TaskResource
from localcloud.stepfunctions.integrations.sdk_shapes import Naming, java_sdk_name
from localcloud.stepfunctions.language.values import Json

_OPTIMISED: Final = {"states": "sfn", "bedrock": "bedrockruntime"}
"""The names in `aws-sdk:` resources of services that optimised integrations name otherwise."""

_STRINGS: Final = frozenset({"string", "char", "timestamp", "blob"})
_NUMBERS: Final = frozenset({"integer", "long", "float", "double"})


def mock_problem(resource: TaskResource, result: Json, *, is_complete: bool) -> str | None:
    """Return why `result` cannot be the result of a task of `resource`, or None.

    `is_complete` demands the members that the API always returns. Only the answer of one call is
    checked: the result of a job, a token, a function or an activity may be any, and so may that
    of a service without a model here.
    """
    if (
        resource.pattern is not IntegrationPattern.REQUEST
        or resource.is_function
        or resource.is_activity
    ):
        return None
    service = resource.service if resource.sdk else _OPTIMISED.get(resource.service)
    shape = output_shape(service or resource.service, resource.action)
    naming = java_sdk_name if resource.sdk else first_upper
    if shape is None:
        return None
    if not isinstance(result, dict):
        return "The result must be an object"
    return next(_problems(shape, result, "", naming, is_complete), None)


def _problems(
    shape: Shape, value: Json, name: str, naming: Naming, is_complete: bool
) -> Iterator[str]:
    kind = _expected_type(shape)
    if not _is_of(kind, value):
        yield f"Field '{name}' must be {'an' if kind in ('array', 'object') else 'a'} {kind}"
        return
    yield from _bounds(shape, value, name)
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        yield from _members(shape, value, naming, is_complete)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for item in value:
            yield from _problems(shape.member, item, name, naming, is_complete)
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for key, item in value.items():
            yield from _problems(shape.value, item, key, naming, is_complete)


def _members(
    shape: StructureShape, value: dict[str, Json], naming: Naming, is_complete: bool
) -> Iterator[str]:
    for member, inner in shape.members.items():
        name = naming(member)
        if name in value:
            yield from _problems(inner, value[name], name, naming, is_complete)
        elif is_complete and member in shape.required_members:
            yield f"Required field '{name}' is missing"


def _expected_type(shape: Shape) -> str:
    if isinstance(shape, ListShape):
        return "array"
    if isinstance(shape, StructureShape) and shape.is_document_type:
        return "value"
    if isinstance(shape, StructureShape | MapShape):
        return "object"
    if shape.type_name in _STRINGS:
        return "string"
    return "number" if shape.type_name in _NUMBERS else "boolean"


def _is_of(kind: str, value: Json) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    types = {"array": list, "object": dict, "string": str, "boolean": bool, "value": object}
    return isinstance(value, types[kind])


def _bounds(shape: Shape, value: Json, name: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield f"Field '{name}' is not an expected value"
    if isinstance(value, str | list | dict):
        if low is not None and len(value) < low:
            yield f"Field '{name}' is smaller than the minimum length"
        if high is not None and len(value) > high:
            yield f"Field '{name}' exceeds the maximum length"
    elif isinstance(value, int | float):
        if low is not None and value < low:
            yield f"Field '{name}' is less than the minimum value"
        if high is not None and value > high:
            yield f"Field '{name}' exceeds the maximum value"
