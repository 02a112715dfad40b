"""Describe, list and update Map Runs.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeMapRun.html
"""

from __future__ import annotations

from typing import Any

from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.stepfunctions.engine.records import ExecutionStatus
from localcloud.stepfunctions.map_runs.coordinator import MapRunCoordinator
from localcloud.stepfunctions.operations.requests import (
    OperationGroup,
    check_arn,
    omit_none,
    paginate,
    to_datetime,
)
from localcloud.stepfunctions.store.map_runs import MapRun

_COUNTED = {
    "pending": "PENDING",
    "running": "RUNNING",
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
    "timedOut": "TIMED_OUT",
    "aborted": "ABORTED",
}


class MapRunOperations(OperationGroup):
    """The operations on Map Runs."""

    _conductor: MapRunCoordinator

    def describe_map_run(self, params: Params) -> Result:
        """Describe a Map Run, with its present counts."""
        run = self._map_run(params["mapRunArn"])
        counts = self._deps.maps.count_children(run.arn)
        return omit_none(
            mapRunArn=run.arn,
            executionArn=run.execution_arn,
            status=run.status,
            startDate=to_datetime(run.started),
            stopDate=None if run.stopped is None else to_datetime(run.stopped),
            maxConcurrency=run.max_concurrency,
            toleratedFailurePercentage=run.tolerated_percentage or 0.0,
            toleratedFailureCount=run.tolerated_count or 0,
            executionCounts=_counts(run, {name: both[0] for name, both in counts.items()}),
            itemCounts=_counts(run, {name: both[1] for name, both in counts.items()}),
            redriveCount=run.redrive_count,
            redriveDate=None if run.redriven is None else to_datetime(run.redriven),
        )

    def list_map_runs(self, params: Params) -> Result:
        """List the Map Runs of an execution, newest first."""
        arn = params["executionArn"]
        check_arn(arn, "execution")
        if self._deps.executions.find(arn) is None:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        found, token = paginate(
            self._deps.maps.of_execution(arn), lambda one: one.arn, dict(params)
        )
        return omit_none(mapRuns=[_map_run_summary(one) for one in found], nextToken=token)

    def update_map_run(self, params: Params) -> Result:
        """Change the limits of a running Map Run."""
        run = self._map_run(params["mapRunArn"])
        if run.status is not ExecutionStatus.RUNNING:
            raise AwsError(
                "ValidationException", f"Map Run {run.arn} is {run.status} and cannot be updated"
            )
        self._deps.maps.update(
            run.arn,
            params.get("maxConcurrency"),
            params.get("toleratedFailureCount"),
            params.get("toleratedFailurePercentage"),
        )
        self._conductor.apply_limits(run.arn)
        return {}

    def _map_run(self, arn: str) -> MapRun:
        check_arn(arn, "mapRun")
        found = self._deps.maps.find(arn)
        if found is None:
            raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'", resourceName=arn)
        return found


def _counts(run: MapRun, counts: dict[str, int]) -> dict[str, int]:
    shown = {member: counts.get(status, 0) for member, status in _COUNTED.items()}
    ended = shown["succeeded"] + shown["failed"] + shown["timedOut"] + shown["aborted"]
    return {
        **shown,
        "total": sum(counts.values()),
        "resultsWritten": 0 if run.result is None else ended,
    }


def _map_run_summary(run: MapRun) -> dict[str, Any]:
    return omit_none(
        executionArn=run.execution_arn,
        mapRunArn=run.arn,
        stateMachineArn=run.plan.machine_arn,
        startDate=to_datetime(run.started),
        stopDate=None if run.stopped is None else to_datetime(run.stopped),
    )
