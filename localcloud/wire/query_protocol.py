"""The query protocol of SQS: parameters in a form, results in XML, by botocore's shapes.

SQS spoke it alone until 2023, and takes it beside JSON: older SDKs send it. Lists and maps are
flattened, under names that botocore's model of today lacks.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from localcloud.errors import AwsError
from localcloud.wire.responses import QUERY_ERROR_CODES, WireResponse, query_error_response

FORM = "application/x-www-form-urlencoded"
_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
_RESERVED = frozenset({"Action", "Version", "AWSAccessKeyId", "Timestamp"})
_FLAT_NAMES: Mapping[str, str] = {
    "AttributeNames": "AttributeName",
    "Attributes": "Attribute",
    "Failed": "BatchResultErrorEntry",
    "MessageAttributeNames": "MessageAttributeName",
    "MessageAttributes": "MessageAttribute",
    "MessageSystemAttributeNames": "MessageSystemAttributeName",
    "MessageSystemAttributes": "MessageSystemAttribute",
    "Messages": "Message",
    "QueueUrls": "QueueUrl",
    "Results": "ListMessageMoveTasksResultEntry",
    "TagKeys": "TagKey",
    "Tags": "Tag",
    "queueUrls": "QueueUrl",
    "tags": "Tag",
}
_ENTRIES = {"Entries": "RequestEntry", "Successful": "ResultEntry"}
"""Ends of the names of a batch's entries, which begin with the operation's name."""
_Fields = Mapping[str, str]


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form. Raises MalformedQueryString for one that is given twice."""
    fields: dict[str, str] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        if name in fields:
            raise AwsError("MalformedQueryString", f"{name} is given twice.")
        fields[name] = value
    return fields


def decode_form(operation: OperationModel, fields: _Fields) -> dict[str, Any]:
    """Return the parameters of `operation` that the fields of a form give.

    Raises InvalidParameterValue for a field that the operation does not have.
    """
    reader = _FormReader(operation.name, fields)
    shape = operation.input_shape
    params = {} if shape is None else reader.structure(shape, "")
    unknown = sorted(fields.keys() - reader.used - _RESERVED)
    if unknown:
        raise AwsError("InvalidParameterValue", f"Unknown parameter: {unknown[0]}.")
    return params


class _FormReader:
    """Reads the values of shapes from a form, and remembers which fields it used."""

    def __init__(self, operation: str, fields: _Fields) -> None:
        self._operation = operation
        self._fields = fields
        self.used: set[str] = set()

    def structure(self, shape: StructureShape, prefix: str) -> dict[str, Any]:
        keys = {name: prefix + _wire_name(self._operation, name) for name in shape.members}
        return {
            name: self._value(shape.members[name], key)
            for name, key in keys.items()
            if self._is_given(key)
        }

    def _value(self, shape: Shape, key: str) -> Any:
        if isinstance(shape, StructureShape):
            return self.structure(shape, f"{key}.")
        if isinstance(shape, ListShape):
            return [self._value(shape.member, each) for each in self._numbered(key)]
        if isinstance(shape, MapShape):
            name = _key_name(key)
            return {
                self._value(shape.key, f"{each}.{name}"): self._value(shape.value, f"{each}.Value")
                for each in self._numbered(key)
            }
        self.used.add(key)
        return _scalar(shape.type_name, self._fields.get(key, ""), key)

    def _numbered(self, key: str) -> Iterator[str]:
        """Yield the keys of a list's members, which count from 1."""
        number = 1
        while self._is_given(f"{key}.{number}"):
            yield f"{key}.{number}"
            number += 1

    def _is_given(self, key: str) -> bool:
        return key in self._fields or any(name.startswith(f"{key}.") for name in self._fields)


def _wire_name(operation: str, member: str) -> str:
    if member in _ENTRIES:
        return operation + _ENTRIES[member]
    return _FLAT_NAMES.get(member, member)


def _key_name(key: str) -> str:
    return "Key" if key.rpartition(".")[2] == "Tag" else "Name"


def _scalar(kind: str, text: str, key: str) -> Any:
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind == "blob":
            return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise AwsError("InvalidParameterValue", f"{key} is not of type {kind}: {text!r}") from error
    return text.lower() == "true" if kind == "boolean" else text


def xml_response(
    operation: OperationModel, result: Mapping[str, Any], request_id: str
) -> WireResponse:
    """Return the successful response of `operation` in XML."""
    name, shape = operation.name, operation.output_shape
    inner = "" if shape is None else _members_xml(name, shape, result)
    result_element = "" if shape is None else f"<{name}Result>{inner}</{name}Result>"
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    body = f'<{name}Response xmlns="{_NAMESPACE}">{result_element}{metadata}</{name}Response>'
    return WireResponse(200, {"Content-Type": "text/xml"}, body.encode())


def xml_error(error: AwsError, request_id: str) -> WireResponse:
    """Return `error` in XML, with the code that it has in this protocol."""
    code = QUERY_ERROR_CODES.get(error.code, error.code)
    return query_error_response(AwsError(code, error.message, error.status), request_id)


def _members_xml(operation: str, shape: StructureShape, value: Mapping[str, Any]) -> str:
    return "".join(
        _element(operation, shape.members[name], _wire_name(operation, name), item)
        for name, item in value.items()
        if item is not None
    )


def _element(operation: str, shape: Shape, name: str, value: Any) -> str:
    if isinstance(shape, StructureShape):
        return f"<{name}>{_members_xml(operation, shape, value)}</{name}>"
    if isinstance(shape, ListShape):
        return "".join(_element(operation, shape.member, name, item) for item in value)
    if isinstance(shape, MapShape):
        return "".join(
            f"<{name}>{_element(operation, shape.key, _key_name(name), key)}"
            f"{_element(operation, shape.value, 'Value', item)}</{name}>"
            for key, item in value.items()
        )
    if shape.type_name == "blob":
        return f"<{name}>{base64.b64encode(value).decode()}</{name}>"
    if shape.type_name == "boolean":
        return f"<{name}>{'true' if value else 'false'}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"
