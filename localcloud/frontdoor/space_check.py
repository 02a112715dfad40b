"""Requests that would store something are refused in time while the disk is almost full."""

from __future__ import annotations

import json
from collections.abc import Iterable
from uuid import uuid4

from localcloud.errors import AwsError
from localcloud.frontdoor import error_formats
from localcloud.frontdoor.request import FrontDoorRequest
from localcloud.storage_errors import INSUFFICIENT_STORAGE, FreeSpace
from localcloud.wire.responses import WireResponse
from localcloud.wsgi import Environ, StartResponse, WsgiApp

_WRITES = frozenset({"POST", "PUT", "PATCH"})
_CHUNK_BYTES = 1 << 20


class SpaceCheck:
    """A WSGI application that refuses new work of users by 507 for want of space.

    Calls signed in a header pass: they are the functions', which end what was accepted, or of a
    client that gets the failure itself if the disk refuses.
    """

    def __init__(self, application: WsgiApp, space: FreeSpace) -> None:
        """Pass requests on to `application` while `space` lasts."""
        self._application = application
        self._space = space

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ["REQUEST_METHOD"] in _WRITES and self._space.is_low():
            request = FrontDoorRequest.from_environ(environ)
            if _is_of_a_user(request):
                return self._refuse(request, start_response)
        return self._application(environ, start_response)

    def _refuse(self, request: FrontDoorRequest, start_response: StartResponse) -> Iterable[bytes]:
        while request.environ["wsgi.input"].read(_CHUNK_BYTES):
            continue  # a client reads no answer before it has sent its body
        response = self._response(request)
        start_response(f"{response.status} Insufficient Storage", list(response.headers.items()))
        return [response.body] if isinstance(response.body, bytes) else response.body

    def _response(self, request: FrontDoorRequest) -> WireResponse:
        reason = self._space.reason
        if request.is_api:
            headers = {"Content-Type": "application/json"}
            body = json.dumps({"message": reason}).encode()
            return WireResponse(INSUFFICIENT_STORAGE, headers, body)
        error = AwsError("InsufficientStorage", reason, INSUFFICIENT_STORAGE)
        return error_formats.error_response("s3", request, error, str(uuid4()))


def _is_of_a_user(request: FrontDoorRequest) -> bool:
    if request.headers.get("authorization", "").startswith("AWS4-"):
        return False
    return request.is_api or request.is_for_bucket or request.presigned_service == "s3"
