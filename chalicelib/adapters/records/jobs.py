"""Jobs in the records table.

TENANT#<tenant>    JOB#<job>              one job; expires, but not while it holds its tenant
JOBS               RUNNING#<job>-<n>      one execution that works on one, until it is settled
REMOVED#<tenant>   JOB#<job>              what was removed with a tenant, and what backups hold
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Item, TransactionRefused, Value
from chalicelib.adapters.records.job_writes import (
    COUNT_FIELDS,
    JOB,
    JOBS,
    RUNNING_JOB,
    SHOWN_FIELDS,
    attempt_active,
    attempt_open,
    expiry,
    hold_tenant,
    job_key,
    new_job,
    new_running,
    next_attempt,
    step_unchanged,
    tenant_held,
    update_fields,
)
from chalicelib.adapters.records.writes import tenant_pk, timestamp
from chalicelib.contracts.jobs import Job, JobCounts, JobError, JobInput
from chalicelib.errors import Conflict
from chalicelib.jobs.lifecycle import JobState, JobUsage, ResultFile, RunningJob, final_counts

if TYPE_CHECKING:
    from chalicelib.jobs.steps import StepOutcome


class JobTable:
    """Stores jobs, and the executions that work on them."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def state(self, tenant: str, job_id: str) -> JobState | None:
        """Return a job, or None."""
        item = self._table.get(job_key(tenant, job_id))
        return None if item is None else _state(item)

    def states(self, tenant: str, after: str) -> Iterator[JobState]:
        """Yield the tenant's jobs, newest first, those older than the id `after` ("" for all)."""
        start = JOB + after if after else ""
        for item in self._table.query(tenant_pk(tenant), JOB, after=start, newest_first=True):
            yield _state(item)

    def begin(self, state: JobState, now: datetime) -> bool:
        """Store a new job with its execution; return False if it exists already.

        Raises:
            Conflict: the tenant is being removed, or is being reindexed already.
        """
        writes = [new_job(state, now), new_running(state, now), hold_tenant(state)]
        try:
            self._table.transact(writes)
        except TransactionRefused as error:
            if error.refused & {0, 1}:
                return False
            raise _busy(state, error) from error
        return True

    def begin_again(self, state: JobState, now: datetime) -> None:
        """Store the next attempt at a job with its execution.

        Raises:
            Conflict: another attempt was begun before, or the tenant is being removed.
        """
        try:
            self._table.transact(
                [next_attempt(state, now), new_running(state, now), tenant_held(state)]
            )
        except TransactionRefused as error:
            if 0 in error.refused:
                raise Conflict("The job was tried again meanwhile.", field="job_id") from error
            raise _busy(state, error) from error

    def advance(self, state: JobState, outcome: StepOutcome, used: JobUsage, now: datetime) -> None:
        """Record a step; raise `Conflict` if the job changed since `state` was read."""
        changes: dict[str, Value] = {
            "step": state.step + 1,
            "checkpoint": outcome.checkpoint.model_dump_json(),
            "phase": outcome.phase,
            "status": outcome.status,
            "updated_at": timestamp(now),
            **{name: getattr(outcome.counts, name) for name in COUNT_FIELDS},
        }
        if outcome.end is not None:
            changes |= expiry(state, outcome.end, now)
        if outcome.error is not None:
            changes |= _failure(outcome.error)
        if outcome.files:
            changes["files"] = json.dumps([[file.name, file.bytes] for file in outcome.files])
        if outcome.summary:
            changes["result_ref"] = outcome.summary
        added: dict[str, Value] = {
            "milliseconds": used.milliseconds,
            "megabyte_milliseconds": used.megabyte_milliseconds,
            "requests": used.requests,
            "transitions": used.transitions,
            **({"put_bytes": used.put_bytes} if used.put_bytes else {}),
        }
        key = job_key(state.input.tenant, state.input.job_id)
        self._table.update(update_fields(key, changes, step_unchanged(state), added))

    def cancel(self, state: JobState, now: datetime) -> None:
        """Mark a job as cancelled; raise `Conflict` if it has ended."""
        self._end(state, {"status": "cancelled", "updated_at": timestamp(now)})

    def fail(self, state: JobState, error: JobError, now: datetime) -> None:
        """Mark a job as failed; raise `Conflict` if it has ended."""
        self._end(state, {"status": "failed", "updated_at": timestamp(now), **_failure(error)})

    def pause(self, state: JobState, now: datetime) -> None:
        """Mark a job as paused; raise `Conflict` if it has ended or is paused."""
        changes: dict[str, Value] = {"status": "paused", "updated_at": timestamp(now)}
        key = job_key(state.input.tenant, state.input.job_id)
        self._table.update(update_fields(key, changes, attempt_active(state)))

    def running(self) -> Iterator[RunningJob]:
        """Yield the executions that are not settled."""
        for item in self._table.query(JOBS, RUNNING_JOB):
            yield _running(item)

    def running_job(self, execution_name: str) -> RunningJob | None:
        """Return an execution, or None once it is settled."""
        item = self._table.get((JOBS, RUNNING_JOB + execution_name))
        return None if item is None else _running(item)

    def leave(self, running: RunningJob) -> None:
        """Record that an execution is settled; may be repeated."""
        self._table.delete(Delete((JOBS, RUNNING_JOB + running.input.execution_name)))

    def _end(self, state: JobState, changes: Mapping[str, Value]) -> None:
        key = job_key(state.input.tenant, state.input.job_id)
        self._table.update(update_fields(key, changes, attempt_open(state)))


def _failure(error: JobError) -> dict[str, Value]:
    return {
        "error_type": error.type,
        "error_message": error.message,
        "error_state": error.state,
    }


def _busy(state: JobState, error: TransactionRefused) -> Conflict:
    if state.input.kind == "reindex":
        return Conflict(
            "The tenant is unknown, has this model already, is being reindexed or is being"
            " removed.",
            field="tenant",
        )
    return Conflict(
        f"The tenant is being removed; no {state.input.kind} can begin.", field="tenant"
    )


def _state(item: Item) -> JobState:
    counts = JobCounts.model_validate({name: item.get(name, 0) for name in COUNT_FIELDS})
    status = item["status"]
    failure = (
        JobError(
            type=item["error_type"],
            message=item.get("error_message", ""),
            state=item.get("error_state", ""),
        )
        if "error_type" in item
        else None
    )
    told: dict[str, Any] = {name: item[name] for name in SHOWN_FIELDS}
    job = Job.model_validate(
        {
            **told,
            "counts": final_counts(counts, status) if status in COUNT_FIELDS else counts,
            "created_at": item["created_at"],
            "updated_at": item["updated_at"],
            "results_until": item.get("results_until"),
            "result_ref": item.get("result_ref"),
            "error": failure,
        }
    )
    return JobState(
        job=job,
        input=JobInput.model_validate_json(item["input"]),
        execution_arn=item["execution_arn"],
        step=item["step"],
        checkpoint=item["checkpoint"],
        files=tuple(ResultFile(*file) for file in json.loads(item.get("files", "[]"))),
        used=JobUsage(
            item.get("milliseconds", 0),
            item.get("megabyte_milliseconds", 0),
            item.get("requests", 0),
            item.get("transitions", 0),
            item.get("put_bytes", 0),
        ),
        counted=counts,
    )


def _running(item: Item) -> RunningJob:
    return RunningJob(
        input=JobInput.model_validate_json(item["input"]),
        execution_arn=item["execution_arn"],
        started_at=datetime.fromisoformat(item["started_at"]),
    )
