"""Bodies of `/mcp` and of its protected-resource metadata.

The bodies say what JSON-RPC says of every message; what each method takes, `docs/mcp.md` tells.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from chalicelib.contracts.base import AnyJson, Contract, is_none

RpcId = Annotated[
    int | str | None,
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 256}]}),
]


class RpcRequest(Contract):
    """`POST /mcp`: a JSON-RPC 2.0 request, or a notification, which has no `id`."""

    jsonrpc: Literal["2.0"]
    id: RpcId = None
    method: str = Field(min_length=1, max_length=128)
    params: dict[str, AnyJson] = Field(default_factory=dict)


class RpcErrorDetail(Contract):
    """A JSON-RPC error: its code, what is wrong, and more about it."""

    code: int
    message: str
    data: AnyJson = Field(default=None, exclude_if=is_none)


class RpcResponse(Contract):
    """A JSON-RPC 2.0 response: a `result`, or an `error`."""

    jsonrpc: Literal["2.0"]
    id: int | str | None
    result: dict[str, AnyJson] | None = Field(default=None, exclude_if=is_none)
    error: RpcErrorDetail | None = Field(default=None, exclude_if=is_none)


class RpcFailure(Contract):
    """A JSON-RPC 2.0 response with an `error`, whose `id` is null where the message has none."""

    jsonrpc: Literal["2.0"]
    id: int | str | None
    error: RpcErrorDetail


class ProtectedResource(Contract):
    """OAuth 2.0 protected-resource metadata of `/mcp`, by RFC 9728.

    No authorization server is named: a token is an API key, which an operator makes.
    """

    resource: str
    resource_name: str = "Headrace"
    bearer_methods_supported: tuple[str, ...] = ("header",)
