"""Executions of state machines, and the tasks of theirs that wait for a token.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from chalicelib.adapters.aws import translated
from chalicelib.errors import Conflict, NotFound
from chalicelib.jobs.ingest_claims import execution_arn

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from chalicelib.contracts.arrivals import ExecutionStatus
    from chalicelib.contracts.ingest import IngestInput
    from chalicelib.contracts.jobs import JobInput, Machine


_NOT_ENDED = ("RUNNING", "PENDING_REDRIVE")


class IngestExecutions:
    """The executions of one state machine."""

    def __init__(self, client: SFNClient, machine_arn: str) -> None:
        self._client = client
        self._machine_arn = machine_arn

    def start(self, name: str, work: IngestInput) -> None:
        """Start an execution; one of that name that exists already is no error."""
        try:
            with translated(f"starting {name}"):
                self._client.start_execution(
                    stateMachineArn=self._machine_arn, name=name, input=work.model_dump_json()
                )
        except Conflict:
            return

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        """Return how an execution ended, None while it runs; raise `NotFound`."""
        return ended(self._client, execution_arn)


def ended(client: SFNClient, execution_arn: str) -> ExecutionStatus | None:
    """Return how an execution of any machine ended, None while it runs; raise `NotFound`."""
    with translated(f"looking at {execution_arn}"):
        status = client.describe_execution(executionArn=execution_arn)["status"]
    return None if status in _NOT_ENDED else cast("ExecutionStatus", status)


class JobMachines:
    """The state machines of jobs, by name."""

    def __init__(self, client: SFNClient, machines: Mapping[Machine, str]) -> None:
        self._client = client
        self._machines = machines

    def arn(self, given: JobInput) -> str:
        """Return the ARN of the execution of `given`."""
        return execution_arn(self._machines[given.machine], given.execution_name)

    def start(self, given: JobInput) -> None:
        """Start an execution; it is no error if one of that name exists."""
        with suppress(Conflict), translated(f"starting {given.execution_name}"):
            self._client.start_execution(
                stateMachineArn=self._machines[given.machine],
                name=given.execution_name,
                input=given.model_dump_json(),
            )

    def stop(self, given: JobInput) -> None:
        """Stop the execution of `given`; one that has ended, or never started, is no error."""
        with suppress(NotFound), translated(f"stopping {given.execution_name}"):
            self._client.stop_execution(executionArn=self.arn(given))

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        """Return how an execution ended, None while it runs; raise `NotFound`."""
        return ended(self._client, execution_arn)


class TaskTokens:
    """Tokens of tasks that wait.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
    """

    def __init__(self, client: SFNClient) -> None:
        self._client = client

    def succeed(self, token: str) -> None:
        """Have the execution go on that waits for a token; a task that has ended is no error."""
        errors = self._client.exceptions
        with (
            translated("sending a task token"),
            suppress(errors.TaskTimedOut, errors.TaskDoesNotExist, errors.InvalidToken),
        ):
            self._client.send_task_success(taskToken=token, output="{}")
