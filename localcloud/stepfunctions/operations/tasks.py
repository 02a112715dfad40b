"""Task tokens: success, failure, heartbeat.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

from __future__ import annotations

import json

from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.stepfunctions.engine.errands import Answered, Beat, Failed, Signal
from localcloud.stepfunctions.operations.parts import Operations, invalid_token


class TaskOperations(Operations):
    """What the holder of a task token may say. It is stored before it is acknowledged."""

    def send_task_success(self, params: Params) -> Result:
        """Take a task's output."""
        try:
            output = json.loads(params["output"])
        except ValueError as error:
            raise AwsError("InvalidOutput", f"Invalid Output: '{error}'") from error
        return self._send(params["taskToken"], Answered(output))

    def send_task_failure(self, params: Params) -> Result:
        """Take a task's error."""
        failed = Failed(params.get("error", ""), params.get("cause", ""))
        return self._send(params["taskToken"], failed)

    def send_task_heartbeat(self, params: Params) -> Result:
        """Take word that a task is alive."""
        return self._send(params["taskToken"], Beat())

    def _send(self, token: str, signal: Signal) -> Result:
        parts = self._parts
        parts.engine.check_open()
        found = parts.executions.token(token)
        if found is None:
            raise invalid_token()
        if not parts.engine.signal(*found, signal):
            parts.engine.check_open()
            raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        return {}
