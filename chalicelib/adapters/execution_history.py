"""Histories of executions of state machines, read from Step Functions.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from chalicelib.adapters.aws import translated
from chalicelib.jobs.execution_steps import ExecutionEvent, ExecutionRecord

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from chalicelib.contracts.executions import ExecutionState

_NOT_ENDED = ("RUNNING", "PENDING_REDRIVE")
_MAX_EVENTS = 1_000
_MAX_DEFINITIONS = 64


class ExecutionHistory:
    """Reads what executions did: their machines and the newest events of their histories."""

    def __init__(self, client: SFNClient) -> None:
        self._client = client
        self._definitions: dict[str, Mapping[str, Any]] = {}

    def record(self, execution_arn: str) -> ExecutionRecord:
        """Return what an execution of any machine did, without its data; raise `NotFound`."""
        with translated(f"looking at {execution_arn}"):
            found = self._client.describe_execution(
                executionArn=execution_arn, includedData="METADATA_ONLY"
            )
            definition = self._definition(execution_arn)
            page = self._client.get_execution_history(
                executionArn=execution_arn,
                maxResults=_MAX_EVENTS,
                reverseOrder=True,
                includeExecutionData=False,
            )
        status = "running" if found["status"] in _NOT_ENDED else found["status"].lower()
        return ExecutionRecord(
            status=cast("ExecutionState", status),
            started_at=found["startDate"],
            ended_at=found.get("stopDate"),
            definition=definition,
            events=[_event(each) for each in reversed(page["events"])],
            partial="nextToken" in page,
        )

    def _definition(self, execution_arn: str) -> Mapping[str, Any]:
        """Return the machine of an execution, which never changes: AWS tells of few a second."""
        if execution_arn not in self._definitions:
            found = self._client.describe_state_machine_for_execution(executionArn=execution_arn)
            if len(self._definitions) == _MAX_DEFINITIONS:
                self._definitions.pop(next(iter(self._definitions)))
            self._definitions[execution_arn] = json.loads(found["definition"])
        return self._definitions[execution_arn]


def _event(event: Mapping[str, Any]) -> ExecutionEvent:
    """Return an event of a history; its one member of details names the state or the error."""
    named = (each for name, each in event.items() if name.endswith("EventDetails"))
    details: Mapping[str, Any] = next(named, {})
    is_state = event["type"].endswith(("StateEntered", "StateExited"))
    return ExecutionEvent(
        event["type"],
        event["timestamp"],
        state=details["name"] if is_state else "",
        error=details.get("error", ""),
    )
