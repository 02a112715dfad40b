"""`/v1/jobs` and `/v1/exports`: work that takes longer than a request may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, get_args

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.cursors import read_cursor, write_cursor
from chalicelib.api.http import (
    json_response,
    limit_of,
    parse_body,
    query_value,
    request_id_of,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.idempotency import run_once
from chalicelib.batches.checkpoint import describe_batch, live_counts, written_counts
from chalicelib.batches.receipts import batch_lines
from chalicelib.contracts.extraction_orders import ExtractionCheckpoint
from chalicelib.contracts.jobs import (
    CreateExportRequest,
    Job,
    JobInput,
    JobKind,
    JobList,
    JobResult,
    JobStatus,
    PauseJobRequest,
    RetryJobRequest,
)
from chalicelib.contracts.operations import CURSOR, Operation, Parameter, limit_parameter
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState, new_job
from chalicelib.jobs.receipts import UnitCost, describe_run, job_receipt
from chalicelib.jobs.removals import BACKUPS, TENANT_BACKUPS
from chalicelib.jobs.ulids import ULID_PATTERN

if TYPE_CHECKING:
    from chalicelib.api.idempotency import ResponseRecords
    from chalicelib.wiring.api import ApiParts

ACCEPTED = 202
MAX_PAGE = 100
MAX_LOOKED_AT = 1_000
RESULT_SECONDS = 15 * 60
_LISTED = Operation(
    "jobs",
    {200: JobList},
    query=(
        Parameter(
            "kind", "Only jobs of this kind.", {"type": "string", "enum": list(get_args(JobKind))}
        ),
        Parameter(
            "status",
            "Only jobs with this status.",
            {"type": "string", "enum": list(get_args(JobStatus))},
        ),
        limit_parameter(MAX_PAGE),
        CURSOR,
    ),
)


_PAUSING = Operation(
    "jobs",
    {202: Job},
    body=PauseJobRequest,
    body_may_be_left_out=True,
    once=True,
    errors=(NotFound, Conflict),
)


class JobStates(Protocol):
    """Looks up and lists the jobs of a tenant."""

    def state(self, tenant: str, job_id: str) -> JobState | None:
        """Return a job, or None."""

    def states(self, tenant: str, after: str) -> Iterator[JobState]:
        """Yield the tenant's jobs, newest first, those older than the id `after` ("" for all)."""


class DownloadSigner(Protocol):
    """Signs URLs of objects."""

    def __call__(self, key: str, *, name: str, seconds: int) -> str:
        """Return a URL that downloads `key` as a file `name`, valid for `seconds`."""


@dataclass(frozen=True, slots=True)
class JobServices:
    """The collaborators of all views that start or show jobs."""

    launcher: JobLauncher
    records: JobStates
    answers: ResponseRecords
    sign: DownloadSigner
    cost: UnitCost
    bucket: str
    count: Callable[[str], int]
    """Returns how many objects lie under a prefix."""
    now: Callable[[], datetime]
    new_id: Callable[[datetime], str]


def build_services(parts: ApiParts) -> JobServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.jobs.ulids import ulid
    from chalicelib.wiring.jobs import job_launcher, job_table

    bucket = parts.settings.bucket
    return JobServices(
        launcher=job_launcher(parts.environ),
        records=job_table(parts.environ),
        answers=parts.records,
        sign=parts.downloads.sign,
        cost=catalogue().cost,
        bucket=bucket,
        count=lambda prefix: sum(1 for _ in parts.batch_objects.keys(bucket, prefix)),
        now=utcnow,
        new_id=ulid,
    )


