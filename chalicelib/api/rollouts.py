"""`/v1/rollouts`: versions that take over from the live ones in stages."""

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
from chalicelib.api.jobs import ACCEPTED, JobServices, new_job_input
from chalicelib.contracts.operations import CURSOR, Operation, limit_parameter
from chalicelib.contracts.rollouts import (
    CreateRolloutRequest,
    DecideRolloutRequest,
    RolloutList,
    RolloutView,
)
from chalicelib.errors import Conflict, NotFound
from chalicelib.jobs.ulids import ULID_PATTERN

if TYPE_CHECKING:
    from chalicelib.contracts.rollouts import Subject
    from chalicelib.rollouts.library import RolloutLibrary
    from chalicelib.wiring.api import ApiParts

MAX_PAGE = 50
"""Rollouts have up to 100 KB each, and Lambda answers with 6 MB at most."""
_PLACE = "/v1/rollouts/{rollout_id}"
_DECISION = Operation(
    "rollouts",
    {202: RolloutView},
    body=DecideRolloutRequest,
    body_may_be_left_out=True,
    once=True,
    errors=(NotFound, Conflict),
)
Decide = Callable[["RolloutLibrary", str, str, str, str], RolloutView]


@dataclass(frozen=True, slots=True)
class RolloutServices:
    """The collaborators of the views of this module."""

    library: RolloutLibrary
    jobs: JobServices


def build_services(parts: ApiParts) -> RolloutServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.records.monitors import MonitorTable
    from chalicelib.adapters.records.rollouts import RolloutTable
    from chalicelib.adapters.stepfunctions import TaskTokens
    from chalicelib.rollouts.library import RolloutLibrary
    from chalicelib.wiring.jobs import job_launcher, rollout_settler
    from chalicelib.wiring.rollout_subjects import rollout_subjects

    services = jobs.build_services(parts)
    monitors = MonitorTable(parts.table)

    def is_monitored(tenant: str, subject: Subject) -> bool:
        return any(
            (each.subject.kind, each.subject.name) == (subject.kind, subject.name)
            and each.sample_rate > 0
            for each in monitors.monitors(tenant)
        )

    return RolloutServices(
        RolloutLibrary(
            records=RolloutTable(parts.table),
            subjects=rollout_subjects(parts.environ),
            is_monitored=is_monitored,
            launcher=job_launcher(parts.environ),
            settler=rollout_settler(parts.environ),
            tasks=TaskTokens(aws.stepfunctions()),
            now=services.now,
        ),
        services,
    )


def routes(services: Callable[[], RolloutServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/rollouts", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "rollouts",
            {202: RolloutView},
            body=CreateRolloutRequest,
            once=True,
            errors=(NotFound, Conflict),
        ),
    )
    def create_rollout() -> Response:
        """Roll out a version: a share of the end users meets it, more of them stage by stage.

        The rollout is a job of its id. Guards that are proven broken roll it back.
        """
        return _begin(blueprint.current_request, services())

    @blueprint.route("/v1/rollouts", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("rollouts", {200: RolloutList}, query=(limit_parameter(MAX_PAGE), CURSOR)),
    )
    def list_rollouts() -> Response:
        """List rollouts, newest first, a page at a time."""
        return json_response(_list(blueprint.current_request, services().library))

    @blueprint.route(_PLACE, methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("rollouts", {200: RolloutView}, errors=(NotFound,)))
    def get_rollout(rollout_id: str) -> Response:
        """Show a rollout: its stage, what its guards have seen, and why it waits or ended."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(services().library.show(tenant, rollout_id))

    @blueprint.route(f"{_PLACE}/approve", methods=["POST"], authorizer=authorizer)
    @serve_operation(blueprint, _DECISION)
    def approve_rollout(rollout_id: str) -> Response:
        """Let the stage end that waits for a decision; guards still roll back."""
        return _decide(blueprint.current_request, rollout_id, services(), _approve)

    @blueprint.route(f"{_PLACE}/reject", methods=["POST"], authorizer=authorizer)
    @serve_operation(blueprint, _DECISION)
    def reject_rollout(rollout_id: str) -> Response:
        """Roll back a rollout that waits for a decision."""
        return _decide(blueprint.current_request, rollout_id, services(), _reject)

    @blueprint.route(f"{_PLACE}/abort", methods=["POST"], authorizer=authorizer)
    @serve_operation(blueprint, _DECISION)
    def abort_rollout(rollout_id: str) -> Response:
        """Roll back a rollout, whatever it is at: its candidate gets no more traffic."""
        return _decide(blueprint.current_request, rollout_id, services(), _abort)

    return blueprint


def _approve(library: RolloutLibrary, tenant: str, rollout: str, key: str, why: str) -> RolloutView:
    return library.approve(tenant, rollout, key, why)


def _reject(library: RolloutLibrary, tenant: str, rollout: str, key: str, why: str) -> RolloutView:
    return library.reject(tenant, rollout, key, why)


def _abort(library: RolloutLibrary, tenant: str, rollout: str, key: str, why: str) -> RolloutView:
    return library.abort(tenant, rollout, key, why)


def _begin(request: Request, deps: RolloutServices) -> Response:
    """Check the plan, store the response, then begin; all may be repeated."""
    tenant, body = tenant_of(request), parse_body(request, CreateRolloutRequest)
    given = new_job_input(request, deps.jobs, "rollout")
    response = run_once(
        request,
        deps.jobs.answers,
        lambda: deps.library.plan(tenant, given.job_id, body),
        ACCEPTED,
    )
    planned = RolloutView.model_validate_json(response.body)
    deps.library.begin(planned, given, key_id_of(request))
    return response


def _decide(request: Request, rollout_id: str, deps: RolloutServices, decide: Decide) -> Response:
    body = DecideRolloutRequest()
    if request.raw_body:
        body = parse_body(request, DecideRolloutRequest)
    tenant, key = tenant_of(request), key_id_of(request)
    return run_once(
        request,
        deps.jobs.answers,
        lambda: decide(deps.library, tenant, rollout_id, key, body.reason),
        ACCEPTED,
    )


def _list(request: Request, library: RolloutLibrary) -> RolloutList:
    limit, cursor = limit_of(request, MAX_PAGE), query_value(request, "cursor")
    after = read_cursor(cursor, {}, ULID_PATTERN) if cursor is not None else ""
    items: list[RolloutView] = []
    for rollout in library.list(tenant_of(request), after):
        if len(items) == limit:
            return RolloutList(items=tuple(items), next_cursor=write_cursor(after, {}))
        after = rollout.rollout_id
        items.append(rollout)
    return RolloutList(items=tuple(items), next_cursor=None)
