"""`/v1/batches`: OpenAI's batches, which are our batch jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api import jobs
from chalicelib.api.http import (
    json_response,
    key_id_of,
    limit_of,
    parse_body,
    query_value,
    serve_operation,
    tenant_of,
)
from chalicelib.api.idempotency import run_once
from chalicelib.api.jobs import JobServices, new_job_input
from chalicelib.api.openai import files
from chalicelib.api.openai.errors import openai_error
from chalicelib.api.openai.files import FileStore, file_at
from chalicelib.contracts.openai.batches import BatchObject, BatchObjects, BatchRequest
from chalicelib.contracts.operations import Operation, Parameter, limit_parameter
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.jobs.lifecycle import new_job

if TYPE_CHECKING:
    from chalicelib.contracts.jobs import Job
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.wiring.api import ApiParts

MAX_PAGE = 100
MAX_LOOKED_AT = 1_000
"""Jobs of all kinds that are read for a page."""
_AFTER = Parameter("after", "The batch that the page follows.", {"type": "string"})


@dataclass(frozen=True, slots=True)
class BatchFileServices:
    """The collaborators of the views: jobs, and the files that they read and write."""

    jobs: JobServices
    store: FileStore


def build_services(parts: ApiParts) -> BatchFileServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    return BatchFileServices(
        jobs=jobs.build_services(parts), store=files.build_services(parts).store
    )


def routes(services: Callable[[], BatchFileServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/batches", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "openai", {200: BatchObject}, body=BatchRequest, once=True, errors=(NotFound, Conflict)
        ),
        openai_error,
    )
    def create_openai_batch() -> Response:
        """Have every call of an uploaded file answered within a day, at half the price where a
        model offers that.
        """
        return _create(blueprint.current_request, services())

    @blueprint.route("/v1/batches", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("openai", {200: BatchObjects}, query=(_AFTER, limit_parameter(MAX_PAGE))),
        openai_error,
    )
    def list_openai_batches() -> Response:
        """List the batches that were asked for here, newest first."""
        return json_response(_list(blueprint.current_request, services()))

    @blueprint.route("/v1/batches/{batch_id}", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint, Operation("openai", {200: BatchObject}, errors=(NotFound,)), openai_error
    )
    def get_openai_batch(batch_id: str) -> Response:
        """Show a batch, how far it is, and which files it gave."""
        deps = services()
        state = _existing(blueprint.current_request, batch_id, deps)
        return json_response(_batch_object(state, _with_progress(state, deps)))

    @blueprint.route("/v1/batches/{batch_id}/cancel", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("openai", {200: BatchObject}, errors=(NotFound, Conflict)),
        openai_error,
    )
    def cancel_openai_batch(batch_id: str) -> Response:
        """Cancel a batch that has not ended."""
        deps = services()
        state = _existing(blueprint.current_request, batch_id, deps)
        return json_response(_batch_object(state, deps.jobs.launcher.cancel(state)))

    return blueprint


def _create(request: Request, deps: BatchFileServices) -> Response:
    """Store the response, then launch the job; a repeated request finds the job there."""
    from chalicelib.batches import storage
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.openai.batches import batch_order, job_id

    body, tenant, now = parse_body(request, BatchRequest), tenant_of(request), deps.jobs.now()
    given = new_job_input(request, deps.jobs, "batch")
    given = given.model_copy(update={"order": batch_order(body, key_id_of(request), now)})
    key, _ = file_at(tenant, body.input_file_id, deps.store, "input_file_id")
    job = new_job(given, now)
    response = run_once(
        request, deps.jobs.answers, lambda: _batch_object(JobState(job, given, ""), job)
    )
    kept = BatchObject.model_validate_json(response.body)
    given = given.model_copy(update={"job_id": job_id(kept.id)})
    if deps.jobs.records.state(tenant, given.job_id) is None:
        deps.store.copy(key, storage.job_prefix(tenant, given.job_id) + storage.INPUT)
        deps.jobs.launcher.launch(given)
    return response


def _list(request: Request, deps: BatchFileServices) -> BatchObjects:
    from chalicelib.openai.batches import job_id

    limit, after = limit_of(request, MAX_PAGE), query_value(request, "after")
    if after is not None and not job_id(after):
        raise InvalidInput(f"There is no batch {after[:80]}.", field="after")
    found = _batches_of(tenant_of(request), job_id(after or ""), deps)
    page = [_batch_object(state, state.job) for state in islice(found, limit + 1)]
    shown = page[:limit]
    return BatchObjects(
        data=tuple(shown),
        first_id=shown[0].id if shown else None,
        last_id=shown[-1].id if shown else None,
        has_more=len(page) > limit,
    )


def _batches_of(tenant: str, after: str, deps: BatchFileServices) -> Iterator[JobState]:
    for state in islice(deps.jobs.records.states(tenant, after), MAX_LOOKED_AT):
        if state.input.order is not None and state.input.order.openai is not None:
            yield state


def _existing(request: Request, batch_id: str, deps: BatchFileServices) -> JobState:
    from chalicelib.openai.batches import job_id

    state = deps.jobs.records.state(tenant_of(request), job_id(batch_id))
    if state is None or state.input.order is None or state.input.order.openai is None:
        raise NotFound(f"There is no batch {batch_id[:80]}.", field="batch_id")
    return state


def _with_progress(state: JobState, deps: BatchFileServices) -> Job:
    """Return the job with its current progress."""
    from chalicelib.batches.checkpoint import live_counts

    counts = live_counts(state.job, state.input, state.checkpoint, deps.jobs.count)
    return state.job.model_copy(update={"counts": counts})


def _batch_object(state: JobState, job: Job) -> BatchObject:
    from chalicelib.batches.checkpoint import checkpoint_notes
    from chalicelib.openai.batches import batch_object

    order = state.input.order
    assert order is not None, "what is shown was asked for here"
    assert order.openai is not None, "what is shown was asked for here"
    files = [(file.name, file.bytes) for file in state.files]
    if state.checkpoint:
        job = job.model_copy(update={"notes": checkpoint_notes(state.checkpoint)})
    return batch_object(job, order.openai, order.deadline, files)
