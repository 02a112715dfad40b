"""`/v1/jobs/{job_id}/execution`: the state machine that works on a job, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import json_response, serve_operation, tenant_of, utcnow
from chalicelib.api.jobs import JobStates
from chalicelib.contracts.executions import JobExecution
from chalicelib.contracts.operations import Operation
from chalicelib.errors import NotFound
from chalicelib.jobs.execution_steps import ExecutionRecord, execution_steps

if TYPE_CHECKING:
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.wiring.api import ApiParts


class ExecutionRecords(Protocol):
    """Looks up what executions did."""

    def record(self, execution_arn: str) -> ExecutionRecord:
        """Return what an execution did; raise `NotFound`."""


@dataclass(frozen=True, slots=True)
class ExecutionServices:
    """The collaborators of the view of this module."""

    jobs: JobStates
    executions: ExecutionRecords
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> ExecutionServices:
    """Return what the view of this module needs, built of the stage's `parts`."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.execution_history import ExecutionHistory
    from chalicelib.wiring.jobs import job_table

    return ExecutionServices(
        job_table(parts.environ), ExecutionHistory(aws.stepfunctions()), utcnow
    )


def routes(services: Callable[[], ExecutionServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/jobs/{job_id}/execution", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("jobs", {200: JobExecution}, errors=(NotFound,)))
    def get_job_execution(job_id: str) -> Response:
        """Show the state machine of a job's last attempt, and how far its execution is.

        A history is kept for 90 days from the end of the execution.
        """
        deps = services()
        state = deps.jobs.state(tenant_of(blueprint.current_request), job_id)
        if state is None:
            raise NotFound(f"There is no job {job_id}.", field="job_id")
        return json_response(_execution(state, deps))

    return blueprint


def _execution(state: JobState, deps: ExecutionServices) -> JobExecution:
    """Return the execution of the job's last attempt; raise `NotFound`."""
    job = state.job
    try:
        record = deps.executions.record(state.execution_arn)
    except NotFound:
        raise NotFound(
            f"There is no execution of attempt {job.attempt}: it has not begun, or it ended more"
            " than 90 days ago.",
            field="job_id",
        ) from None
    return JobExecution(
        job_id=job.job_id,
        attempt=job.attempt,
        machine=state.input.machine,
        status=record.status,
        started_at=record.started_at,
        ended_at=record.ended_at,
        first=record.definition["StartAt"],
        steps=execution_steps(record, deps.now()),
        partial=record.partial,
    )
