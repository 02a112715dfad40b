"""Whether an execution can be redriven.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.model import Status
from localcloud.stepfunctions.store.executions import Execution

_REDRIVABLE_S = 14 * 24 * 3600


def redrive_status(found: Execution, now: float) -> tuple[str, str | None]:
    """Return `redriveStatus` and, where it says no, `redriveStatusReason`."""
    if found.status in (Status.RUNNING, Status.SUCCEEDED, Status.PENDING_REDRIVE):
        return "NOT_REDRIVABLE", f"Execution is {found.status} and cannot be redriven"
    if found.identity.map_run_arn is not None:
        return "REDRIVABLE_BY_MAP_RUN", None
    if found.stopped is not None and now - found.stopped > _REDRIVABLE_S:
        return (
            "NOT_REDRIVABLE",
            "Execution is outside the redrivable period of 14 days and cannot be redriven",
        )
    return "REDRIVABLE", None
