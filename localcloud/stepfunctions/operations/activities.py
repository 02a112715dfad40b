"""Activities: create, describe, list and delete them, and take their tasks.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-activities.html
"""

from __future__ import annotations

import threading
import time

from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.stepfunctions.engine.action_tasks import WorkerStarted
from localcloud.stepfunctions.operations.requests import (
    OperationGroup,
    StepFunctionsDeps,
    check_arn,
    check_name,
    omit_none,
    paginate,
    to_datetime,
)
from localcloud.stepfunctions.operations.state_machines import checked_tags
from localcloud.stepfunctions.store.activities import Activity, ActivityTask

POLL_SECONDS = 60.0
"""The seconds that GetActivityTask waits for a task."""

_LOOK_SECONDS = 0.1


class ActivityOperations(OperationGroup):
    """The operations on activities."""

    def __init__(self, deps: StepFunctionsDeps) -> None:
        super().__init__(deps)
        self._taking = threading.Lock()

    def create_activity(self, params: Params) -> Result:
        """Create an activity, or return the one of that name."""
        name = params["name"]
        check_name(name)
        tags = checked_tags(params.get("tags", []))
        arn = self._deps.surroundings.arn("states", f"activity:{name}")
        if self._deps.activities.find(arn) is None:
            self._deps.activities.create(arn, name, self._deps.schedule.now())
            self._deps.machines.tag(arn, tags)
        found = self._activity(arn)
        return {"activityArn": arn, "creationDate": to_datetime(found.created)}

    def describe_activity(self, params: Params) -> Result:
        """Describe an activity."""
        return _shown(self._activity(params["activityArn"]))

    def list_activities(self, params: Params) -> Result:
        """List the activities by name."""
        found, token = paginate(self._deps.activities.all(), lambda one: one.name, dict(params))
        return omit_none(activities=[_shown(one) for one in found], nextToken=token)

    def delete_activity(self, params: Params) -> Result:
        """Delete an activity if it exists."""
        check_arn(params["activityArn"], "activity")
        self._deps.activities.delete(params["activityArn"])
        return {}

    def get_activity_task(self, params: Params) -> Result:
        """Take the task that has waited longest; nothing if none comes within a minute."""
        arn, worker = params["activityArn"], params.get("workerName")
        ends = time.monotonic() + POLL_SECONDS
        while True:
            self._deps.engine.check_open()
            self._activity(arn)
            with self._taking:
                task = self._take(arn, worker)
            if task is not None:
                return {"taskToken": task.token, "input": task.input}
            if time.monotonic() >= ends:
                return {}
            time.sleep(_LOOK_SECONDS)

    def _take(self, arn: str, worker: str | None) -> ActivityTask | None:
        deps = self._deps
        while (task := deps.activities.oldest_task(arn)) is not None:
            waiting = deps.executions.token(task.token)
            taken = waiting is not None and deps.engine.signal(*waiting, WorkerStarted(worker))
            deps.engine.check_open()
            deps.activities.remove_task(task)
            if taken:
                return task
        return None

    def _activity(self, arn: str) -> Activity:
        check_arn(arn, "activity")
        found = self._deps.activities.find(arn)
        if found is None:
            raise AwsError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
        return found


def _shown(one: Activity) -> Result:
    return {"activityArn": one.arn, "name": one.name, "creationDate": to_datetime(one.created)}
