"""`GET /v1/health`: whether the API answers, without a key."""

from __future__ import annotations

from typing import Literal

from chalice.app import Blueprint, Response

from chalicelib.api.http import described, json_response
from chalicelib.contracts.base import Contract
from chalicelib.contracts.operations import Operation


class Health(Contract):
    """The answer; `stage` tells one deployment from another."""

    status: Literal["ok"] = "ok"
    stage: str


def routes(stage: str) -> Blueprint:
    """Return the blueprint."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/health", methods=["GET"])
    @described(Operation("service", {200: Health}))
    def health() -> Response:
        """Say that the API answers; needs no key."""
        return json_response(Health(stage=stage))

    return blueprint
