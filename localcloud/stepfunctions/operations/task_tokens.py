"""Task tokens: report success, failure or a heartbeat of a task.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

from __future__ import annotations

import json

from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.stepfunctions.engine.action_tasks import (
    HeartbeatReceived,
    Signal,
    WorkFailed,
    WorkSucceeded,
)
from localcloud.stepfunctions.operations.requests import OperationGroup, invalid_token


class TaskTokenOperations(OperationGroup):
    """The operations for holders of a task token. A result is stored before the response."""

    def send_task_success(self, params: Params) -> Result:
        """Complete a task with its output; the token is checked before the output, as AWS does."""
        self._waiting(params["taskToken"])
        try:
            output = json.loads(params["output"])
        except ValueError as error:
            raise AwsError("InvalidOutput", f"Invalid Output: '{error}'") from error
        return self._send(params["taskToken"], WorkSucceeded(output))

    def send_task_failure(self, params: Params) -> Result:
        """Fail a task."""
        failed = WorkFailed(params.get("error"), params.get("cause"))
        return self._send(params["taskToken"], failed)

    def send_task_heartbeat(self, params: Params) -> Result:
        """Extend a task's heartbeat."""
        return self._send(params["taskToken"], HeartbeatReceived())

    def _send(self, token: str, signal: Signal) -> Result:
        engine = self._deps.engine
        if not engine.signal(*self._waiting(token), signal):
            engine.check_open()
            raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        return {}

    def _waiting(self, token: str) -> tuple[str, int, int]:
        """Return the execution, branch and ticket that wait for `token`, or refuse it."""
        self._deps.engine.check_open()
        found = self._deps.executions.token(token)
        if found is None:
            raise invalid_token()
        return found
