"""The Lambda function `run_schedule`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.stepfunctions import JobMachines
from chalicelib.contracts.jobs import StepRequest
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import observed
from chalicelib.settings import RunScheduleSettings, memory_gb
from functions.run_schedule import core
from functions.run_schedule.children import ChildJobs
from functions.run_schedule.kind import RunDeps


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RunScheduleSettings.from_environ(os.environ)
    jobs = JobTable(DynamoTable(aws.dynamodb(), settings.records_table))
    machines = JobMachines(
        aws.stepfunctions(),
        {"export": settings.export_machine_arn, "batch": settings.batch_machine_arn},
    )
    return core.Deps(
        desk=StepContext(jobs, _now, time.perf_counter, memory_gb(os.environ)),
        runs=RunDeps(children=ChildJobs(JobLauncher(jobs, machines, _now))),
        kinds=core.KINDS,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do one step of the run that `event` names."""
    request = StepRequest.model_validate(event)
    with observed("run_schedule", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
