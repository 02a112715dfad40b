"""`/v1/models`: the models that can be called, as OpenAI's API lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import json_response, serve_operation, tenant_of, utcnow
from chalicelib.api.openai.errors import openai_error
from chalicelib.contracts.openai.models import ModelList, ModelObject
from chalicelib.contracts.operations import Operation
from chalicelib.errors import NotFound

if TYPE_CHECKING:
    from chalicelib.generation.catalogue import UnitPrice
    from chalicelib.generation.models import ServedModels
    from chalicelib.generation.requirements import CallRegion
    from chalicelib.wiring.api import ApiParts


@dataclass(frozen=True, slots=True)
class ModelServices:
    """The collaborators of the views.

    Attributes:
        served: Returns the models of the stage.
        place: The region that models are called from, and those that calls may reach.
        now: Returns the time, by which models begin and end.
        models_of: Returns the models that a tenant may use, None for all.
        prices: Prices of units, None to show models without.
    """

    served: Callable[[], ServedModels]
    place: CallRegion
    now: Callable[[], datetime]
    models_of: Callable[[str], frozenset[str] | None] = lambda tenant: None
    prices: Mapping[str, UnitPrice] | None = None


def build_services(parts: ApiParts) -> ModelServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.wiring.models import models_of, place, stage_models

    read_models = stage_models(parts.environ)
    return ModelServices(
        served=lambda: read_models().models,
        place=place(parts.environ),
        now=utcnow,
        models_of=models_of(parts.environ),
        prices=catalogue().prices,
    )


def routes(services: Callable[[], ModelServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/models", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("openai", {200: ModelList}), openai_error)
    def list_models() -> Response:
        """List the models that can be asked for, and `auto`, the cheapest that suffices."""
        from chalicelib.openai.models import model_list

        deps = services()
        allowed = deps.models_of(tenant_of(blueprint.current_request))
        day = deps.now().date()
        return json_response(model_list(deps.served(), deps.place, day, allowed, deps.prices))

    @blueprint.route("/v1/models/{model}", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint, Operation("openai", {200: ModelObject}, errors=(NotFound,)), openai_error
    )
    def get_model(model: str) -> Response:
        """Show one model."""
        from chalicelib.openai.models import model_object

        deps = services()
        allowed = deps.models_of(tenant_of(blueprint.current_request))
        day = deps.now().date()
        found = model_object(deps.served(), deps.place, day, model, allowed, deps.prices)
        return json_response(found)

    return blueprint
