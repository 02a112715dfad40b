"""`/v1/evaluations`: suites that are run against prompts, models and asks, by jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api import jobs
from chalicelib.api.cursors import read_cursor, write_cursor
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
from chalicelib.api.jobs import (
    ACCEPTED,
    MAX_LOOKED_AT,
    MAX_PAGE,
    JobServices,
    existing_job,
    job_results,
    new_job_input,
)
from chalicelib.contracts.evaluations.jobs import (
    CreateEvaluationRequest,
    EvaluationInput,
    EvaluationList,
    EvaluationView,
)
from chalicelib.contracts.evaluations.orders import EvaluationOrder
from chalicelib.contracts.operations import CURSOR, Operation, limit_parameter
from chalicelib.errors import Conflict, NotFound, Unsupported
from chalicelib.evaluation.storage import SUITE
from chalicelib.evaluation.suites import check_graders, check_variables, suite_digest, suite_json
from chalicelib.evaluation.views import evaluation_view
from chalicelib.jobs.lifecycle import JobState, new_job
from chalicelib.jobs.ulids import ULID_PATTERN

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.evaluations.jobs import PinnedTarget
    from chalicelib.contracts.evaluations.suites import Suite
    from chalicelib.contracts.jobs import JobInput
    from chalicelib.wiring.api import ApiParts


@dataclass(frozen=True, slots=True)
class EvaluationServices:
    """The collaborators of the views of this module.

    `pin` returns the prompts of a suite's targets of a tenant, as they are now.
    """

    jobs: JobServices
    objects: ItemObjects
    pin: Callable[[str, Suite], tuple[PinnedTarget, ...]]


def build_services(parts: ApiParts) -> EvaluationServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.wiring.prompts import prompt_library

    def pin(tenant: str, suite: Suite) -> tuple[PinnedTarget, ...]:
        from chalicelib.evaluation.pinned_targets import pin_targets

        library = prompt_library(parts.environ)
        return pin_targets(
            suite, lambda name, wanted: library.version(tenant, name, wanted), library.check
        )

    return EvaluationServices(jobs.build_services(parts), parts.batch_objects, pin)


def routes(services: Callable[[], EvaluationServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/evaluations", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "evaluations",
            {202: EvaluationView},
            body=CreateEvaluationRequest,
            once=True,
            errors=(NotFound, Conflict, Unsupported),
        ),
    )
    def create_evaluation() -> Response:
        """Run a suite: each target answers each case, and graders say how well.

        The evaluation is a job of its id, and is paused, resumed, cancelled and retried as one.
        """
        request, deps = blueprint.current_request, services()
        body = parse_body(request, CreateEvaluationRequest)
        return _launch(request, body, deps)

    @blueprint.route("/v1/evaluations", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("evaluations", {200: EvaluationList}, query=(limit_parameter(MAX_PAGE), CURSOR)),
    )
    def list_evaluations() -> Response:
        """List evaluations, newest first, a page at a time.

        A page may hold fewer than `limit`, even none, and go on behind its cursor.
        """
        return json_response(_list(blueprint.current_request, services()))

    @blueprint.route("/v1/evaluations/{evaluation_id}", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("evaluations", {200: EvaluationView}, errors=(NotFound,)))
    def get_evaluation(evaluation_id: str) -> Response:
        """Show an evaluation: how far it is, its verdict, and where its reports can be had."""
        request, deps = blueprint.current_request, services()
        state = _existing(request, evaluation_id, deps)
        return json_response(_shown(state, deps))

    @blueprint.route("/v1/evaluations/{evaluation_id}", methods=["DELETE"], authorizer=authorizer)
    @serve_operation(
        blueprint, Operation("evaluations", {200: EvaluationView}, errors=(NotFound, Conflict))
    )
    def cancel_evaluation(evaluation_id: str) -> Response:
        """Cancel an evaluation that has not ended; what was paid for stays in the cache."""
        request, deps = blueprint.current_request, services()
        deps.jobs.launcher.cancel(_existing(request, evaluation_id, deps))
        return json_response(_shown(_existing(request, evaluation_id, deps), deps))

    return blueprint


def _launch(request: Request, body: CreateEvaluationRequest, deps: EvaluationServices) -> Response:
    """Check the suite, store the response, write the suite, then launch; all may be repeated."""
    tenant, now = tenant_of(request), deps.jobs.now()
    order = EvaluationOrder(
        suite=body.suite.name,
        sha256=suite_digest(body.suite),
        key=key_id_of(request),
        budget=body.budget or body.suite.budget,
        baseline=body.baseline or "",
        confirm=body.confirm,
    )
    given = new_job_input(request, deps.jobs, "evaluation")
    given = given.model_copy(update={"evaluation": order})
    suite_json(body.suite)
    check_graders(body.suite)
    pinned = deps.pin(tenant, body.suite)
    check_variables(body.suite, {each.target: each.content for each in pinned})
    if body.baseline:
        _require_baseline(tenant, body.baseline, deps)

    def fresh() -> EvaluationView:
        state = JobState(new_job(given, now), given, "")
        return evaluation_view(state, deps.jobs.cost)

    response = run_once(request, deps.jobs.answers, fresh, ACCEPTED)
    view = EvaluationView.model_validate_json(response.body)
    launched = given.model_copy(update={"job_id": view.evaluation_id})
    if deps.jobs.records.state(tenant, view.evaluation_id) is None:
        # A repeated request must not change the versions of an evaluation that runs.
        _write_suite(launched, EvaluationInput(suite=body.suite, pinned=pinned), deps)
    deps.jobs.launcher.launch(launched)
    return response


def _write_suite(job: JobInput, content: EvaluationInput, deps: EvaluationServices) -> None:
    body = content.model_dump_json(by_alias=True).encode()
    deps.objects.write(job.bucket, f"jobs/{job.tenant}/{job.job_id}/{SUITE}", body, {})


def _require_baseline(tenant: str, baseline: str, deps: EvaluationServices) -> None:
    state = deps.jobs.records.state(tenant, baseline)
    if state is None or state.input.evaluation is None:
        raise NotFound(
            f"There is no evaluation {baseline} to compare with; headrace evaluations lists them.",
            field="baseline",
        )
    if state.is_open:
        raise Conflict(
            f"The evaluation {baseline} is {state.job.status}; compare with it once it has ended.",
            field="baseline",
        )


def _existing(request: Request, evaluation_id: str, deps: EvaluationServices) -> JobState:
    state = existing_job(request, evaluation_id, deps.jobs)
    if state.input.evaluation is None:
        raise NotFound(f"There is no evaluation {evaluation_id}.", field="evaluation_id")
    return state


def _shown(state: JobState, deps: EvaluationServices) -> EvaluationView:
    return evaluation_view(state, deps.jobs.cost, job_results(state, deps.jobs))


def _list(request: Request, deps: EvaluationServices) -> EvaluationList:
    limit, cursor = limit_of(request, MAX_PAGE), query_value(request, "cursor")
    after = read_cursor(cursor, {}, ULID_PATTERN) if cursor is not None else ""
    items: list[EvaluationView] = []
    for looked_at, state in enumerate(deps.jobs.records.states(tenant_of(request), after)):
        if len(items) == limit or looked_at == MAX_LOOKED_AT:
            return EvaluationList(items=tuple(items), next_cursor=write_cursor(after, {}))
        after = state.job.job_id
        if state.input.evaluation is not None:
            items.append(evaluation_view(state, deps.jobs.cost))
    return EvaluationList(items=tuple(items), next_cursor=None)
