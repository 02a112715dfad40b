"""`GET /console`: the pages for people, which call the API by its key as any client does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import describe_view, serve_operation
from chalicelib.api.reference import NOT_MODIFIED, send_text
from chalicelib.console import assets
from chalicelib.contracts.operations import Media, Operation
from chalicelib.errors import NotFound

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts

_FOREVER = "public, max-age=31536000, immutable"
_EACH_TIME = "no-cache"


def build_services(parts: ApiParts) -> str:
    """Return the origin of the bucket's presigned addresses."""
    return parts.downloads.origin()


def routes(services: Callable[[], str], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they need no API key, and so no authorizer."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/console", methods=["GET"])
    @describe_view(Operation("service", {200: Media("text/html", "The page."), NOT_MODIFIED: None}))
    def get_console() -> Response:
        """Show the console in a browser; it asks for a key."""
        response = send_text(
            blueprint.current_request, assets.page(), "text/html; charset=utf-8", _EACH_TIME
        )
        response.headers["Content-Security-Policy"] = assets.content_security_policy(services())
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @blueprint.route("/console/{console_version}/{console_file}", methods=["GET"])
    @serve_operation(
        blueprint,
        Operation(
            "service",
            {200: Media("text/javascript", "The file."), NOT_MODIFIED: None},
            errors=(NotFound,),
        ),
    )
    def get_console_file(console_version: str, console_file: str) -> Response:
        """Send a file of the console; its address has the version of all of them."""
        asset = assets.assets().get(console_file)
        if asset is None or console_version != assets.version():
            raise NotFound(
                f"The console is of version {assets.version()}, and has no file"
                f" {console_version[:32]}/{console_file[:64]}; load /console again.",
                field="console_file",
            )
        response = send_text(blueprint.current_request, asset.text, asset.media_type, _FOREVER)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return blueprint
