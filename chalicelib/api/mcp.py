"""`POST /mcp`: the Model Context Protocol, by the views of the rest of the API.

Each request is answered on its own: there is no session, and so neither GET nor DELETE.

https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.http import (
    describe_view,
    detailed_response,
    json_response,
    raw_body,
    request_id_of,
    serve_operation,
)
from chalicelib.api.route_calls import RouteCaller, RouteViews
from chalicelib.contracts.http import ANY_ORIGIN, ErrorDetail
from chalicelib.contracts.mcp import ProtectedResource, RpcFailure, RpcRequest, RpcResponse
from chalicelib.contracts.operations import Operation
from chalicelib.mcp.jsonrpc import INVALID_REQUEST, RpcError, error_response
from chalicelib.mcp.server import McpServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.wiring.api import ApiParts

PATH = "/mcp"
METADATA_PATH = "/.well-known/oauth-protected-resource"
"""https://www.rfc-editor.org/rfc/rfc9728#section-3"""
_TOOLS = Path(__file__).with_name("mcp_tools.json")
_JSON_TYPES = ("application/json", "application/*", "*/*")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_ACCEPTED, _BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _NOT_ACCEPTABLE = 202, 400, 403, 404, 406


@dataclass(frozen=True, slots=True)
class McpServices:
    """The collaborators of the views of this module.

    `allowed_origins` are those whose pages may call, as `*`, `none`, or with commas between.
    """

    server: McpServer
    views: RouteViews
    allowed_origins: str


def build_services(parts: ApiParts) -> McpServices:
    """Return what the views of this module need, built of the stage's `parts`."""

    def write(key: str, content: bytes, metadata: Mapping[str, str]) -> None:
        parts.objects.write(parts.settings.bucket, key, content, metadata)

    def read(key: str, max_bytes: int) -> bytes:
        return b"".join(parts.batch_objects.stream(parts.settings.bucket, key, end=max_bytes))

    return McpServices(
        server=mcp_server(),
        views=RouteViews(lambda resource: resource.load().build_services(parts), write, read),
        allowed_origins=parts.environ.get("HEADRACE_ALLOWED_ORIGINS", "none"),
    )


def mcp_server() -> McpServer:
    """Return the server with the tools of `mcp_tools.json`, which `infra.openapi` wrote."""
    listed = json.loads(_TOOLS.read_bytes())
    return McpServer(listed["tools"], listed["version"])


def routes(services: Callable[[], McpServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route(PATH, methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "mcp",
            {
                200: RpcResponse,
                _ACCEPTED: None,
                _BAD_REQUEST: RpcFailure,
                _NOT_FOUND: RpcFailure,
                _NOT_ACCEPTABLE: RpcFailure,
            },
            body=RpcRequest,
            checked_by_view_alone=True,
        ),
    )
    def call_mcp() -> Response:
        """Answer one JSON-RPC message of the Model Context Protocol.

        Protocol 2026-07-28 is served, and 2025-11-25 and 2025-06-18 without sessions.
        """
        return _respond(blueprint.current_request, services())

    @blueprint.route(METADATA_PATH, methods=["GET"])
    @describe_view(Operation("mcp", {200: ProtectedResource}))
    def get_protected_resource() -> Response:
        """Describe to OAuth clients how `/mcp` takes a token (RFC 9728); needs no key."""
        return json_response(_metadata(blueprint.current_request))

    @blueprint.route(METADATA_PATH + PATH, methods=["GET"])
    @describe_view(Operation("mcp", {200: ProtectedResource}))
    def get_mcp_protected_resource() -> Response:
        """Describe the same at the address that is derived from that of `/mcp`; needs no key."""
        return json_response(_metadata(blueprint.current_request))

    return blueprint


def _respond(request: Request, deps: McpServices) -> Response:
    refusal = _refuse_headers(request, deps.allowed_origins)
    if refusal is not None:
        return refusal
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    caller = RouteCaller(deps.views, request)
    response = deps.server.respond(raw_body(request), headers, caller)
    if response.body is None:
        return Response(body="", status_code=response.status)
    return json_response(json.dumps(response.body, ensure_ascii=False), response.status)


def _refuse_headers(request: Request, allowed_origins: str) -> Response | None:
    """Return a 403 for a page of another origin, a 406 for a client that reads no JSON, or None."""
    origin = request.headers.get("origin")
    if origin is not None and not _is_allowed(origin, request, allowed_origins):
        message = f"Pages of {origin[:200]} may not call this."
        return detailed_response(
            _FORBIDDEN,
            ErrorDetail(type="Forbidden", message=message, request_id=request_id_of(request)),
        )
    accepted = request.headers.get("accept")
    types = [each.partition(";")[0].strip() for each in (accepted or "*/*").split(",")]
    if not any(each in _JSON_TYPES for each in types):
        message = "Responses are JSON; send Accept: application/json, text/event-stream."
        refused = error_response(RpcError(INVALID_REQUEST, message))
        return json_response(json.dumps(refused), _NOT_ACCEPTABLE)
    return None


def _is_allowed(origin: str, request: Request, allowed: str) -> bool:
    """Return whether a page of `origin` may call; one of the API's own host always may.

    The gateway, or the local cloud's front door, has refused hosts that are not the API's.
    """
    host = request.headers.get("host", "")
    own = bool(host) and origin.partition("://")[2].lower() == host.lower()
    return own or allowed == ANY_ORIGIN or origin in allowed.split(",")


def _metadata(request: Request) -> ProtectedResource:
    host = request.headers.get("host", "localhost")
    if host.rpartition(":")[0] in _LOOPBACK:
        # An address of this machine has no certificate, and no stage in its paths.
        return ProtectedResource(resource=f"http://{host}{PATH}")
    base = str(request.context.get("path", "")).partition(METADATA_PATH)[0]
    return ProtectedResource(resource=f"https://{host}{base}{PATH}")