def routes(services: Callable[[], JobServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/exports", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "jobs",
            {202: Job},
            body=CreateExportRequest,
            body_may_be_left_out=True,
            once=True,
            errors=(Conflict,),
        ),
    )
    def create_export() -> Response:
        """Export everything of the tenant, or of one of its collections."""
        request, deps = blueprint.current_request, services()
        body = CreateExportRequest()
        if request.raw_body:
            body = parse_body(request, CreateExportRequest)
        given = new_job_input(request, deps, "export", collection=body.collection or "")
        return launch_once(request, deps, given)

    @blueprint.route("/v1/jobs", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, _LISTED)
    def list_jobs() -> Response:
        """List jobs, newest first, a page at a time."""
        return json_response(_list(blueprint.current_request, services()))

    @blueprint.route("/v1/jobs/{job_id}", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("jobs", {200: Job}, errors=(NotFound,)))
    def get_job(job_id: str) -> Response:
        """Show a job, and where its results can be had."""
        deps = services()
        state = existing_job(blueprint.current_request, job_id, deps)
        return json_response(_shown(state, deps, with_results=True))

    @blueprint.route("/v1/jobs/{job_id}/retry", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "jobs",
            {202: Job},
            body=RetryJobRequest,
            body_may_be_left_out=True,
            once=True,
            errors=(NotFound, Conflict),
        ),
    )
    def retry_job(job_id: str) -> Response:
        """Ask for another attempt at a job that failed."""
        request, deps = blueprint.current_request, services()
        if request.raw_body:
            parse_body(request, RetryJobRequest)
        return run_once(
            request,
            deps.answers,
            lambda: deps.launcher.retry(_retryable_job(request, job_id, deps)),
            ACCEPTED,
        )

    @blueprint.route("/v1/jobs/{job_id}/pause", methods=["POST"], authorizer=authorizer)
    @serve_operation(blueprint, _PAUSING)
    def pause_job(job_id: str) -> Response:
        """Pause a batch: what it is at is finished, and nothing more is spent until it is resumed.

        A paused batch costs nothing. Its files are kept for seven days from when it began.
        """
        return _change_state(blueprint.current_request, job_id, services(), JobLauncher.pause)

    @blueprint.route("/v1/jobs/{job_id}/resume", methods=["POST"], authorizer=authorizer)
    @serve_operation(blueprint, _PAUSING)
    def resume_job(job_id: str) -> Response:
        """Go on with a batch that was paused, or that waits for its estimate to be confirmed."""
        return _change_state(blueprint.current_request, job_id, services(), JobLauncher.resume)

    @blueprint.route("/v1/jobs/{job_id}", methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("jobs", {200: Job}, errors=(NotFound, Conflict)))
    def cancel_job(job_id: str) -> Response:
        """Cancel a job that has not ended."""
        deps = services()
        state = existing_job(blueprint.current_request, job_id, deps)
        return json_response(deps.launcher.cancel(state))

    return blueprint


def new_job_input(
    request: Request, deps: JobServices, kind: JobKind, collection: str = ""
) -> JobInput:
    """Return the input of a new job of the request's tenant."""
    return JobInput(
        tenant=tenant_of(request),
        job_id=deps.new_id(deps.now()),
        kind=kind,
        bucket=deps.bucket,
        correlation_id=request_id_of(request),
        collection=collection,
    )


def launch_once(request: Request, deps: JobServices, given: JobInput) -> Response:
    """Launch the job and return 202 with it.

    The response is stored under the request's Idempotency-Key before the launch, and a repeated
    request launches the job of the stored response, so that one key never makes two jobs.
    """
    response = run_once(request, deps.answers, lambda: new_job(given, deps.now()), ACCEPTED)
    kept = Job.model_validate_json(response.body)
    deps.launcher.launch(given.model_copy(update={"job_id": kept.job_id}))
    return response


def _change_state(
    request: Request,
    job_id: str,
    deps: JobServices,
    move: Callable[[JobLauncher, JobState], Job],
) -> Response:
    if request.raw_body:
        parse_body(request, PauseJobRequest)
    return run_once(
        request,
        deps.answers,
        lambda: move(deps.launcher, existing_job(request, job_id, deps)),
        ACCEPTED,
    )


def existing_job(request: Request, job_id: str, deps: JobServices) -> JobState:
    """Return a job of the tenant; raise `NotFound`."""
    state = deps.records.state(tenant_of(request), job_id)
    if state is None:
        raise NotFound(f"There is no job {job_id}.", field="job_id")
    return state


def _retryable_job(request: Request, job_id: str, deps: JobServices) -> JobState:
    """Return a job that its owner may try again; raise `NotFound`, `Conflict`."""
    state = existing_job(request, job_id, deps)
    if state.job.kind == "scheduled_run":
        raise Conflict(
            "A run of a schedule has its place among the others; run the schedule again.",
            field="job_id",
        )
    return state


