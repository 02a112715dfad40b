"""The conditional writes of jobs, one function a write."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import (
    ConditionCheck,
    Key,
    Put,
    Update,
    Value,
    Write,
    WriteCondition,
)
from chalicelib.adapters.records.writes import (
    ABSENT,
    TENANT_STAYS,
    tenant_key,
    tenant_pk,
    tenant_stays,
    timestamp,
)
from chalicelib.contracts.indexes import TERMS_SUFFIX
from chalicelib.jobs.lifecycle import RECORD_DAYS, JobState

if TYPE_CHECKING:
    from chalicelib.contracts.jobs import JobEnd

JOB = "JOB#"
JOBS = "JOBS"
RUNNING_JOB = "RUNNING#"
COUNT_FIELDS = ("total", "done", "failed", "cancelled", "expired")
SHOWN_FIELDS = (
    "job_id",
    "kind",
    "status",
    "collection",
    "document_id",
    "model",
    "phase",
    "attempt",
)
HOLDERS = frozenset({"remove_tenant", "reindex"})
"""Jobs that hold their tenant until they succeed, so that their record stays until then."""


def job_key(tenant: str, job_id: str) -> Key:
    """Return the key of a job."""
    return tenant_pk(tenant), JOB + job_id


def expiry(state: JobState, end: JobEnd | None, now: datetime) -> dict[str, Value]:
    """Return the expiry of a job's record that is at `end`, None while it is open."""
    if state.input.kind in HOLDERS and end not in ("succeeded", "cancelled"):
        return {}
    return {"expires_at": int((now + timedelta(days=RECORD_DAYS)).timestamp())}


def update_fields(
    key: Key,
    changes: Mapping[str, Value],
    condition: WriteCondition,
    added: Mapping[str, Value] | None = None,
) -> Update:
    """Return the update that sets `changes` and adds `added`."""
    sets = ", ".join(f"#{name} = :{name}" for name in changes)
    adds = ", ".join(f"#{name} :{name}" for name in added or {})
    values = {f":{name}": value for name, value in {**changes, **(added or {})}.items()}
    return Update(key, f"SET {sets}" + (f" ADD {adds}" if adds else ""), values, condition)


def attempt_open(state: JobState) -> WriteCondition:
    """Require that the attempt is open, even if it is paused."""
    awake = attempt_active(state)
    return WriteCondition(
        "#attempt = :this AND #status IN ( :queued , :running , :paused )",
        {**awake.values, ":paused": "paused"},
    )


def attempt_active(state: JobState) -> WriteCondition:
    """Require that the attempt is active."""
    return WriteCondition(
        "#attempt = :this AND #status IN ( :queued , :running )",
        {":this": state.job.attempt, ":queued": "queued", ":running": "running"},
    )


def step_unchanged(state: JobState) -> WriteCondition:
    """Require that nothing was recorded since `state` was read."""
    still = attempt_active(state)
    return WriteCondition(
        f"{still.expression} AND #step = :before", {**still.values, ":before": state.step}
    )


def new_job(state: JobState, now: datetime) -> Put:
    """Store a new job."""
    pk, sk = job_key(state.input.tenant, state.input.job_id)
    job = state.job
    item: dict[str, Value] = {
        "pk": pk,
        "sk": sk,
        "input": state.input.model_dump_json(),
        "execution_arn": state.execution_arn,
        "step": state.step,
        "checkpoint": state.checkpoint,
        "created_at": timestamp(job.created_at),
        "updated_at": timestamp(now),
        **expiry(state, None, now),
        **{name: getattr(job, name) for name in SHOWN_FIELDS},
        **{name: getattr(job.counts, name) for name in COUNT_FIELDS},
    }
    if job.results_until is not None:
        item["results_until"] = timestamp(job.results_until)
    return Put(item, ABSENT)


def new_running(state: JobState, now: datetime) -> Put:
    """Store the execution of an attempt."""
    return Put(
        {
            "pk": JOBS,
            "sk": RUNNING_JOB + state.input.execution_name,
            "input": state.input.model_dump_json(),
            "execution_arn": state.execution_arn,
            "started_at": timestamp(now),
        },
        ABSENT,
    )


def hold_tenant(state: JobState) -> Write:
    """Return the write that a job makes to its tenant's record, or the condition on it."""
    given, key = state.input, tenant_key(state.input.tenant)
    if given.kind == "remove_tenant":
        return Update(key, "SET #removing = :job", {":job": given.job_id}, TENANT_STAYS)
    if given.kind == "reindex":
        return Update(
            key,
            "SET #next_job = :job",
            {":job": given.job_id},
            WriteCondition(
                f"{TENANT_STAYS.expression} AND attribute_not_exists(#next_job)"
                " AND (#model <> :model OR NOT contains(#index, :terms))",
                {":model": given.model, ":terms": TERMS_SUFFIX},
            ),
        )
    return tenant_stays(given.tenant)


def tenant_held(state: JobState) -> ConditionCheck:
    """Require that the tenant is still as the job made it."""
    given, key = state.input, tenant_key(state.input.tenant)
    if given.kind == "remove_tenant":
        return ConditionCheck(key, WriteCondition("#removing = :job", {":job": given.job_id}))
    if given.kind == "reindex":
        return ConditionCheck(
            key,
            WriteCondition(
                f"{TENANT_STAYS.expression} AND #next_job = :job", {":job": given.job_id}
            ),
        )
    return tenant_stays(given.tenant)


def next_attempt(state: JobState, now: datetime) -> Update:
    """Put a job that ended back to work."""
    job = state.job
    changes: dict[str, Value] = {
        "status": job.status,
        "attempt": job.attempt,
        "input": state.input.model_dump_json(),
        "execution_arn": state.execution_arn,
        "step": state.step,
        "checkpoint": state.checkpoint,
        "updated_at": timestamp(now),
        **expiry(state, None, now),
        **{name: getattr(job.counts, name) for name in COUNT_FIELDS},
    }
    update = update_fields(
        job_key(state.input.tenant, state.input.job_id),
        changes,
        WriteCondition("#attempt = :before", {":before": job.attempt - 1}),
    )
    gone = " REMOVE #error_type, #error_message, #error_state"
    return Update(update.key, update.expression + gone, update.values, update.condition)
