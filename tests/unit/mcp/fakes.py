"""A fake API with a response for each route, and calls of an MCP server on top of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.api.mcp import mcp_server
from chalicelib.mcp.api_calls import ApiCall, ApiRefusalError, ApiResponse
from tests.unit.mcp.messages import modern

Given = dict[str, Any] | tuple[int, dict[str, Any]] | ApiRefusalError


@dataclass
class FakeApi:
    """Answers by route; what a route is not given is a refusal with 404."""

    routes: dict[str, Given] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    calls: list[ApiCall] = field(default_factory=list)
    uploads: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    def call(self, call: ApiCall) -> ApiResponse:
        self.calls.append(call)
        found = self.routes.get(f"{call.method} {call.route}", refusal("NotFound", 404))
        if isinstance(found, ApiRefusalError):
            raise found
        return ApiResponse(*(found if isinstance(found, tuple) else (200, found)))

    def read(self, key: str, max_bytes: int) -> bytes:
        return self.files[key][:max_bytes]

    def upload(self, form: Mapping[str, str], content: bytes) -> None:
        self.uploads.append((form, content))


def refusal(kind: str, status: int, retry_after: int | None = None, **more: Any) -> ApiRefusalError:
    return ApiRefusalError(status, {"type": kind, "message": "No.", **more}, retry_after)


def asked(api: FakeApi, method: str, *, tasks: bool = False, **params: Any) -> dict[str, Any]:
    """Return the JSON-RPC response to a request of 2026-07-28."""
    request, headers = modern(method, tasks=tasks, **params)
    response = mcp_server().respond(json.dumps(request).encode(), headers, api)
    assert response.body is not None
    told: dict[str, Any] = json.loads(json.dumps(response.body))
    return told


def called(api: FakeApi, name: str, *, tasks: bool = False, **arguments: Any) -> dict[str, Any]:
    """Return the result of a tool."""
    told = asked(api, "tools/call", tasks=tasks, name=name, arguments=arguments)
    result: dict[str, Any] = told["result"]
    return result