def _shown(state: JobState, deps: JobServices, *, with_results: bool) -> Job:
    job = state.job
    results = job_results(state, deps) if with_results else ()
    receipt = job_receipt(state, deps.cost)
    job = with_backups(job.model_copy(update={"receipt": receipt, "results": results}))
    if job.kind == "evaluation":
        from chalicelib.evaluation.views import describe_evaluation

        return describe_evaluation(job, state, deps.cost)
    if job.kind == "scheduled_run":
        return describe_run(job, state.checkpoint)
    if job.kind == "extraction" and state.checkpoint:
        return _extraction(job, state, deps, counted=with_results)
    return _batch(job, state, deps, counted=with_results) if job.kind == "batch" else job


def job_results(state: JobState, deps: JobServices) -> tuple[JobResult, ...]:
    """Return where the files of a job that has ended can be had, as long as they are kept."""
    job, now = state.job, deps.now()
    available = job.results_until is not None and now < job.results_until and not state.is_open
    if not available or job.status == "cancelled":
        return ()
    return tuple(_result(state, n, deps, now) for n in range(len(state.files)))


def _batch(job: Job, state: JobState, deps: JobServices, *, counted: bool) -> Job:
    """Return a batch with estimate and receipt, and, if `counted`, its current progress."""
    if counted:
        counts = live_counts(job, state.input, state.checkpoint, deps.count)
        job = job.model_copy(update={"counts": counts})
    return describe_batch(job, state.input, state.checkpoint, deps.cost)


def _extraction(job: Job, state: JobState, deps: JobServices, *, counted: bool) -> Job:
    """Return an extraction with the cost of its children, and its progress if `counted`."""
    place = ExtractionCheckpoint.model_validate_json(state.checkpoint)
    steps = job.receipt.lines if job.receipt is not None else ()
    counts = job.counts
    if counted and place.phase != "done":
        counts = written_counts(job, state.input, place, deps.count)
    receipt = Receipt.of((*batch_lines(place, deps.cost), *steps))
    return job.model_copy(update={"counts": counts, "receipt": receipt})


def with_backups(job: Job) -> Job:
    """Return `job` with the backups that still hold what it removes, if it is a removal."""
    if job.kind in (
        *("export", "reindex", "embed_pictures", "batch", "scheduled_run"),
        *("evaluation", "rollout", "extraction"),
    ):
        return job
    backups = TENANT_BACKUPS if job.kind == "remove_tenant" else BACKUPS
    return job.model_copy(update={"backups": backups})


def _result(state: JobState, n: int, deps: JobServices, now: datetime) -> JobResult:
    file = state.files[n]
    name = file.name.replace("/", "-")
    return JobResult(
        name=name,
        bytes=file.bytes,
        url=deps.sign(state.prefix + file.name, name=name, seconds=RESULT_SECONDS),
        expires_at=now + timedelta(seconds=RESULT_SECONDS),
    )


def _list(request: Request, deps: JobServices) -> JobList:
    filters = {name: query_value(request, name) for name in ("kind", "status")}
    for name, known in (("kind", get_args(JobKind)), ("status", get_args(JobStatus))):
        if filters[name] not in {None, *known}:
            raise InvalidInput(f"{name} is one of {', '.join(known)}.", field=name)
    limit = limit_of(request, MAX_PAGE)
    cursor = query_value(request, "cursor")
    after = read_cursor(cursor, filters, ULID_PATTERN) if cursor is not None else ""
    items: list[Job] = []
    for looked_at, state in enumerate(deps.records.states(tenant_of(request), after)):
        if len(items) == limit or looked_at == MAX_LOOKED_AT:
            return JobList(items=tuple(items), next_cursor=write_cursor(after, filters))
        after = state.job.job_id
        shown = {"kind": state.job.kind, "status": state.job.status}
        if all(filters[name] in {None, value} for name, value in shown.items()):
            items.append(_shown(state, deps, with_results=False))
    return JobList(items=tuple(items), next_cursor=None)
