"""`/v1/collections/{name}/pictures`: a job that embeds a collection's images again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api import jobs
from chalicelib.api.http import serve_operation, tenant_of
from chalicelib.api.jobs import JobServices, launch_once, new_job_input
from chalicelib.contracts.jobs import Job
from chalicelib.contracts.operations import Operation
from chalicelib.errors import Conflict, InvalidInput
from chalicelib.retrieval.ids import check_collection
from chalicelib.retrieval.search.filters import Declarations

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts


@dataclass(frozen=True, slots=True)
class PictureJobServices:
    """The collaborators of the view of this module."""

    jobs: JobServices
    declarations: Declarations


def build_services(parts: ApiParts) -> PictureJobServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    return PictureJobServices(jobs=jobs.build_services(parts), declarations=parts.records)


def routes(services: Callable[[], PictureJobServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/collections/{name}/pictures", methods=["POST"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("jobs", {202: Job}, once=True, errors=(Conflict,)))
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
        given = new_job_input(request, deps.jobs, "embed_pictures", collection=name)
        return launch_once(request, deps.jobs, given.model_copy(update={"model": model}))

    return blueprint
