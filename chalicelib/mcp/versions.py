"""Protocol versions: read that of a request, and check the headers that repeat it. Pure.

Since 2026-07-28 every request says its version and the client's capabilities in `_meta`, and HTTP
headers repeat its method and its name. Before, a handshake settled the version; this server keeps
no session, so it answers those requests by what their header says.

https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning
https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from chalicelib.mcp.jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    UNSUPPORTED_VERSION,
    RpcError,
    RpcMessage,
)

MODERN_VERSIONS = ("2026-07-28",)
"""Versions that each request declares."""
LEGACY_VERSIONS = ("2025-11-25", "2025-06-18")
"""Versions that `initialize` settles, newest first. Those before require batches."""

_PREFIX = "io.modelcontextprotocol/"
VERSION_KEY = f"{_PREFIX}protocolVersion"
CAPABILITIES_KEY = f"{_PREFIX}clientCapabilities"
SERVER_INFO_KEY = f"{_PREFIX}serverInfo"
TASKS_EXTENSION = f"{_PREFIX}tasks"

VERSION_HEADER = "mcp-protocol-version"
METHOD_HEADER = "mcp-method"
NAME_HEADER = "mcp-name"
NAME_FIELDS: Mapping[str, str] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
"""The parameter that `Mcp-Name` repeats, by method."""
_BASE64 = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_INITIALIZE = "initialize"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The protocol version of a request, and the capabilities that its client declared."""

    version: str
    capabilities: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def is_modern(self) -> bool:
        """Whether the request declared its version itself."""
        return self.version in MODERN_VERSIONS

    @property
    def has_tasks(self) -> bool:
        """Whether the client takes a task in place of a result."""
        extensions = self.capabilities.get("extensions")
        return self.is_modern and isinstance(extensions, dict) and TASKS_EXTENSION in extensions


def read_envelope(message: RpcMessage, headers: Mapping[str, str] | None) -> Envelope:
    """Return the protocol version and the client's capabilities of a message.

    Args:
        message: The message.
        headers: The HTTP headers by their names in lower case, None where there are none.

    Raises:
        RpcError: `_meta` lacks a field, a header does not repeat it, or the version is unknown.
    """
    meta = message.meta
    declares = isinstance(meta, dict) and VERSION_KEY in meta
    header = None if headers is None else headers.get(VERSION_HEADER)
    if not declares and (header is None or header not in MODERN_VERSIONS):
        return _legacy_envelope(message, header)
    version, capabilities = _declared(message)
    if headers is not None:
        _check_headers(message, version, headers)
    if version not in MODERN_VERSIONS:
        raise _unsupported(message, version)
    return Envelope(version, capabilities)


def negotiated_version(wanted: JsonValue) -> str:
    """Return the version that `initialize` settles: the client's, or the newest that there is."""
    return wanted if isinstance(wanted, str) and wanted in LEGACY_VERSIONS else LEGACY_VERSIONS[0]


def _legacy_envelope(message: RpcMessage, header: str | None) -> Envelope:
    if message.method == _INITIALIZE:
        return Envelope(negotiated_version(message.params.get("protocolVersion")))
    if header is None:
        # A client of 2025-06-18 that was told no other version may leave the header out.
        return Envelope(LEGACY_VERSIONS[-1])
    if header not in LEGACY_VERSIONS:
        raise _unsupported(message, header)
    return Envelope(header)


def _declared(message: RpcMessage) -> tuple[str, Mapping[str, JsonValue]]:
    meta = message.meta if isinstance(message.meta, dict) else {}
    version, capabilities = meta.get(VERSION_KEY), meta.get(CAPABILITIES_KEY)
    if not isinstance(version, str):
        raise _lacking(message, VERSION_KEY, "a string")
    if not isinstance(capabilities, dict):
        raise _lacking(message, CAPABILITIES_KEY, "an object")
    return version, capabilities


def _lacking(message: RpcMessage, key: str, kind: str) -> RpcError:
    return RpcError(
        INVALID_PARAMS,
        f"params._meta needs {key}, {kind}.",
        {"field": f"params._meta.{key}"},
        message.request_id,
    )


def _unsupported(message: RpcMessage, version: str) -> RpcError:
    supported: list[JsonValue] = [*MODERN_VERSIONS]
    return RpcError(
        UNSUPPORTED_VERSION,
        f"Unsupported protocol version; clients that initialize may also use "
        f"{' or '.join(LEGACY_VERSIONS)}.",
        {"supported": supported, "requested": version[:100]},
        message.request_id,
    )


def _check_headers(message: RpcMessage, version: str, headers: Mapping[str, str]) -> None:
    given = headers.get(VERSION_HEADER)
    _check_header(message, "MCP-Protocol-Version", given and given.strip(), version)
    if message.is_notification:
        return
    given = headers.get(METHOD_HEADER)
    _check_header(message, "Mcp-Method", given and given.strip(), message.method)
    name = message.params.get(NAME_FIELDS.get(message.method, ""))
    if isinstance(name, str):
        _check_header(message, "Mcp-Name", decode_header(headers.get(NAME_HEADER)), name)


def _check_header(message: RpcMessage, header: str, given: str | None, wanted: str) -> None:
    if given == wanted:
        return
    told = "is missing or cannot be decoded" if given is None else f"is {given[:100]!r}"
    raise RpcError(
        HEADER_MISMATCH,
        f"Header mismatch: {header} {told}, and the body has {wanted[:100]!r}.",
        {"field": header},
        message.request_id,
    )


def decode_header(value: str | None) -> str | None:
    """Return a header's value, decoded from `=?base64?…?=`; None if it cannot be decoded.

    https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#value-encoding
    """
    if value is None:
        return None
    encoded = _BASE64.fullmatch(value.strip())
    if encoded is None:
        return value.strip()
    try:
        decoded = base64.b64decode(encoded[1], validate=True)
        if base64.b64encode(decoded).decode() != encoded[1]:
            return None
        return decoded.decode()
    except (binascii.Error, ValueError):
        return None


def encode_header(value: str) -> str:
    """Return a header's value for `value`: as it is if printable ASCII, else `=?base64?…?=`."""
    is_plain = value.isascii() and value.isprintable() and value == value.strip()
    if is_plain and not _BASE64.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="
