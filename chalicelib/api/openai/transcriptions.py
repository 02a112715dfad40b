"""`POST /v1/audio/transcriptions`: refused, because no model of the catalogue does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.http import FORM, raw_body, serve_operation
from chalicelib.api.openai.errors import openai_error
from chalicelib.contracts.openai.transcriptions import TranscriptionForm
from chalicelib.contracts.operations import Operation
from chalicelib.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts


def build_services(parts: ApiParts) -> None:
    """Return nothing: the view refuses every request."""


def routes(services: Callable[[], None], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the view, which calls no services."""
    blueprint = Blueprint(__name__)

    @blueprint.route(
        "/v1/audio/transcriptions", methods=["POST"], authorizer=authorizer, content_types=[FORM]
    )
    @serve_operation(
        blueprint,
        Operation("openai", {}, form=TranscriptionForm, errors=(NotFound,)),
        openai_error,
    )
    def create_transcription() -> Response:
        """Refuse to write down speech: no model of the catalogue does that yet.

        The answer is a 404, `model_not_found`, whichever model is named.
        """
        raise _refusal(blueprint.current_request)

    return blueprint


def _refusal(request: Request) -> InvalidInput | NotFound:
    """Return the error: a missing field, or that no model transcribes speech."""
    from chalicelib.openai.multipart import parse_form

    given = parse_form(request.headers.get("content-type", ""), raw_body(request))
    for name in TranscriptionForm.model_fields:
        if name not in given:
            return InvalidInput(f"The field {name!r} is required.", field=name)
    return NotFound(
        "No model of the catalogue writes down speech yet; GET /v1/models lists what models do.",
        field="model",
    )
