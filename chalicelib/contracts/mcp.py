"""Bodies of `/mcp` and of its protected-resource metadata.

The bodies say what JSON-RPC says of every message; what each method takes, `docs/mcp.md` tells.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.contracts.base import AnyJson, Contract


class RpcRequest(Contract):
    """`POST /mcp`: a JSON-RPC 2.0 request, or a notification, which has no `id`."""

    jsonrpc: Literal["2.0"]
    id: str | int | None = None
    method: str
    params: dict[str, AnyJson] = Field(default_factory=dict)


class RpcErrorDetail(Contract):
    """A JSON-RPC error: its code, what is wrong, and more about it."""

    code: int
    message: str
    data: AnyJson = None


class RpcResponse(Contract):
    """A JSON-RPC 2.0 response: a `result`, or an `error`, which also comes by 400 and 404."""

    jsonrpc: Literal["2.0"]
    id: str | int | None
    result: dict[str, AnyJson] | None = Field(default=None, exclude_if=lambda value: value is None)
    error: RpcErrorDetail | None = Field(default=None, exclude_if=lambda value: value is None)


class ProtectedResource(Contract):
    """OAuth 2.0 protected-resource metadata of `/mcp`, by RFC 9728.

    No authorization server is named: a token is an API key, which an operator makes.
    """

    resource: str
    resource_name: str = "Headrace"
    bearer_methods_supported: tuple[str, ...] = ("header",)
