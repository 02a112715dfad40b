"""`/v1/jobs/{job_id}/errors`: the items of a batch or an extraction that have no result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.cursors import read_cursor, write_cursor
from chalicelib.api.http import json_response, limit_of, query_value, serve_operation, tenant_of
from chalicelib.api.jobs import JobStates
from chalicelib.batches.failed_items import PLACE, FailedItemReader
from chalicelib.contracts.failed_items import FailedItemList
from chalicelib.contracts.operations import CURSOR, Operation, limit_parameter
from chalicelib.errors import Conflict, NotFound

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.wiring.api import ApiParts

MAX_PAGE = 100


@dataclass(frozen=True, slots=True)
class JobErrorServices:
    """The collaborators of the view of this module."""

    jobs: JobStates
    objects: ItemObjects


def build_services(parts: ApiParts) -> JobErrorServices:
    """Return what the view of this module needs, built of the stage's `parts`."""
    from chalicelib.wiring.jobs import job_table

    return JobErrorServices(job_table(parts.environ), parts.batch_objects)


def routes(services: Callable[[], JobErrorServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/jobs/{job_id}/errors", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "jobs",
            {200: FailedItemList},
            query=(limit_parameter(MAX_PAGE), CURSOR),
            errors=(NotFound, Conflict),
        ),
    )
    def list_job_errors(job_id: str) -> Response:
        """List the items of a batch or an extraction that failed, each with its error.

        Once the job has ended they are those of `errors.jsonl`, in the order of the input. Before,
        they are the lines that are no calls, and then what has failed so far.
        """
        return json_response(_listed(blueprint.current_request, job_id, services()))

    return blueprint


def _listed(request: Request, job_id: str, deps: JobErrorServices) -> FailedItemList:
    """Return one page of a job's failed items; raise `NotFound`, `Conflict`, `InvalidInput`."""
    state = deps.jobs.state(tenant_of(request), job_id)
    if state is None:
        raise NotFound(f"There is no job {job_id}.", field="job_id")
    if state.job.kind not in {"batch", "extraction"}:
        raise Conflict(
            f"A job of kind {state.job.kind} has no list of failed items; a batch and an extraction"
            " have one.",
            field="job_id",
        )
    of_job = {"job_id": job_id}
    cursor = query_value(request, "cursor")
    place = read_cursor(cursor, of_job, PLACE) if cursor is not None else ""
    limit = limit_of(request, MAX_PAGE)
    try:
        items, following = FailedItemReader(deps.objects, state).page(place, limit)
    except NotFound as error:
        raise NotFound(
            f"The files of the job {job_id} were kept for seven days, and are gone.",
            field="job_id",
        ) from error
    return FailedItemList(
        items=tuple(items),
        next_cursor=None if following is None else write_cursor(following, of_job),
    )
