"""`GET /v1/health`: a health check that needs no API key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import describe_view, json_response
from chalicelib.contracts.base import Contract
from chalicelib.contracts.operations import Operation

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts


class Health(Contract):
    """The response; `stage` tells one deployment from another."""

    status: Literal["ok"] = "ok"
    stage: str


def build_services(parts: ApiParts) -> str:
    """Return the name of the stage, which is all that the view needs."""
    return parts.stage


def routes(services: Callable[[], str], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the view; it needs no API key, and so no authorizer."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/health", methods=["GET"])
    @describe_view(Operation("service", {200: Health}))
    def health() -> Response:
        """Say that the API answers; needs no key."""
        return json_response(Health(stage=services()))

    return blueprint
