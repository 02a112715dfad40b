"""Messages of a client: requests of either era, and the headers that belong to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.mcp.versions import (
    CAPABILITIES_KEY,
    NAME_FIELDS,
    TASKS_EXTENSION,
    VERSION_KEY,
    encode_header,
)

MODERN, LEGACY = "2026-07-28", "2025-11-25"


def modern(
    method: str, *, tasks: bool = False, meta: Mapping[str, Any] | None = None, **params: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a request of 2026-07-28, and its headers."""
    capabilities: dict[str, Any] = {"extensions": {TASKS_EXTENSION: {}}} if tasks else {}
    said = {VERSION_KEY: MODERN, CAPABILITIES_KEY: capabilities, **(meta or {})}
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": said}}
    headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
    name = params.get(NAME_FIELDS.get(method, ""))
    if isinstance(name, str):
        headers["mcp-name"] = encode_header(name)
    return request, headers


def legacy(method: str, **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a request of 2025-11-25, and its headers."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return request, {"mcp-protocol-version": LEGACY}
