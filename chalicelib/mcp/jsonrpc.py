"""JSON-RPC 2.0 messages of MCP: parsing, error codes, responses. Pure.

MCP narrows JSON-RPC: an id is a string or an integer, parameters are an object, and one HTTP
request has one message.

https://www.jsonrpc.org/specification
https://modelcontextprotocol.io/specification/2026-07-28/basic
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from pydantic import JsonValue

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
LEGACY_RESOURCE_NOT_FOUND = -32002
"""Of protocol versions before 2026-07-28, which has `INVALID_PARAMS` for it."""
HEADER_MISMATCH = -32020
MISSING_CLIENT_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022

MAX_MESSAGE_BYTES = 5_000_000
"""Bytes of a message. Lambda is invoked with 6 MB, in which a body is a JSON string once more.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
MAX_ID_CHARACTERS = 256
MAX_METHOD_CHARACTERS = 128

Json = dict[str, JsonValue]
RequestId = str | int


class RpcError(Exception):
    """An error response of JSON-RPC.

    Attributes:
        code: The error's code.
        message: One sentence for the client's author.
        data: More about it, None for nothing.
        request_id: The id of the request, None where it could not be read.
    """

    def __init__(
        self,
        code: int,
        message: str,
        data: Mapping[str, JsonValue] | None = None,
        request_id: RequestId | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class RpcMessage:
    """A request, or a notification, whose `request_id` is None."""

    method: str
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    request_id: RequestId | None = None

    @property
    def is_notification(self) -> bool:
        """Whether no response may be sent."""
        return self.request_id is None

    @property
    def meta(self) -> JsonValue:
        """The `_meta` of the parameters, whatever it is; None if there is none."""
        return self.params.get("_meta")


def parse_message(raw: bytes) -> RpcMessage:
    """Return the one message of a request body or of a line.

    Raises:
        RpcError: `PARSE_ERROR` for what is no JSON or too large, `INVALID_REQUEST` for what is no
            message.
    """
    try:
        content = _parse_json(raw)
    except RpcError as error:
        error.request_id = _readable_id(raw)
        raise
    if isinstance(content, list):
        raise RpcError(
            INVALID_REQUEST, "Batches are not part of this protocol; send one message at a time."
        )
    if not isinstance(content, dict):
        raise RpcError(INVALID_REQUEST, "A message is a JSON object.")
    request_id = _request_id(content)
    if content.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'A message has "jsonrpc": "2.0".', request_id=request_id)
    return RpcMessage(_method(content, request_id), _params(content, request_id), request_id)


def _parse_json(raw: bytes) -> JsonValue:
    if len(raw) > MAX_MESSAGE_BYTES:
        raise RpcError(
            PARSE_ERROR,
            f"The message has {len(raw)} bytes; at most {MAX_MESSAGE_BYTES} are taken. Send less;"
            " put_document with bytes alone returns a form that uploads a larger file.",
            {"limit": MAX_MESSAGE_BYTES},
        )
    if _REPLACEMENT in raw:
        # The gateway puts it in the place of bytes that are not UTF-8.
        raise RpcError(
            PARSE_ERROR, "The message is not UTF-8, or holds U+FFFD; write that as \\ufffd."
        )
    try:
        content: JsonValue = json.loads(raw.decode(), parse_constant=_refuse_constant)
        if b"\\u" in raw:
            # Half of a surrogate pair is JSON, and no text that could be sent on.
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise RpcError(PARSE_ERROR, f"The message is not JSON in UTF-8: {reason[:200]}.") from error
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _request_id(content: Json) -> RequestId | None:
    if "id" not in content:
        return None
    given = content["id"]
    if isinstance(given, str) and len(given) <= MAX_ID_CHARACTERS:
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    raise RpcError(
        INVALID_REQUEST,
        f"An id is an integer, or a string of at most {MAX_ID_CHARACTERS} characters.",
        {"field": "id", "limit": MAX_ID_CHARACTERS},
    )


def _readable_id(raw: bytes) -> RequestId | None:
    """Return the id of a message that is refused, None if it has none that can be sent back.

    Without its id a client on standard input and output waits for the response forever.
    """
    try:
        request_id = _request_id(object_of(json.loads(raw.decode())))
        json.dumps(request_id, ensure_ascii=False).encode()
    except (ValueError, RecursionError, RpcError):
        return None
    return request_id


def _method(content: Json, request_id: RequestId | None) -> str:
    method = content.get("method")
    if isinstance(method, str) and 0 < len(method) <= MAX_METHOD_CHARACTERS:
        return method
    if method is None and ("result" in content or "error" in content):
        reason = "This server sends no requests, so it takes no responses."
    else:
        reason = f"A message has a method of 1 to {MAX_METHOD_CHARACTERS} characters."
    raise RpcError(INVALID_REQUEST, reason, {"field": "method"}, request_id)


def _params(content: Json, request_id: RequestId | None) -> Json:
    params = content.get("params", {})
    if isinstance(params, dict):
        return params
    raise RpcError(
        INVALID_REQUEST, "Parameters are a JSON object.", {"field": "params"}, request_id
    )


def object_of(value: JsonValue) -> Json:
    """Return a JSON object as it is, and an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def objects_of(value: JsonValue) -> list[Json]:
    """Return the objects of a JSON list, none for any other value."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def result_response(request_id: RequestId, result: Mapping[str, JsonValue]) -> Json:
    """Return the response with `result`."""
    return {"jsonrpc": "2.0", "id": request_id, "result": dict(result)}


def error_response(error: RpcError) -> Json:
    """Return the response for `error`; its id is null where that of the request is unknown."""
    detail: Json = {"code": error.code, "message": error.message}
    if error.data is not None:
        detail["data"] = dict(error.data)
    return {"jsonrpc": "2.0", "id": error.request_id, "error": detail}
