"""Serialization of results and errors into HTTP responses, by botocore's shapes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from localcloud.errors import AwsError
from localcloud.service import EXTRA_HEADERS
from localcloud.wire import eventstream

_AS_THEY_ARE = frozenset({"string", "boolean", "integer", "long", "float", "double"})
"""The types whose values JSON holds unchanged: most of all values."""

QUERY_ERROR_CODES: Mapping[str, str] = {
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
    "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
}
"""The codes that SQS had in its query protocol, sent as `x-amzn-query-error: <code>;Sender`.

boto3 puts that code into `error.response["Error"]["Code"]`; other codes are the same in both.
"""


@dataclass(frozen=True, slots=True)
class WireResponse:
    """An HTTP response. `body` is bytes, or an iterator of bytes if it is streamed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""


def encode(shape: Shape, value: Any) -> Any:
    """Convert a result to JSON by `shape`; unknown members are a bug and raise KeyError."""
    if isinstance(shape, StructureShape):
        if shape.is_document_type:
            return value
        members = {name: shape.members[name] for name, item in value.items() if item is not None}
        return {
            member.serialization.get("name", name): value[name]
            if member.type_name in _AS_THEY_ARE
            else encode(member, value[name])
            for name, member in members.items()
        }
    if isinstance(shape, ListShape):
        return [encode(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: encode(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return _timestamp(shape, value, "unixTimestamp")
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return value


def _timestamp(shape: Shape, value: datetime | float, default: str) -> Any:
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    style = shape.serialization.get("timestampFormat", default)
    if style == "iso8601":
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if style == "rfc822":
        return format_datetime(moment.astimezone(UTC), usegmt=True)
    return round(moment.timestamp(), 3)


def _header(shape: Shape, value: Any) -> str:
    if shape.type_name == "timestamp":
        return str(_timestamp(shape, value, "rfc822"))
    if shape.type_name == "boolean":
        return "true" if value else "false"
    return str(value)


def success_response(operation: OperationModel, result: Mapping[str, Any]) -> WireResponse:
    """Serialize `result` as the successful response of `operation`."""
    version = operation.service_model.metadata.get("jsonVersion")
    content_type = f"application/x-amz-json-{version}" if version else "application/json"
    shape = operation.output_shape
    if shape is None:
        return WireResponse(
            _status(operation, result), {"Content-Type": content_type}, b"{}" if version else b""
        )
    extra = result.get(EXTRA_HEADERS, {})
    modelled = {name: value for name, value in result.items() if name != EXTRA_HEADERS}
    response = _serialize(operation, shape, modelled, content_type)
    return replace(response, headers={**response.headers, **extra}) if extra else response


def _status(operation: OperationModel, result: Mapping[str, Any]) -> int:
    for name, member in operation.output_shape.members.items() if operation.output_shape else ():
        if member.serialization.get("location") == "statusCode" and name in result:
            return int(result[name])
    return int(operation.http.get("responseCode", 200))


def _serialize(
    operation: OperationModel, shape: StructureShape, result: Mapping[str, Any], content_type: str
) -> WireResponse:
    headers = {"Content-Type": content_type}
    body: dict[str, Any] = {}
    for name, value in result.items():
        member = shape.members[name]
        location = member.serialization.get("location")
        if value is None or location == "statusCode":
            continue
        if location == "header":
            headers[member.serialization.get("name", name)] = _header(member, value)
        else:
            body[name] = value
    status = _status(operation, result)
    stream = operation.get_event_stream_output() if operation.has_event_stream_output else None
    payload = shape.serialization.get("payload")
    if isinstance(stream, StructureShape):
        events = next(iter(body.values()))
        headers["Content-Type"] = "application/vnd.amazon.eventstream"
        return WireResponse(
            status, headers, eventstream.encode(stream, _event_members(stream, events))
        )
    if payload:
        return _payload(shape.members[payload], body.get(payload), status, headers)
    return WireResponse(status, headers, json.dumps(encode(shape, body)).encode())


def _event_members(stream: StructureShape, events: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    for event in events:
        for name, value in event.items():
            yield name, _event_payload(stream.members[name], value)


def _event_payload(shape: Shape, value: Any) -> Any:
    """Return an event as JSON, or its blob if that is the payload itself.

    https://smithy.io/2.0/spec/streaming.html#eventpayload-trait
    """
    for name, member in getattr(shape, "members", {}).items():
        if member.serialization.get("eventpayload") and member.type_name == "blob":
            return value[name]
    return encode(shape, value)


def _payload(shape: Shape, value: Any, status: int, headers: dict[str, str]) -> WireResponse:
    if shape.type_name != "blob":
        return WireResponse(status, headers, json.dumps(encode(shape, value or {})).encode())
    return WireResponse(status, headers, value if value is not None else b"")


def _fault_side(error: AwsError) -> str:
    return "Sender" if error.status < 500 else "Receiver"


def query_error_response(error: AwsError, request_id: str) -> WireResponse:
    """Serialize `error` in the XML of the query protocol (SNS, IAM, STS)."""
    body = (
        f"<ErrorResponse><Error><Type>{_fault_side(error)}</Type>"
        f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    headers = {"Content-Type": "text/xml", "x-amzn-requestid": request_id}
    return WireResponse(error.status, headers, body.encode())


def error_response(model: ServiceModel | None, error: AwsError, request_id: str) -> WireResponse:
    """Serialize `error` for a JSON service: its code in body and header, its modelled status."""
    shape = model.shape_for(error.code) if model and error.code in model.shape_names else None
    modelled = dict(shape.metadata.get("error", {})) if shape is not None else {}
    status = modelled.get("httpStatusCode", error.status) if error.status == 400 else error.status
    key = (
        "Message" if isinstance(shape, StructureShape) and "Message" in shape.members else "message"
    )
    fault_type = "User" if error.status < 500 else "Service"
    fields = dict(error.fields)
    extra: dict[str, str] = fields.pop(EXTRA_HEADERS, {})
    body = {"__type": error.code, key: error.message, "Type": fault_type, **fields}
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code, **extra}
    if model and "awsQueryCompatible" in model.metadata:
        headers["x-amzn-query-error"] = (
            f"{QUERY_ERROR_CODES.get(error.code, error.code)};{_fault_side(error)}"
        )
    headers["x-amzn-requestid"] = request_id
    return WireResponse(status, headers, json.dumps(body, default=str).encode())
