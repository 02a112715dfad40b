"""Calls of the HTTP API, on which tools, resources and prompts are built.

Keys, budgets, screening, limits and receipts are those of the route, whatever process answers it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from chalicelib.mcp.jsonrpc import Json


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request of a route.

    Attributes:
        method: The HTTP method.
        route: The path as routes write it, such as `/v1/jobs/{job_id}`.
        path: The values of its variables.
        query: The query parameters.
        body: The JSON body, None for none.
        idempotency_key: The key under which the response is kept, "" for none.
    """

    method: str
    route: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, JsonValue] | None = None
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """The response to a call that was not refused."""

    status: int
    body: Json


class ApiRefusalError(Exception):
    """Raised when the API refuses a call.

    Attributes:
        status: The HTTP status.
        error: The error of the response's body: type, message, field, limit and request id.
        retry_after: Seconds after which the same call may succeed, None where it never will.
    """

    def __init__(self, status: int, error: Json, retry_after: int | None = None) -> None:
        super().__init__(str(error.get("message") or error.get("type") or status))
        self.status = status
        self.error = error
        self.retry_after = retry_after

    @property
    def is_missing(self) -> bool:
        """Whether the status is 404: there is no such thing, or not for this tenant."""
        return self.status == _NOT_FOUND


_NOT_FOUND = 404


class ApiCaller(Protocol):
    """Calls the API as the client whose request is answered."""

    def call(self, call: ApiCall) -> ApiResponse:
        """Return the response; raise `ApiRefusalError`."""

    def read(self, key: str, max_bytes: int) -> bytes:
        """Return the first bytes of a file that a response named; raise `ApiRefusalError`."""

    def upload(self, form: Mapping[str, str], content: bytes) -> None:
        """Upload `content` as the fields of a signed form say; raise `ApiRefusalError`."""
