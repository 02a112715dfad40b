"""The parameters of Invoke, checked against AWS's limits. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from localcloud.errors import AwsError, unsupported
from localcloud.service import Params

MAX_SYNC_PAYLOAD = 6 * 1024 * 1024 + 100
MAX_ASYNC_PAYLOAD = 1024 * 1024
_MAX_CLIENT_CONTEXT = 3583
_PARAMETERS = frozenset(
    {"FunctionName", "InvocationType", "LogType", "ClientContext", "Payload", "Qualifier"}
)
_INVOCATION_TYPES = ("RequestResponse", "Event", "DryRun")


@dataclass(frozen=True, slots=True)
class InvokeRequest:
    """The checked parameters of Invoke. `client_context` is JSON."""

    invocation_type: str
    payload: bytes
    wants_log: bool
    client_context: str | None


def parse(params: Params) -> InvokeRequest:
    """Return the request in `params`; an empty payload counts as `{}`.

    Raises RequestEntityTooLargeException, InvalidRequestContentException and
    InvalidParameterValueException as AWS does.
    """
    unknown = sorted(name for name in params if name not in _PARAMETERS)
    if unknown:
        raise unsupported("Lambda", f"the parameter {unknown[0]} of Invoke")
    invocation_type = str(params.get("InvocationType") or "RequestResponse")
    log_type = str(params.get("LogType") or "None")
    if invocation_type not in _INVOCATION_TYPES or log_type not in ("None", "Tail"):
        raise AwsError(
            "InvalidParameterValueException",
            f"Unknown InvocationType {invocation_type} or {log_type}",
        )
    payload = _bytes(params.get("Payload")) or b"{}"
    limit = MAX_ASYNC_PAYLOAD if invocation_type == "Event" else MAX_SYNC_PAYLOAD
    if len(payload) > limit:
        raise AwsError(
            "RequestEntityTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            413,
        )
    _check_json(payload)
    context = _client_context(params.get("ClientContext"))
    return InvokeRequest(invocation_type, payload, log_type == "Tail", context)


def _bytes(payload: Any) -> bytes:
    if payload is None:
        return b""
    if isinstance(payload, str):
        return payload.encode()
    if hasattr(payload, "read"):
        return bytes(payload.read())
    return bytes(payload)


def _check_json(payload: bytes) -> None:
    try:
        json.loads(payload)
    except ValueError as error:
        raise AwsError(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from error


def _client_context(encoded: str | None) -> str | None:
    if encoded is None:
        return None
    if len(encoded) > _MAX_CLIENT_CONTEXT:
        raise AwsError(
            "InvalidRequestContentException",
            f"Client context must be at most {_MAX_CLIENT_CONTEXT} bytes",
        )
    try:
        context = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:
        raise AwsError(
            "InvalidRequestContentException", "Client context must be valid Base64-encoded JSON"
        ) from error
    return json.dumps(context)
