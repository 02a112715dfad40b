"""Executions of the state machines of jobs.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from chalicelib.adapters.aws import translated
from chalicelib.adapters.stepfunctions import ended
from chalicelib.errors import Conflict
from chalicelib.jobs.ingest_claims import execution_arn

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from chalicelib.contracts.arrivals import ExecutionStatus
    from chalicelib.contracts.jobs import JobInput, Machine


class JobMachines:
    """The state machines of jobs, by name."""

    def __init__(self, client: SFNClient, machines: Mapping[Machine, str]) -> None:
        self._client = client
        self._machines = machines

    def arn(self, given: JobInput) -> str:
        """Return the ARN that the execution of `given` has."""
        return execution_arn(self._machines[given.machine], given.execution_name)

    def start(self, given: JobInput) -> None:
        """Start an execution; one of that name that exists already is no error."""
        with suppress(Conflict), translated(f"starting {given.execution_name}"):
            self._client.start_execution(
                stateMachineArn=self._machines[given.machine],
                name=given.execution_name,
                input=given.model_dump_json(),
            )

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        """Return how an execution ended, None while it runs; raise `NotFound`."""
        return ended(self._client, execution_arn)
