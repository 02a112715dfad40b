"""`POST /v1/moderations`: OpenAI's moderation by our screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import json_response, raw_body, request_id_of, serve_operation
from chalicelib.api.openai.errors import openai_error
from chalicelib.contracts.http import parsed
from chalicelib.contracts.openai.moderations import ModerationRequest, ModerationResponse
from chalicelib.contracts.operations import Operation
from chalicelib.contracts.screening import Finding, OriginText
from chalicelib.errors import ModelFailure, Unsupported

if TYPE_CHECKING:
    from chalicelib.api.screenings import ScreeningServices
    from chalicelib.openai.moderations import ModerationInput
    from chalicelib.wiring.api import ApiParts


def build_services(parts: ApiParts) -> ScreeningServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.api import screenings

    return screenings.build_services(parts)


def routes(services: Callable[[], ScreeningServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/moderations", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "openai",
            {200: ModerationResponse},
            body=ModerationRequest,
            errors=(Unsupported, ModelFailure),
        ),
        openai_error,
    )
    def create_moderation() -> Response:
        """Tell whether texts and pictures are harmful, by OpenAI's categories.

        Words and patterns of English are looked for in texts, and pictures are looked at by a
        small model; a category that lists no input type was not looked for.
        """
        from chalicelib.openai.moderations import moderation_inputs, moderation_response

        request = blueprint.current_request
        body, own = parsed(raw_body(request), ModerationRequest, plain=True), request_id_of(request)
        inputs = moderation_inputs(body)
        found = list(_found(inputs, services(), own))
        return json_response(moderation_response(body, f"modr-{own}", inputs, found))

    return blueprint


def _found(
    inputs: Sequence[ModerationInput], deps: ScreeningServices, correlation_id: str
) -> Iterator[list[Finding]]:
    """Yield the findings of each of `inputs`; all texts are screened by one call."""
    from chalicelib.openai.moderations import SCREENED_CATEGORIES

    texts = [OriginText(text=text) for one in inputs for text in one.texts]
    told = deps.screens.of_texts(texts, SCREENED_CATEGORIES, 0.0, correlation_id)
    first = 0
    for one in inputs:
        after = first + len(one.texts)
        mine = [finding for finding in told if first <= finding.text < after]
        yield [*mine, *deps.screens.of_pictures(one.pictures, SCREENED_CATEGORIES, correlation_id)]
        first = after
