"""Errors as responses of OpenAI's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.api.http import json_response
from chalicelib.contracts.http import retry_after
from chalicelib.openai.errors import error_response

if TYPE_CHECKING:
    from chalicelib.errors import HeadraceError


def openai_error(error: HeadraceError, request_id: str) -> Response:
    """Return the response for `error` with OpenAI's body."""
    status, body = error_response(error, request_id)
    response = json_response(body, status)
    seconds = retry_after(error)
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    return response
