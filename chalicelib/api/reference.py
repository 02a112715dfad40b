"""`GET /v1/openapi.json` and `GET /v1/docs`: the API described, for programs and for people.

Both files are written by `python -m infra.openapi` when the project is built, and only sent here.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.http import describe_view
from chalicelib.contracts.operations import Media, Operation

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts

_DOCUMENT = Path(__file__).with_name("openapi.json")
_PAGE = Path(__file__).with_name("docs.html")
_CACHE_CONTROL = "public, max-age=300"
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
NOT_MODIFIED = 304


def build_services(parts: ApiParts) -> None:
    """Return nothing: the views send files of the bundle."""


def routes(services: Callable[[], None], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they need no API key, and so no authorizer."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/openapi.json", methods=["GET"])
    @describe_view(
        Operation(
            "service",
            {200: Media("application/json", "The OpenAPI 3.1 document."), NOT_MODIFIED: None},
        )
    )
    def openapi() -> Response:
        """Describe the API to a program, in OpenAPI 3.1; needs no key."""
        return _send_file(blueprint.current_request, _DOCUMENT, "application/json")

    @blueprint.route("/v1/docs", methods=["GET"])
    @describe_view(Operation("service", {200: Media("text/html", "The page."), NOT_MODIFIED: None}))
    def docs() -> Response:
        """Describe the API to a reader, on one page; needs no key."""
        response = _send_file(blueprint.current_request, _PAGE, "text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
        return response

    return blueprint


def send_text(request: Request, text: str, media_type: str, cache_control: str) -> Response:
    """Return the response with `text`, or 304 where the request names its entity tag."""
    tag = _entity_tag(text)
    headers: dict[str, str | list[str]] = {
        "Content-Type": media_type,
        "ETag": tag,
        "Cache-Control": cache_control,
        "Vary": "Accept-Encoding",  # API Gateway compresses it for those who ask.
    }
    if tag in _entity_tags(request.headers.get("if-none-match", "")):
        return Response(body="", status_code=NOT_MODIFIED, headers=headers)
    return Response(body=text, headers=headers)


def _send_file(request: Request, file: Path, media_type: str) -> Response:
    return send_text(request, _read_file(file), media_type, _CACHE_CONTROL)


@functools.cache
def _read_file(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@functools.cache
def _entity_tag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _entity_tags(given: str) -> list[str]:
    """Return the entity tags of `If-None-Match`; a weak one serves as well for a GET.

    https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
    """
    return [tag.strip().removeprefix("W/") for tag in given.split(",")]
