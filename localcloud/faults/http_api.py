"""Faults over HTTP, at a path that no AWS service has: a bucket's name cannot begin with `_`.

GET lists the faults, PUT sets one by its name or replaces all, DELETE removes one or all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from localcloud.faults.injector import FaultInjector
from localcloud.faults.rules import Fault, FaultsFile
from localcloud.wsgi import read_body

PATH = "/_headrace/faults"
MARK = ("X-Headrace", "local-cloud")
"""The header that distinguishes a local cloud from anything else that may answer at the path."""

_MAX_BODY = 1024 * 1024


class FaultsApi:
    """The WSGI application at `PATH`."""

    def __init__(self, injector: FaultInjector) -> None:
        """List and set the faults of `injector`."""
        self._injector = injector

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request in JSON."""
        try:
            status, body = self._answer(environ)
        except ValidationError as error:
            status, body = HTTPStatus.BAD_REQUEST, {"message": _message(error)}
        payload = json.dumps(body).encode()
        length = ("Content-Length", str(len(payload)))
        headers = [("Content-Type", "application/json"), length, MARK]
        start_response(f"{status.value} {status.phrase}", headers)
        return [payload]

    def _answer(self, environ: dict[str, Any]) -> tuple[HTTPStatus, dict[str, Any]]:
        name = str(environ.get("PATH_INFO", "")).removeprefix(PATH).strip("/") or None
        method = environ["REQUEST_METHOD"]
        if method == "PUT":
            return self._put(name, environ)
        if method == "DELETE":
            cleared = self._injector.clear(name)
            if name is not None and not cleared:
                return HTTPStatus.NOT_FOUND, {"message": f"No fault is called {name!r}."}
            return HTTPStatus.OK, {"cleared": cleared}
        if method != "GET" or name is not None:
            message = f"{PATH} takes GET, PUT and DELETE; {PATH}/NAME takes PUT and DELETE."
            return HTTPStatus.METHOD_NOT_ALLOWED, {"message": message}
        return HTTPStatus.OK, {"faults": self._injector.describe()}

    def _put(self, name: str | None, environ: dict[str, Any]) -> tuple[HTTPStatus, dict[str, Any]]:
        body = read_body(environ, _MAX_BODY)
        if body is None:
            message = f"The faults are larger than the {_MAX_BODY} bytes that are taken."
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"message": message}
        if name is None:
            faults = FaultsFile.model_validate_json(body).faults
            self._injector.clear()
            self._injector.set(*faults)
        else:
            fault = Fault.model_validate_json(body)
            self._injector.set(Fault.model_validate({**fault.model_dump(), "name": name}))
        return HTTPStatus.OK, {"faults": self._injector.describe()}


def _message(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'the fault'}: {each['msg']}"
        for each in error.errors()
    )
