"""`POST /v1/screenings`: personal data, prompt injection and harm in texts, and masking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import json_response, parse_body, request_id_of, serve_operation
from chalicelib.contracts.operations import Operation
from chalicelib.contracts.screening import CreateScreeningRequest, OriginText, Screening
from chalicelib.errors import InvalidInput, ModelFailure

if TYPE_CHECKING:
    from chalicelib.screening.screener import ContentScreens
    from chalicelib.wiring.api import ApiParts


@dataclass(frozen=True, slots=True)
class ScreeningServices:
    """The collaborators of the views of this module and of `/v1/moderations`."""

    screens: ContentScreens


def build_services(parts: ApiParts) -> ScreeningServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.wiring.screening import screens

    return ScreeningServices(screens(parts.environ))


def routes(services: Callable[[], ScreeningServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/screenings", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "screenings", {200: Screening}, body=CreateScreeningRequest, errors=(ModelFailure,)
        ),
    )
    def create_screening() -> Response:
        """Find personal data, orders to a model and harmful words in texts, and mask the first two.

        Nothing is kept, and no model that writes is asked. Every finding names its rule.
        """
        request = blueprint.current_request
        body = parse_body(request, CreateScreeningRequest)
        return json_response(_screened(body, services(), request_id_of(request)))

    return blueprint


def _screened(
    body: CreateScreeningRequest, deps: ScreeningServices, correlation_id: str
) -> Screening:
    from chalicelib.screening.policies import MASKABLE, masked_texts
    from chalicelib.screening.text_screening import CATEGORIES, LANGUAGES

    categories = body.categories or CATEGORIES
    for category in body.mask:
        if category not in MASKABLE:
            raise InvalidInput(
                f"Findings of {category} cannot be masked; {' and '.join(sorted(MASKABLE))} can.",
                field="mask",
            )
        if category not in categories:
            raise InvalidInput(f"{category} is to be masked and not looked for.", field="mask")
    texts = [OriginText(text=text, origin=body.origin) for text in body.texts]
    told = deps.screens.of_texts(texts, categories, body.threshold, correlation_id)
    masked = masked_texts(body.texts, [one for one in told if one.category in body.mask])
    languages = {category: LANGUAGES[category] for category in dict.fromkeys(categories)}
    return Screening(findings=told, texts=masked, languages=languages)
