"""The EventBridge event of a change of status.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.stepfunctions.engine.model import Run, Status
from localcloud.stepfunctions.store.text import as_text

_MAX_DATA_BYTES = 248 * 1024
"""Above this, input and output together are left out."""


def status_event(run: Run) -> Mapping[str, Any]:
    """Return the event that tells of the status that `run` has now. Dates are milliseconds."""
    identity, ending = run.identity, run.ending
    given = as_text(identity.input)
    succeeded = run.status is Status.SUCCEEDED and ending is not None
    output = as_text(ending.output) if succeeded and ending is not None else None
    included = len(given.encode()) + len((output or "").encode()) <= _MAX_DATA_BYTES
    redrivable = run.status not in (Status.RUNNING, Status.SUCCEEDED)
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "resources": [identity.arn],
        "detail": {
            "executionArn": identity.arn,
            "stateMachineArn": identity.machine_arn,
            "stateMachineVersionArn": None,
            "stateMachineAliasArn": None,
            "name": identity.name,
            "status": str(run.status),
            "startDate": int(identity.started * 1000),
            "stopDate": None if run.stopped is None else int(run.stopped * 1000),
            "input": given if included else None,
            "inputDetails": {"included": included},
            "output": output if included else None,
            "outputDetails": None if output is None else {"included": included},
            "error": ending.error if ending else None,
            "cause": ending.cause if ending else None,
            "redriveCount": run.redrive_count,
            "redriveDate": None if run.redriven is None else int(run.redriven * 1000),
            "redriveStatus": "REDRIVABLE" if redrivable else "NOT_REDRIVABLE",
            "redriveStatusReason": None
            if redrivable
            else f"Execution is {run.status} and cannot be redriven",
        },
    }
