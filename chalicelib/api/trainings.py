"""`/v1/trainings`: trainings of the stage, their curves, and the cards of what they made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import (
    json_response,
    limit_of,
    query_value,
    require_operator,
    serve_operation,
    utcnow,
)
from chalicelib.contracts.model_card import ModelCard
from chalicelib.contracts.operations import Operation, Parameter, limit_parameter
from chalicelib.contracts.trainings import (
    CardPicture,
    ModelCardView,
    TrainingList,
    TrainingView,
)
from chalicelib.errors import NotFound, NotPermitted

if TYPE_CHECKING:
    from chalicelib.api.jobs import DownloadSigner
    from chalicelib.wiring.api import ApiParts

MAX_PAGE = 100
PICTURE_SECONDS = 15 * 60
_MAX_TOKEN = 8192
_CURSOR = Parameter(
    "cursor",
    "`next_cursor` of the page before; opaque.",
    {"type": "string", "minLength": 1, "maxLength": _MAX_TOKEN},
)


class TrainingJobs(Protocol):
    """The trainings of a stage."""

    def trainings(self, cursor: str | None, limit: int) -> TrainingList:
        """Return a page of trainings, newest first; raise `InvalidInput`."""

    def training(self, name: str) -> TrainingView:
        """Return a training with its progress; raise `NotFound`."""

    def card(self, name: str) -> ModelCard:
        """Return the card of what a training made; raise `NotFound`."""


@dataclass(frozen=True, slots=True)
class TrainingServices:
    """The collaborators of the views of this module; `picture_key` says where a picture is."""

    jobs: TrainingJobs
    picture_key: Callable[[str, str], str]
    sign: DownloadSigner
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> TrainingServices:
    """Return the trainings of the stage."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.trainings import StageTrainings, card_key

    jobs = StageTrainings(aws.sagemaker_jobs(), aws.s3(), parts.settings.bucket, parts.stage)
    return TrainingServices(jobs, card_key, parts.downloads.sign, utcnow)


def routes(services: Callable[[], TrainingServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/trainings", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "registry",
            {200: TrainingList},
            query=(limit_parameter(MAX_PAGE), _CURSOR),
            errors=(NotPermitted,),
        ),
    )
    def list_trainings() -> Response:
        """List trainings of the stage, newest first, a page at a time; for operators."""
        request = blueprint.current_request
        require_operator(request)
        cursor, limit = query_value(request, "cursor"), limit_of(request, MAX_PAGE)
        return json_response(services().jobs.trainings(cursor, limit))

    @blueprint.route("/v1/trainings/{training}", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint, Operation("registry", {200: TrainingView}, errors=(NotFound, NotPermitted))
    )
    def get_training(training: str) -> Response:
        """Show a training with its curves so far, which a running one writes as it goes.

        For operators. Curves have at most 400 points, whatever the number of steps.
        """
        require_operator(blueprint.current_request)
        return json_response(services().jobs.training(training))

    @blueprint.route("/v1/trainings/{training}/card", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint, Operation("registry", {200: ModelCardView}, errors=(NotFound, NotPermitted))
    )
    def get_model_card(training: str) -> Response:
        """Show the card of what a training made, with its pictures and curves; for operators.

        A model below its gates has a card, too.
        """
        require_operator(blueprint.current_request)
        return json_response(_card(training, services()))

    return blueprint


def _card(training: str, deps: TrainingServices) -> ModelCardView:
    card = deps.jobs.card(training)
    pictures = tuple(
        CardPicture(
            name=name,
            url=deps.sign(deps.picture_key(training, name), name=name, seconds=PICTURE_SECONDS),
        )
        for name in card.pictures
    )
    expires = deps.now() + timedelta(seconds=PICTURE_SECONDS)
    return ModelCardView(training=training, card=card, pictures=pictures, expires_at=expires)
