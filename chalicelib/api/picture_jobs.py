"""`/v1/collections/{name}/pictures`: pictures embedded again by the model of their collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api import jobs
from chalicelib.api.http import answering, tenant_of
from chalicelib.api.jobs import JobServices, asked, launched
from chalicelib.contracts.jobs import Job
from chalicelib.contracts.operations import Operation
from chalicelib.errors import Conflict, InvalidInput
from chalicelib.retrieval.ids import check_collection
from chalicelib.retrieval.search.filters import Declarations

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts


@dataclass(frozen=True, slots=True)
class PictureJobServices:
    """What the view of this module stands on."""

    jobs: JobServices
    declarations: Declarations


def build_services(parts: ApiParts) -> PictureJobServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    return PictureJobServices(jobs=jobs.build_services(parts), declarations=parts.records)


def routes(services: Callable[[], PictureJobServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/collections/{name}/pictures", methods=["POST"], authorizer=authorizer)
    @answering(blueprint, Operation("jobs", {202: Job}, once=True, errors=(Conflict,)))
    def embed_pictures(name: str) -> Response:
        """Embed a collection's pictures again, by a job and by the version that is served now.

        Pictures that were there before the collection named its model are embedded, too.
        """
        request, deps = blueprint.current_request, services()
        check_collection(name)
        declared = deps.declarations.declaration(tenant_of(request), name)
        model = None if declared is None else declared.picture_model
        if model is None:
            raise InvalidInput(
                f"The collection {name} names no picture_model, so its pictures are found by what"
                f" is seen in them. Name one by PUT /v1/collections/{name}.",
                field="name",
            )
        given = asked(request, deps.jobs, "embed_pictures", collection=name)
        return launched(request, deps.jobs, given.model_copy(update={"model": model}))

    return blueprint
