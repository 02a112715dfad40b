"""The command `mcp`: a server of the Model Context Protocol on standard input and output.

It relays each message to `POST /mcp` of the API, with the headers that HTTP wants beside it.

https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio
"""

from __future__ import annotations

import json
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

import click
import httpx

from chalicelib.mcp.jsonrpc import (
    INTERNAL_ERROR,
    Json,
    RequestId,
    RpcError,
    RpcMessage,
    error_response,
    object_of,
    parse_message,
)
from chalicelib.mcp.server import IDEMPOTENCY_KEY
from chalicelib.mcp.versions import LEGACY_VERSIONS, NAME_FIELDS, VERSION_KEY, encode_header
from cli.client import Api
from cli.failures import UnreachableError
from cli.options import api_command

PATH = "/mcp"
CALLS_AT_ONCE = 8
MAX_LINE_BYTES = 50_000_000
"""Bytes of a line that are read for the id of a message that is too large."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
_INITIALIZE = "initialize"
_CANCELLED = "notifications/cancelled"
_TOOLS_CALL = "tools/call"
_ACCEPTED = 202


@click.command()
@api_command
def mcp(api: Api) -> None:
    """Serve desktop clients by the Model Context Protocol, on standard input and output.

    A client starts it by itself; docs/mcp.md shows how it is told to.
    """
    StdioBridge(api, sys.stdout.buffer).serve(sys.stdin.buffer)


class StdioBridge:
    """Relays messages of one client to the API, up to `CALLS_AT_ONCE` at once."""

    def __init__(self, api: Api, output: BinaryIO) -> None:
        """Call `api`, and write responses to `output`."""
        self._api = api
        self._output = output
        self._lock = threading.Lock()
        self._open: set[RequestId] = set()
        self._cancelled: set[RequestId] = set()
        self._version = LEGACY_VERSIONS[0]

    def serve(self, source: BinaryIO) -> None:
        """Answer the messages of `source`, one a line, until it ends."""
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            for line in map(_escaped, _lines(source)):
                try:
                    message = parse_message(line)
                except RpcError as error:
                    self._write(error_response(error))
                    continue
                if message.method == _INITIALIZE:
                    # Later messages have the version that it settles in a header: they wait.
                    self._relay(message, line)
                elif message.method == _CANCELLED:
                    self._cancel(message)
                else:
                    self._begin(message)
                    pool.submit(self._relay, message, line)

    def _begin(self, message: RpcMessage) -> None:
        """Remember that a request is not answered yet."""
        if message.request_id is not None:
            with self._lock:
                self._open.add(message.request_id)

    def _cancel(self, message: RpcMessage) -> None:
        """Suppress the response to a request that goes on; the API finishes it by itself.

        One that was answered already must not suppress that of a later request with its id.
        """
        cancelled = message.params.get("requestId")
        if isinstance(cancelled, str | int) and not isinstance(cancelled, bool):
            with self._lock:
                if cancelled in self._open:
                    self._cancelled.add(cancelled)

    def _relay(self, message: RpcMessage, line: bytes) -> None:
        with self._lock:
            # What was cancelled before it began is not sent: nothing is spent on it.
            if message.request_id in self._cancelled and self._ended(message.request_id):
                return
        try:
            response = self._api.relay(PATH, _repeatable(message, line), self._headers(message))
        except (UnreachableError, httpx.HTTPError) as error:
            told: Json | None = _failure(message, str(error))
        else:
            told = None if response.status_code == _ACCEPTED else _response(message, response)
        if told is None or message.request_id is None:
            return
        if message.method == _INITIALIZE:
            settled = object_of(told.get("result")).get("protocolVersion")
            self._version = settled if isinstance(settled, str) else self._version
        self._write(told, message.request_id)

    def _headers(self, message: RpcMessage) -> dict[str, str]:
        """Return the headers that repeat the version, the method and the name of a message."""
        headers = {
            "Accept": "application/json, text/event-stream",
            "Mcp-Method": encode_header(message.method),
        }
        declared = object_of(message.meta).get(VERSION_KEY)
        if isinstance(declared, str):
            headers["MCP-Protocol-Version"] = encode_header(declared)
        elif message.method != _INITIALIZE:
            headers["MCP-Protocol-Version"] = self._version
        name = message.params.get(NAME_FIELDS.get(message.method, ""))
        if isinstance(name, str):
            headers["Mcp-Name"] = encode_header(name)
        return headers

    def _ended(self, request_id: RequestId | None) -> bool:
        """Return whether a request was cancelled, and forget it; the lock is held."""
        if request_id is None:
            return False
        cancelled = request_id in self._cancelled
        self._cancelled.discard(request_id)
        self._open.discard(request_id)
        return cancelled

    def _write(self, response: Json, request_id: RequestId | None = None) -> None:
        line = json.dumps(response, ensure_ascii=False, separators=(",", ":")).encode()
        with self._lock:
            if not self._ended(request_id):
                self._output.write(line + b"\n")
                self._output.flush()


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of `source`; of one that is far too long, as much as shows that it is."""
    while line := source.readline(MAX_LINE_BYTES):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = source.readline(MAX_LINE_BYTES)
        if line.strip():
            yield line.rstrip(b"\r\n")


def _repeatable(message: RpcMessage, line: bytes) -> bytes:
    """Add an idempotency key to a call of a tool, so that one that is sent again runs once."""
    if message.method != _TOOLS_CALL or IDEMPOTENCY_KEY in object_of(message.meta):
        return line
    meta = {**object_of(message.meta), IDEMPOTENCY_KEY: str(uuid.uuid4())}
    content = {**json.loads(line), "params": {**message.params, "_meta": meta}}
    return _escaped(json.dumps(content, ensure_ascii=False).encode())


def _escaped(line: bytes) -> bytes:
    """Return JSON with U+FFFD as an escape; the API takes the character for a broken byte."""
    return line.replace(_REPLACEMENT, b"\\ufffd")


def _response(message: RpcMessage, response: httpx.Response) -> Json:
    """Return the JSON-RPC response, or an error for a response of the gateway, which is none."""
    try:
        body = response.json()
    except ValueError:
        return _failure(message, f"HTTP {response.status_code}, which is no JSON.")
    if isinstance(body, dict) and body.get("jsonrpc") == "2.0":
        return body
    error = object_of(body.get("error")) if isinstance(body, dict) else {}
    return _failure(message, f"HTTP {response.status_code}: {error.get('message') or body}", error)


def _failure(message: RpcMessage, reason: str, data: Json | None = None) -> Json:
    return error_response(RpcError(INTERNAL_ERROR, reason[:500], data or None, message.request_id))
