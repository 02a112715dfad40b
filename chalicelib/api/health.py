"""`GET /v1/health`: whether the API answers, without a key."""

from __future__ import annotations

from typing import Literal

from chalice.app import Blueprint, Response

from chalicelib.api.http import json_response
from chalicelib.contracts.base import Contract


class Health(Contract):
    """The answer; `stage` tells one deployment from another."""

    status: Literal["ok"] = "ok"
    stage: str


def routes(stage: str) -> Blueprint:
    """Return the blueprint."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/health", methods=["GET"])
    def health() -> Response:
        return json_response(Health(stage=stage))

    return blueprint
