"""`states:startExecution`: nested executions.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.stepfunctions.integrations import botocore_calls
from localcloud.stepfunctions.integrations.integration import (
    ClientFactory,
    IntegrationPattern,
    TaskCall,
    TaskResource,
)
from localcloud.stepfunctions.integrations.parameter_actions import to_json_text
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps

_STYLE = botocore_calls.ErrorStyle(
    "StepFunctions", "AWSStepFunctions", "AWSStepFunctionsException", True
)
_EXISTS = "StepFunctions.ExecutionAlreadyExistsException"
_DESCRIBED_MEMBERS = (
    "Cause",
    "Error",
    "ExecutionArn",
    "Input",
    "InputDetails",
    "Name",
    "Output",
    "OutputDetails",
    "RedriveCount",
    "RedriveDate",
    "RedriveStatus",
    "RedriveStatusReason",
    "StartDate",
    "StateMachineArn",
    "Status",
    "StopDate",
)


class StartExecutionIntegration:
    """Starts an execution, and can wait for its end.

    The execution of one attempt always has the same name, so that a call repeated after a
    restart finds the execution that it started and does not start another.
    """

    patterns = frozenset(IntegrationPattern)

    def find_problem(self, resource: TaskResource) -> str | None:
        """Return an error for any action but `startExecution`, or None."""
        return None if resource.action == "startExecution" else f"states has no {resource.action}"

    def call(self, request: TaskCall, clients: ClientFactory) -> Json:
        """Start the execution, or find the one that was started before a restart."""
        client = clients("stepfunctions", request.role_arn)
        parameters = to_json_text(request.parameters, frozenset({"Input"}))
        parameters.setdefault("Name", request.name)
        try:
            return botocore_calls.call_optimised(client, _STYLE, "StartExecution", parameters)[1]
        except ReportedError as error:
            if error.name != _EXISTS or not request.is_repeat:
                raise
            begun = _find_started(client, parameters, request.scheduled)
            if begun is None:
                raise
            return begun

    def job(self, output: Json) -> Json:
        """Return the execution's ARN."""
        assert isinstance(output, dict)
        return output["ExecutionArn"]

    def poll(
        self, pattern: IntegrationPattern, job: Json, role_arn: str, clients: ClientFactory
    ) -> Json:
        """Return the result of DescribeExecution once the execution has ended, else None."""
        shown = _describe(clients("stepfunctions", role_arn), job)
        if shown["Status"] in ("RUNNING", "PENDING_REDRIVE"):
            return None
        if pattern is IntegrationPattern.JOB_PARSED:
            for text in ("Input", "Output"):
                if isinstance(shown.get(text), str):
                    shown[text] = json.loads(str(shown[text]))
        if shown["Status"] != "SUCCEEDED":
            raise ReportedError(errors.TASK_FAILED, dumps(shown))
        return shown

    def cancel(self, job: Json, role_arn: str, clients: ClientFactory) -> None:
        """Stop the execution."""
        client = clients("stepfunctions", role_arn)
        botocore_calls.call_optimised(client, _STYLE, "StopExecution", {"ExecutionArn": job})


def _describe(client: Any, arn: Json) -> JsonObject:
    result = botocore_calls.call_optimised(
        client, _STYLE, "DescribeExecution", {"ExecutionArn": arn}
    )[1]
    shown: JsonObject = {name: result[name] for name in _DESCRIBED_MEMBERS if name in result}
    for details in ("InputDetails", "OutputDetails"):
        if details in shown:
            shown[details] = {"Included": True}
    return shown


def _find_started(client: Any, parameters: JsonObject, scheduled: float) -> JsonObject | None:
    """Return the execution of that name if it was started since the task was scheduled."""
    machine = ":".join(str(parameters.get("StateMachineArn")).split(":")[:7])
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{parameters['Name']}"
    shown = _describe(client, arn)
    started = shown["StartDate"]
    if not isinstance(started, int) or started < int(scheduled * 1000):
        return None
    return {"ExecutionArn": arn, "StartDate": started}
