"""`/v1/generations/batches`: files of model calls, answered by a job."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api import jobs
from chalicelib.api.http import (
    json_response,
    key_id_of,
    parse_body,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.idempotency import run_once
from chalicelib.api.jobs import ACCEPTED, RESULT_SECONDS, JobServices, existing_job, new_job_input
from chalicelib.batches import storage
from chalicelib.batches.outcomes import result_line
from chalicelib.batches.storage import ItemObjects
from chalicelib.contracts.batches import (
    MAX_DEADLINE_SECONDS,
    MAX_INPUT_BYTES,
    BatchOrder,
    BatchUpload,
    CreateBatchRequest,
    CreateBatchUploadRequest,
)
from chalicelib.contracts.generation_requests import CreateGenerationRequest
from chalicelib.contracts.jobs import Job, JobInput, JobResult
from chalicelib.contracts.operations import Operation
from chalicelib.errors import Conflict, NotFound
from chalicelib.generation.requests import call_from_request
from chalicelib.jobs.lifecycle import new_job

if TYPE_CHECKING:
    from chalicelib.api.documents import UploadSigner
    from chalicelib.generation.models import ServedModels
    from chalicelib.wiring.api import ApiParts

ONE = "generation"
"""The id of the only line of a job that makes one generation."""
ONE_DAY = timedelta(days=1)
UPLOAD_SECONDS = 15 * 60
MAX_PARTIAL_ANSWERS = 1_000
"""Answers that one request joins: reading them takes a few seconds."""
READS_AT_ONCE = 16


class UploadedObjects(ItemObjects, Protocol):
    """Objects of batches, whose size can be read."""

    def size(self, bucket: str, key: str) -> int:
        """Return the bytes of an object; raise `NotFound`."""


@dataclass(frozen=True, slots=True)
class BatchServices:
    """The collaborators of the views of this module; `models` returns those of the stage."""

    jobs: JobServices
    sign: UploadSigner
    objects: UploadedObjects
    now: Callable[[], datetime]
    models: Callable[[], ServedModels]


def build_services(parts: ApiParts) -> BatchServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.wiring.models import stage_models

    read_models = stage_models(parts.environ)
    return BatchServices(
        jobs=jobs.build_services(parts),
        sign=parts.sign_upload,
        objects=parts.batch_objects,
        now=utcnow,
        models=lambda: read_models().models,
    )


def routes(services: Callable[[], BatchServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/generations/batches/uploads", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("generations", {201: BatchUpload}, body=CreateBatchUploadRequest, once=True),
    )
    def create_batch_upload() -> Response:
        """Announce a file of calls, and get a form that uploads it, within 15 minutes."""
        request, deps = blueprint.current_request, services()
        body = parse_body(request, CreateBatchUploadRequest)
        return run_once(
            request, deps.jobs.answers, lambda: _upload(request, body, deps), status=201
        )

    @blueprint.route("/v1/generations/batches", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "generations",
            {202: Job},
            body=CreateBatchRequest,
            once=True,
            errors=(NotFound, Conflict),
        ),
    )
    def create_batch() -> Response:
        """Have every call of an uploaded file answered, by the deadline and as cheaply as can be.

        The job has the id of the upload. A line that is no call fails alone, and says why.
        """
        request, deps = blueprint.current_request, services()
        body = parse_body(request, CreateBatchRequest)
        return _launch(request, body, deps)

    @blueprint.route("/v1/generations/jobs", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "generations",
            {202: Job},
            body=CreateGenerationRequest,
            once=True,
            errors=(NotFound, Conflict),
        ),
    )
    def create_generation_job() -> Response:
        """Have one generation made by a job, for what takes longer than a request may.

        The job is shown as a batch of one line, `generation`: it bears throttling for as long as
        its deadline allows, a day where none is given.
        """
        request, deps = blueprint.current_request, services()
        body = parse_body(request, CreateGenerationRequest)
        return _launch_one(request, body, deps)

    @blueprint.route("/v1/jobs/{job_id}/partial", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("jobs", {200: JobResult}, errors=(NotFound, Conflict)))
    def get_partial(job_id: str) -> Response:
        """Put together what a batch has answered so far, of its first 1,000 answers, to be fetched.

        The lines are those of `results.jsonl`, in order; lines that are not answered are left out.
        """
        return json_response(_partial(blueprint.current_request, job_id, services()))

    return blueprint


def _launch_one(request: Request, body: CreateGenerationRequest, deps: BatchServices) -> Response:
    """Store the response, write the one line, then launch the job; all may be repeated."""
    now = deps.now()
    latest = now + timedelta(seconds=MAX_DEADLINE_SECONDS)
    order = BatchOrder(
        model=body.model,
        service_tier=body.service_tier,
        deadline=min(body.deadline or now + ONE_DAY, latest),
        key=key_id_of(request),
        single=True,
    )
    given = new_job_input(request, deps.jobs, "batch")
    given = given.model_copy(update={"model": body.model, "order": order})

    def fresh() -> Job:
        _require_model(body.model, deps)
        call_from_request(body)
        return new_job(given, now)

    response = run_once(request, deps.jobs.answers, fresh, ACCEPTED)
    job_id = Job.model_validate_json(response.body).job_id
    said = body.model_dump(mode="json", exclude_unset=True, exclude={"service_tier", "deadline"})
    line = json.dumps({**said, "id": ONE}, ensure_ascii=False).encode() + b"\n"
    key = _input_key(given.tenant, job_id)
    deps.objects.write(given.bucket, key, line, {})
    deps.jobs.launcher.launch(given.model_copy(update={"job_id": job_id}))
    return response


def _require_model(model: str, deps: BatchServices) -> None:
    from chalicelib.generation.models import AUTO

    if model != AUTO:
        deps.models().model(model)


def _partial(request: Request, job_id: str, deps: BatchServices) -> JobResult:
    state = existing_job(request, job_id, deps.jobs)
    if state.job.kind != "batch":
        raise Conflict(f"A job of kind {state.job.kind} has no partial results.", field="job_id")
    bucket, prefix = state.input.bucket, state.prefix
    keys = islice(deps.objects.keys(bucket, prefix + storage.OUTCOMES), MAX_PARTIAL_ANSWERS)
    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        body = b"".join(pool.map(lambda key: result_line(deps.objects.read(bucket, key)), keys))
    deps.objects.write(bucket, prefix + storage.PARTIAL, body, {})
    expires_at = deps.now() + timedelta(seconds=RESULT_SECONDS)
    url = deps.jobs.sign(prefix + storage.PARTIAL, name=storage.PARTIAL, seconds=RESULT_SECONDS)
    return JobResult(name=storage.PARTIAL, bytes=len(body), url=url, expires_at=expires_at)


def _upload(request: Request, body: CreateBatchUploadRequest, deps: BatchServices) -> BatchUpload:
    now = deps.now()
    batch_id = deps.jobs.new_id(now)
    form = deps.sign(
        _input_key(tenant_of(request), batch_id),
        max_bytes=min(body.bytes, MAX_INPUT_BYTES),
        seconds=UPLOAD_SECONDS,
        metadata={},
    )
    expires_at = now + timedelta(seconds=UPLOAD_SECONDS)
    return BatchUpload(batch_id=batch_id, upload=form, expires_at=expires_at)


def _launch(request: Request, body: CreateBatchRequest, deps: BatchServices) -> Response:
    """Store the response, then launch the job; a repeated request finds the job there."""
    given = _job_input(request, body, deps)

    def fresh() -> Job:
        _require_new(given, body, deps)
        return new_job(given, deps.now())

    response = run_once(request, deps.jobs.answers, fresh, ACCEPTED)
    deps.jobs.launcher.launch(given)
    return response


def _job_input(request: Request, body: CreateBatchRequest, deps: BatchServices) -> JobInput:
    order = BatchOrder(
        model=body.model,
        quality=body.quality,
        service_tier=body.service_tier,
        checks=body.checks,
        fallback=body.fallback,
        deadline=deps.now() + timedelta(seconds=body.deadline_seconds),
        confirm=body.confirm,
        keep_truncated=body.keep_truncated,
        key=key_id_of(request),
    )
    given = new_job_input(request, deps.jobs, "batch")
    return given.model_copy(update={"job_id": body.batch_id, "model": body.model, "order": order})


def _require_new(given: JobInput, body: CreateBatchRequest, deps: BatchServices) -> None:
    """Raise if there is no such model or file, or the batch was begun before."""
    _require_model(body.model, deps)
    if deps.jobs.records.state(given.tenant, given.job_id) is not None:
        raise Conflict(f"The batch {given.job_id} was begun before.", field="batch_id")
    try:
        deps.objects.size(given.bucket, _input_key(given.tenant, given.job_id))
    except NotFound as error:
        raise NotFound(
            f"Nothing was uploaded as {given.job_id}; send the file to its form first.",
            field="batch_id",
        ) from error


def _input_key(tenant: str, batch_id: str) -> str:
    return storage.job_prefix(tenant, batch_id) + storage.INPUT
